"""What Argosy itself knows of objects: the operations of their kinds, and what holds for kinds without one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from argosy.api.behaviour import Behaviour
from argosy.api.health import Assessment
from argosy.api.manifest import Manifest
from argosy.api.requirements import Component, ReplicaRequirements
from argosy.errors import InterpreterError, NotCustomized
from argosy.interpreter import prune as pruning
from argosy.interpreter.bundled import KINDS as BUNDLED
from argosy.interpreter.conventions import health_by_conventions
from argosy.interpreter.dependencies import Dependency
from argosy.interpreter.kind import Item, Kind, Object
from argosy.interpreter.kinds import KINDS as NATIVE
from argosy.interpreter.reading import section

Operation = Literal[
    "replicas", "components", "revise", "retain", "reflect", "aggregate", "health", "dependencies"
]

KINDS: Mapping[tuple[str, str], Kind] = {**NATIVE, **BUNDLED}

# By kind alone, whatever the group, as Karmada does it.
_KIND_PRUNERS: Mapping[str, Callable[[Manifest], None]] = {
    "Deployment": pruning.deployment,
    "Job": pruning.job,
    "Service": pruning.service,
    "ServiceAccount": pruning.service_account,
    "Secret": pruning.secret,
    "PersistentVolumeClaim": pruning.persistent_volume_claim,
}


def kind_of(manifest: Object) -> Kind | None:
    """What is known of an object's kind, in its version."""
    return KINDS.get((str(manifest.get("apiVersion") or ""), str(manifest.get("kind") or "")))


def knows(manifest: Object, operation: Operation, behaviour: Behaviour = "argosy") -> bool:
    """Whether the kind has a rule of its own for an operation."""
    kind = kind_of(manifest)
    if kind is None or (behaviour == "karmada" and operation in kind.added):
        return False
    return getattr(kind, operation) is not None


def prune(manifest: Object) -> Manifest:
    """A copy without what a server has set and what must not travel; the given one is not touched."""
    copy = pruning.common(manifest)
    special = _KIND_PRUNERS.get(str(manifest.get("kind")))
    if special is not None:
        special(copy)
    return copy


def replicas_of(
    manifest: Object, behaviour: Behaviour = "argosy"
) -> tuple[int, ReplicaRequirements | None] | None:
    """The replicas that a template asks for and what each needs; None for kinds that have none."""
    return _asked(manifest, "replicas", behaviour, behaviour)  # type: ignore[no-any-return]  # an operation's own type


def components_of(manifest: Object, behaviour: Behaviour = "argosy") -> tuple[Component, ...] | None:
    """The pod templates of a workload that has several; None for kinds that have one or none."""
    return _asked(manifest, "components", behaviour, behaviour)  # type: ignore[no-any-return]  # as above


def revise_replicas(manifest: Object, replicas: int, behaviour: Behaviour = "argosy") -> Manifest:
    """A copy that asks for `replicas`; kinds without replicas stay as they are."""
    revised: Manifest | None = _asked(manifest, "revise", behaviour, replicas, behaviour)
    return dict(manifest) if revised is None else revised


def retained(desired: Object, observed: Object) -> Manifest:
    """The desired object with what the member is to keep."""
    kept: Manifest | None = _asked(desired, "retain", "argosy", observed)
    return dict(desired) if kept is None else kept


def retains(desired: Object) -> bool:
    """Whether applying has to look at the member's object first: this one names a field that the member decides."""
    kind = kind_of(desired)
    return kind is not None and kind.retains is not None and kind.retains(desired)


def reflected_status(manifest: Object, behaviour: Behaviour = "argosy") -> Any:
    """What is collected of an object's status; all of it for kinds without a rule."""
    if knows(manifest, "reflect", behaviour):
        return _asked(manifest, "reflect", behaviour, behaviour)
    return dict(section(manifest, "status")) if "status" in manifest else None


def aggregated(
    manifest: Object, items: Sequence[Item] | None, behaviour: Behaviour = "argosy"
) -> Manifest | None:
    """The template with the status that the clusters' reports make together; None for kinds without a rule."""
    kind = kind_of(manifest)
    if items is None and kind is not None and kind.without_items:
        if kind.without_items == "error":
            raise InterpreterError("no list of reports is given; give one, which may be empty")
        return dict(manifest)
    return _asked(manifest, "aggregate", behaviour, items or (), behaviour)  # type: ignore[no-any-return]  # as above


def health_of(manifest: Object, behaviour: Behaviour = "argosy") -> Assessment:
    """How a live object fares.

    Raises:
        NotCustomized: with Karmada's behaviour, for kinds that it calls healthy unseen.
    """
    deleted = section(manifest, "metadata").get("deletionTimestamp")
    if knows(manifest, "health", behaviour) and (behaviour == "karmada" or not deleted):
        found: Assessment = _asked(manifest, "health", behaviour, behaviour)
        return found
    if behaviour == "karmada":
        raise NotCustomized(f"no rule tells the health of {manifest.get('kind')}")
    return health_by_conventions(manifest)


def dependencies_of(manifest: Object, behaviour: Behaviour = "argosy") -> tuple[Dependency, ...] | None:
    """What a template needs in every cluster it runs in, each once; None for kinds without a rule."""
    return _asked(manifest, "dependencies", behaviour, behaviour)  # type: ignore[no-any-return]  # as above


def _asked(manifest: Object, operation: Operation, behaviour: Behaviour, *arguments: Any) -> Any:
    if not knows(manifest, operation, behaviour):
        return None
    return getattr(kind_of(manifest), operation)(manifest, *arguments)
