"""PodDisruptionBudgets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from argosy.api.behaviour import Behaviour
from argosy.api.health import Assessment, ObjectHealth
from argosy.api.manifest import Manifest
from argosy.interpreter.kind import Item, Kind, Object
from argosy.interpreter.reading import integer, section, text

_COUNTERS = ("currentHealthy", "desiredHealthy", "disruptionsAllowed", "expectedPods")


def _reflect(manifest: Object, _: Behaviour) -> Any:
    if "status" not in manifest:
        return None
    status = section(manifest, "status")
    return {name: status[name] for name in (*_COUNTERS, "disruptedPods") if name in status}


def _aggregate(manifest: Object, items: Sequence[Item], _: Behaviour) -> Manifest:
    statuses = [section(item, "status") for item in items]
    pods = {
        f"{text(item, 'clusterName')}/{pod}": at
        for item, status in zip(items, statuses, strict=True)
        for pod, at in section(status, "disruptedPods").items()
    }
    sums: Manifest = {name: sum(integer(one, name) for one in statuses) for name in _COUNTERS}
    if pods:
        sums["disruptedPods"] = pods
    return {**manifest, "status": {**section(manifest, "status"), **sums}}


def _health(manifest: Object, _: Behaviour) -> Assessment:
    current, desired = (integer(manifest, "status", name) for name in ("currentHealthy", "desiredHealthy"))
    return Assessment(
        health=ObjectHealth.HEALTHY if current >= desired else ObjectHealth.DEGRADED,
        message=f"{current} of {desired} pods that must be healthy are",
    )


KIND = Kind(
    api_version="policy/v1",
    kind="PodDisruptionBudget",
    reflect=_reflect,
    aggregate=_aggregate,
    health=_health,
)
