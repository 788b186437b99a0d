"""Services."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from argosy.api.behaviour import Behaviour
from argosy.api.health import Assessment, ObjectHealth
from argosy.api.manifest import Manifest
from argosy.interpreter.kind import Item, Kind, Object
from argosy.interpreter.kinds.load_balancer import addressed, merged
from argosy.interpreter.reading import integer, section, text


def _is_balanced(manifest: Object) -> bool:
    return text(manifest, "spec", "type") == "LoadBalancer"


def _reflect(manifest: Object, _: Behaviour) -> Any:
    status = section(manifest, "status")
    return {"loadBalancer": status.get("loadBalancer") or {}} if _is_balanced(manifest) and status else None


def _aggregate(manifest: Object, items: Sequence[Item], _: Behaviour) -> Manifest:
    return merged(manifest, items) if _is_balanced(manifest) else dict(manifest)


def _health(manifest: Object, _: Behaviour) -> Assessment:
    if _is_balanced(manifest):
        return addressed(manifest)
    return Assessment(health=ObjectHealth.HEALTHY, message="needs no address outside its cluster")


def _retain(desired: Object, observed: Object) -> Manifest:
    """The address that the member has assigned, and the port for its health checks."""
    spec = dict(section(desired, "spec"))
    address = text(observed, "spec", "clusterIP")
    if address and not spec.get("clusterIP"):
        spec["clusterIP"] = address
    port = integer(observed, "spec", "healthCheckNodePort")
    if port:
        spec["healthCheckNodePort"] = port
    return {**desired, "spec": spec}


KIND = Kind(
    api_version="v1",
    kind="Service",
    retain=_retain,
    retains=lambda desired: bool(section(desired, "spec").get("healthCheckNodePort")),
    reflect=_reflect,
    aggregate=_aggregate,
    health=_health,
)
