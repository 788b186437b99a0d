"""PersistentVolumeClaims."""

from __future__ import annotations

from collections.abc import Sequence

from argosy.api.behaviour import Behaviour
from argosy.api.health import Assessment, ObjectHealth
from argosy.api.manifest import Manifest
from argosy.interpreter.kind import Item, Kind, Object
from argosy.interpreter.reading import section, text


def _aggregate(manifest: Object, items: Sequence[Item], _: Behaviour) -> Manifest:
    """Bound when all are; one that is lost outweighs those that are pending."""
    phases = [phase for item in items if (phase := text(item, "status", "phase"))]
    unbound = [phase for phase in phases if phase != "Bound"]
    phase = "Lost" if "Lost" in unbound else unbound[-1] if unbound else "Bound"
    return {**manifest, "status": {**section(manifest, "status"), "phase": phase}}


def _health(manifest: Object, _: Behaviour) -> Assessment:
    phase = text(manifest, "status", "phase")
    if phase == "Bound":
        volume = text(manifest, "spec", "volumeName")
        return Assessment(health=ObjectHealth.HEALTHY, message=f"bound to {volume}" if volume else "bound")
    if phase == "Lost":
        return Assessment(health=ObjectHealth.DEGRADED, message="its volume is lost")
    return Assessment(health=ObjectHealth.PROGRESSING, message="waiting for a volume")


def _retain(desired: Object, observed: Object) -> Manifest:
    """The volume that the member has bound it to."""
    spec = dict(section(desired, "spec"))
    volume = text(observed, "spec", "volumeName")
    if volume:
        spec["volumeName"] = volume
    return {**desired, "spec": spec}


KIND = Kind(
    api_version="v1",
    kind="PersistentVolumeClaim",
    retain=_retain,
    retains=lambda desired: bool(section(desired, "spec").get("volumeName")),
    aggregate=_aggregate,
    health=_health,
)
