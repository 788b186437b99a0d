"""What one replica of a workload needs, read from its pod template. Algorithm source: Karmada's native interpreter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from argosy.api.behaviour import Behaviour
from argosy.api.meta import Toleration
from argosy.api.quantity import Quantity
from argosy.api.requirements import NodeClaim, ReplicaRequirements

Spec = Mapping[str, Any]
Amounts = dict[str, Quantity]

_TOLERATIONS: TypeAdapter[tuple[Toleration, ...]] = TypeAdapter(tuple[Toleration, ...])


def of_pod(spec: Spec, *, behaviour: Behaviour) -> ReplicaRequirements | None:
    """Requests, node selector, node affinity and tolerations of a pod; None where it states none of them.

    Regular containers run together, so their requests add up; an init container runs alone, so the larger number
    counts. A container without a request asks for its limit. Karmada takes a sidecar (an init container that is
    always restarted) for one that runs alone; for Argosy it runs beside all that start after it, as in Kubernetes.
    """
    running = _sum(_requests(one) for one in _containers(spec, "containers"))
    sidecars: Amounts = {}
    largest: Amounts = {}
    for container in _containers(spec, "initContainers"):
        if behaviour == "argosy" and container.get("restartPolicy") == "Always":
            sidecars = _sum((sidecars, _requests(container)))
            largest = _larger(largest, sidecars)
        else:
            largest = _larger(largest, _sum((sidecars, _requests(container))))
    requests = _larger(_sum((running, sidecars)), largest)
    total = _sum((requests, _amounts(spec.get("overhead"))))
    requests = {name: amount for name, amount in total.items() if amount.nanos > 0}
    claim = _claim(spec)
    if not requests and claim is None:
        return None
    return ReplicaRequirements(node_claim=claim, resource_request=requests)


def _known(toleration: Any) -> Any:
    """A toleration without fields that its API does not have, as a server reads it."""
    if not isinstance(toleration, Mapping):
        return toleration
    names = {field.alias or name for name, field in Toleration.model_fields.items()}
    return {name: value for name, value in toleration.items() if name in names}


def _claim(spec: Spec) -> NodeClaim | None:
    affinity = _mapping(_mapping(spec.get("affinity")).get("nodeAffinity"))
    hard = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    selector = {str(key): str(value) for key, value in _mapping(spec.get("nodeSelector")).items()}
    try:
        written = [_known(one) for one in spec.get("tolerations") or ()]
        tolerations = _TOLERATIONS.validate_python(written)
    except (ValidationError, TypeError):
        tolerations = ()
    if not (hard or selector or tolerations):
        return None
    return NodeClaim(
        hard_node_affinity=dict(hard) if isinstance(hard, Mapping) else None,
        node_selector=selector,
        tolerations=tolerations,
    )


def _requests(container: Spec) -> Amounts:
    resources = _mapping(container.get("resources"))
    return {**_amounts(resources.get("limits")), **_amounts(resources.get("requests"))}


def _amounts(written: Any) -> Amounts:
    found: Amounts = {}
    for name, text in _mapping(written).items():
        try:
            found[str(name)] = Quantity(str(text))
        except ValueError:
            # The member cluster refuses the object, and says why.
            continue
    return found


def _sum(amounts: Iterable[Amounts]) -> Amounts:
    total: Amounts = {}
    for one in amounts:
        for name, amount in one.items():
            total[name] = total[name] + amount if name in total else amount
    return total


def _larger(one: Amounts, other: Amounts) -> Amounts:
    return {
        name: max(amounts[name] for amounts in (one, other) if name in amounts)
        for name in (*one, *(name for name in other if name not in one))
    }


def _containers(spec: Spec, name: str) -> list[Spec]:
    found = spec.get(name)
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
