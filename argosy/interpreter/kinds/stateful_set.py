"""StatefulSets."""

from __future__ import annotations

from collections.abc import Sequence

from argosy.api.behaviour import Behaviour
from argosy.api.health import Assessment
from argosy.api.manifest import Manifest
from argosy.interpreter.dependencies import Dependency
from argosy.interpreter.kind import Item, Kind, Object
from argosy.interpreter.kinds.workload import (
    generation_caught_up,
    pod_dependencies,
    reflected,
    replicas_at,
    revise_at,
    rollout,
    summed,
)
from argosy.interpreter.reading import entries, section

_COUNTERS = ("availableReplicas", "currentReplicas", "readyReplicas", "replicas", "updatedReplicas")


def _reflect(manifest: Object, behaviour: Behaviour) -> Manifest | None:
    observed = ("observedGeneration",) if behaviour == "argosy" else ()
    return reflected(manifest, (*_COUNTERS, *observed), behaviour)


def _aggregate(manifest: Object, items: Sequence[Item], behaviour: Behaviour) -> Manifest:
    caught_up = generation_caught_up(manifest, items, behaviour, at_least_own=behaviour == "karmada")
    return summed(manifest, items, _COUNTERS, caught_up=caught_up)


def _health(manifest: Object, _: Behaviour) -> Assessment:
    return rollout(manifest, complete=False)


def _dependencies(manifest: Object, behaviour: Behaviour) -> tuple[Dependency, ...]:
    """What its pods need, without the claims that it makes itself."""
    templates = entries(manifest, "spec", "volumeClaimTemplates")
    own = {section(one, "metadata").get("name") for one in templates}
    found = pod_dependencies(manifest, behaviour)
    return tuple(one for one in found if one.kind != "PersistentVolumeClaim" or one.name not in own)


KIND = Kind(
    api_version="apps/v1",
    kind="StatefulSet",
    replicas=replicas_at(),
    revise=revise_at(),
    reflect=_reflect,
    aggregate=_aggregate,
    health=_health,
    dependencies=_dependencies,
)
