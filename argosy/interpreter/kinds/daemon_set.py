"""DaemonSets."""

from __future__ import annotations

from collections.abc import Sequence

from argosy.api.behaviour import Behaviour
from argosy.api.health import Assessment, ObjectHealth
from argosy.api.manifest import Manifest
from argosy.interpreter.kind import Item, Kind, Object
from argosy.interpreter.kinds.workload import (
    generation_caught_up,
    is_behind,
    pod_dependencies,
    reflected,
    summed,
    unseen,
)
from argosy.interpreter.reading import integer

_COUNTERS = (
    "currentNumberScheduled",
    "desiredNumberScheduled",
    "numberAvailable",
    "numberMisscheduled",
    "numberReady",
    "updatedNumberScheduled",
    "numberUnavailable",
)


def _reflect(manifest: Object, behaviour: Behaviour) -> Manifest | None:
    return reflected(manifest, (*_COUNTERS, "observedGeneration"), behaviour)


def _aggregate(manifest: Object, items: Sequence[Item], behaviour: Behaviour) -> Manifest:
    caught_up = generation_caught_up(manifest, items, behaviour)
    return summed(manifest, items, _COUNTERS, caught_up=caught_up)


def _health(manifest: Object, _: Behaviour) -> Assessment:
    desired, updated, available = (
        integer(manifest, "status", name)
        for name in ("desiredNumberScheduled", "updatedNumberScheduled", "numberAvailable")
    )
    if is_behind(manifest):
        return unseen(desired=desired)
    health, message = ObjectHealth.HEALTHY, f"{available} of {desired} nodes run it"
    if updated < desired:
        health, message = ObjectHealth.PROGRESSING, f"{updated} of {desired} nodes are updated"
    elif available < updated:
        health = ObjectHealth.PROGRESSING
    return Assessment(health=health, message=message, ready=available, desired=desired)


KIND = Kind(
    api_version="apps/v1",
    kind="DaemonSet",
    reflect=_reflect,
    aggregate=_aggregate,
    health=_health,
    dependencies=pod_dependencies,
)
