"""Deployments."""

from __future__ import annotations

from collections.abc import Sequence

from argosy.api.behaviour import Behaviour
from argosy.api.drift import RETAIN_REPLICAS
from argosy.api.health import Assessment
from argosy.api.manifest import Manifest
from argosy.errors import InterpreterError
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
from argosy.interpreter.reading import conditions, holds, optional_integer, section

_COUNTERS = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "unavailableReplicas")


def _reflect(manifest: Object, behaviour: Behaviour) -> Manifest | None:
    return reflected(manifest, (*_COUNTERS, "observedGeneration"), behaviour)


def _aggregate(manifest: Object, items: Sequence[Item], behaviour: Behaviour) -> Manifest:
    caught_up = generation_caught_up(manifest, items, behaviour)
    return summed(manifest, items, _COUNTERS, caught_up=caught_up)


def _health(manifest: Object, _: Behaviour) -> Assessment:
    found = conditions(manifest)
    complete = holds(found, "Progressing") and found["Progressing"].get("reason") == "NewReplicaSetAvailable"
    return rollout(manifest, complete=complete)


def _retains(desired: Object) -> bool:
    return section(desired, "metadata", "labels").get(RETAIN_REPLICAS) == "true"


def _retain(desired: Object, observed: Object) -> Manifest:
    if not _retains(desired):
        return dict(desired)
    replicas = optional_integer(observed, "spec", "replicas")
    if replicas is None:
        raise InterpreterError("the Deployment in the member has no spec.replicas to keep; look at it")
    return {**desired, "spec": {**section(desired, "spec"), "replicas": replicas}}


KIND = Kind(
    api_version="apps/v1",
    kind="Deployment",
    replicas=replicas_at(),
    revise=revise_at(),
    retain=_retain,
    retains=_retains,
    reflect=_reflect,
    aggregate=_aggregate,
    health=_health,
    dependencies=pod_dependencies,
)
