"""PersistentVolumes."""

from __future__ import annotations

from collections.abc import Sequence

from argosy.api.behaviour import Behaviour
from argosy.api.health import Assessment, ObjectHealth
from argosy.api.manifest import Manifest
from argosy.interpreter.kind import Item, Kind, Object
from argosy.interpreter.reading import section, text

_WORST_FIRST = ("Failed", "Pending", "Available", "Bound", "Released")


def _aggregate(manifest: Object, items: Sequence[Item], _: Behaviour) -> Manifest:
    if not items:
        return dict(manifest)
    phases = {text(item, "status", "phase") or "Pending" for item in items}
    phase = next((one for one in _WORST_FIRST if one in phases), "")
    return {**manifest, "status": {**section(manifest, "status"), "phase": phase}}


def _health(manifest: Object, _: Behaviour) -> Assessment:
    phase = text(manifest, "status", "phase")
    said = text(manifest, "status", "message")
    if phase == "Failed":
        return Assessment(health=ObjectHealth.DEGRADED, message=said or "failed")
    if phase in {"", "Pending"}:
        return Assessment(health=ObjectHealth.PROGRESSING, message="not available yet")
    return Assessment(health=ObjectHealth.HEALTHY, message=phase.lower())


def _retain(desired: Object, observed: Object) -> Manifest:
    """The claim that the member has bound it to."""
    spec = dict(section(desired, "spec"))
    claim = section(observed, "spec").get("claimRef")
    if claim:
        spec["claimRef"] = claim
    return {**desired, "spec": spec}


KIND = Kind(
    api_version="v1",
    kind="PersistentVolume",
    retain=_retain,
    retains=lambda desired: bool(section(desired, "spec").get("claimRef")),
    aggregate=_aggregate,
    health=_health,
    added=frozenset({"health"}),
)
