"""Placement of one template: filter, then divide; every cluster that is left out has its reason."""

from __future__ import annotations

from collections.abc import Sequence

from argosy.api.cluster import Cluster
from argosy.scheduling.division import DUPLICATED, by_static_weight, strategy_of
from argosy.scheduling.filters import rejection
from argosy.scheduling.result import ScheduleRequest, ScheduleResult, Share, no_fit


def schedule(request: ScheduleRequest, clusters: Sequence[Cluster]) -> ScheduleResult:
    """Choose clusters and divide replicas.

    Args:
        clusters: all member clusters, in any order.

    Returns:
        Targets sorted by name, or an error that says why there are none; never raises for a valid request.
    """
    strategy = strategy_of(request.placement.replica_scheduling)
    rejected: dict[str, str] = {}
    feasible: list[Cluster] = []
    for cluster in sorted(clusters, key=lambda cluster: cluster.name):
        reason = rejection(request, cluster)
        if reason:
            rejected[cluster.name] = reason
        else:
            feasible.append(cluster)
    if not feasible:
        return ScheduleResult(error=no_fit(len(clusters), rejected), rejected=rejected, strategy=strategy)
    if request.replicas is None or strategy == DUPLICATED:
        targets = tuple(Share(cluster=cluster.name, replicas=request.replicas) for cluster in feasible)
        return ScheduleResult(targets=targets, rejected=rejected, strategy=strategy)
    shares = by_static_weight(
        request.replicas, feasible, request.placement.replica_scheduling, tie_break=request.uid
    )
    rejected |= {
        name: "cluster(s) got no share of the replicas by weight" for name, n in shares.items() if n == 0
    }
    return ScheduleResult(
        targets=tuple(Share(cluster=name, replicas=n) for name, n in sorted(shares.items()) if n),
        rejected=rejected,
        strategy=strategy,
    )
