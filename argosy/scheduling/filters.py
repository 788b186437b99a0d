"""The filters that a cluster must pass, each with the reason it gives."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from argosy.api.cluster import Cluster
from argosy.api.meta import Taint, Toleration
from argosy.api.selectors import cluster_matches
from argosy.scheduling.result import ScheduleRequest

Filter = Callable[[ScheduleRequest, Cluster], str]

_REPELLING = {"NoSchedule", "NoExecute"}


def cluster_affinity(request: ScheduleRequest, cluster: Cluster) -> str:
    """Only clusters that the placement means."""
    affinity = request.placement.cluster_affinity
    if affinity is None or cluster_matches(affinity, cluster):
        return ""
    return "cluster(s) did not match the placement cluster affinity constraint"


def taint_toleration(request: ScheduleRequest, cluster: Cluster) -> str:
    """No taint that the placement does not tolerate; a cluster that holds a copy keeps it."""
    if cluster.name in request.previous:
        return ""
    taint = untolerated(cluster.spec.taints, request.placement.cluster_tolerations)
    return f"cluster(s) had untolerated taint {{{_shown(taint)}}}" if taint else ""


def untolerated(taints: Iterable[Taint], tolerations: Iterable[Toleration]) -> Taint | None:
    """The first taint that keeps new copies away."""
    return next(
        (
            taint
            for taint in taints
            if taint.effect in _REPELLING and not any(tolerates(t, taint) for t in tolerations)
        ),
        None,
    )


def tolerates(toleration: Toleration, taint: Taint) -> bool:
    """Whether a toleration covers a taint, as Kubernetes defines it."""
    if toleration.effect and toleration.effect != taint.effect:
        return False
    if toleration.key and toleration.key != taint.key:
        return False
    if toleration.operator == "Exists":
        return True
    # An empty key with Equal never matches: only Exists may leave the key out.
    return bool(toleration.key) and toleration.value == taint.value


def _shown(taint: Taint) -> str:
    return f"{taint.key}={taint.value}:{taint.effect}" if taint.value else f"{taint.key}:{taint.effect}"


FILTERS: tuple[Filter, ...] = (taint_toleration, cluster_affinity)


def rejection(request: ScheduleRequest, cluster: Cluster) -> str:
    """Why a cluster may not be chosen; empty where it may."""
    return next((reason for check in FILTERS if (reason := check(request, cluster))), "")
