"""The filters that a cluster must pass, each with the reason it gives."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from argosy.api.cluster import Cluster
from argosy.api.meta import Taint, Toleration
from argosy.api.selectors import cluster_matches
from argosy.scheduling.result import ScheduleRequest

Filter = Callable[[ScheduleRequest, Cluster], str]

_REPELLING = {"NoSchedule", "NoExecute"}


def affinity(request: ScheduleRequest, cluster: Cluster) -> str:
    """Only clusters that the placement means."""
    if cluster_matches(request.placement.cluster_affinity, cluster):
        return ""
    return "cluster(s) did not match the placement cluster affinity constraint"


def taint_toleration(request: ScheduleRequest, cluster: Cluster) -> str:
    """No taint that the placement does not tolerate; a cluster that holds a copy keeps it."""
    if cluster.name in request.previous:
        return ""
    taint = untolerated(cluster.spec.taints or (), request.placement.cluster_tolerations or ())
    return f"cluster(s) had untolerated taint {{{taint}}}" if taint else ""


def untolerated(taints: Iterable[Taint], tolerations: Iterable[Toleration]) -> Taint | None:
    """The first taint that keeps new copies away."""
    return next(
        (
            taint
            for taint in taints
            if taint.effect in _REPELLING and not any(t.tolerates(taint) for t in tolerations)
        ),
        None,
    )


FILTERS: tuple[Filter, ...] = (taint_toleration, affinity)


def rejection(request: ScheduleRequest, cluster: Cluster) -> str:
    """Why a cluster may not be chosen; empty where it may."""
    return next((reason for check in FILTERS if (reason := check(request, cluster))), "")
