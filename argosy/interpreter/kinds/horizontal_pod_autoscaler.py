"""HorizontalPodAutoscalers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from argosy.api.behaviour import Behaviour
from argosy.api.health import Assessment, ObjectHealth
from argosy.api.manifest import Manifest
from argosy.interpreter.kind import Item, Kind, Object
from argosy.interpreter.reading import conditions, integer, reason_of, section

_COUNTERS = ("currentReplicas", "desiredReplicas")


def _reflect(manifest: Object, _: Behaviour) -> Any:
    if "status" not in manifest:
        return None
    status = section(manifest, "status")
    return {name: status[name] for name in _COUNTERS if name in status}


def _aggregate(manifest: Object, items: Sequence[Item], _: Behaviour) -> Manifest:
    if not items:
        return dict(manifest)
    statuses = [section(item, "status") for item in items]
    sums = {name: sum(integer(one, name) for one in statuses) for name in _COUNTERS}
    return {**manifest, "status": {**section(manifest, "status"), **sums}}


def _health(manifest: Object, _: Behaviour) -> Assessment:
    found = conditions(manifest)
    current, desired = (integer(manifest, "status", name) for name in _COUNTERS)
    for name in ("AbleToScale", "ScalingActive"):
        if name in found and found[name].get("status") == "False":
            # Scaling something to zero switches its autoscaler off, which is no fault.
            switched_off = found[name].get("reason") == "ScalingDisabled"
            health = ObjectHealth.HEALTHY if switched_off else ObjectHealth.DEGRADED
            return Assessment(health=health, message=reason_of(found[name]))
    return Assessment(health=ObjectHealth.HEALTHY, message=f"{current} replicas, {desired} wanted")


KIND = Kind(
    api_version="autoscaling/v2",
    kind="HorizontalPodAutoscaler",
    reflect=_reflect,
    aggregate=_aggregate,
    health=_health,
    added=frozenset({"health"}),
)
