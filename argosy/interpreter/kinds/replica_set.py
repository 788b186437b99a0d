"""ReplicaSets."""

from __future__ import annotations

from collections.abc import Sequence

from argosy.api.behaviour import Behaviour
from argosy.api.health import Assessment, ObjectHealth
from argosy.api.manifest import Manifest
from argosy.interpreter.kind import Item, Kind, Object
from argosy.interpreter.kinds.workload import (
    counted,
    generation_caught_up,
    is_behind,
    pod_dependencies,
    reflected,
    replicas_at,
    revise_at,
    summed,
    unseen,
)
from argosy.interpreter.reading import integer, optional_integer

_COUNTERS = ("replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas")


def _reflect(manifest: Object, behaviour: Behaviour) -> Manifest | None:
    kept = [name for name in _COUNTERS if name != "fullyLabeledReplicas"]
    return reflected(manifest, (*kept, "observedGeneration"), behaviour)


def _aggregate(manifest: Object, items: Sequence[Item], behaviour: Behaviour) -> Manifest:
    caught_up = generation_caught_up(manifest, items, behaviour)
    return summed(manifest, items, _COUNTERS, caught_up=caught_up)


def health(manifest: Object, _: Behaviour) -> Assessment:
    """Enough replicas are available, or their controller is on its way."""
    wanted = optional_integer(manifest, "spec", "replicas")
    available = integer(manifest, "status", "availableReplicas")
    if is_behind(manifest):
        return unseen(desired=1 if wanted is None else wanted)
    enough = wanted is None or available >= wanted
    return counted(
        available,
        1 if wanted is None else wanted,
        "available",
        health=ObjectHealth.HEALTHY if enough else ObjectHealth.PROGRESSING,
    )


KIND = Kind(
    api_version="apps/v1",
    kind="ReplicaSet",
    replicas=replicas_at(),
    revise=revise_at(),
    reflect=_reflect,
    aggregate=_aggregate,
    health=health,
    dependencies=pod_dependencies,
)
