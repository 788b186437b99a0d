"""When a copy has to leave a cluster: its NoExecute taints against what the template tolerates, and for how long.

Source: Kubernetes' taint-based eviction as Karmada applies it to clusters. Argosy adds tolerations that hold where a
policy says nothing about a taint that a failing cluster gets by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from argosy.api.cluster import Cluster
from argosy.api.meta import Taint, Toleration
from argosy.scheduling.filters import tolerates

_EVICTING = "NoExecute"
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def leaves_at(
    taints: Iterable[Taint], tolerations: Sequence[Toleration], *, by_default: Mapping[str, timedelta]
) -> datetime | None:
    """When a copy has to go; None where it may stay for ever.

    Args:
        tolerations: as the policy has them.
        by_default: taint key -> how long such a taint is tolerated where no toleration of the policy covers it.
    """
    moments = [
        moment
        for taint in taints
        if taint.effect == _EVICTING and (moment := _until(taint, tolerations, by_default)) is not None
    ]
    return min(moments, default=None)


def _until(
    taint: Taint, tolerations: Sequence[Toleration], by_default: Mapping[str, timedelta]
) -> datetime | None:
    """When one taint is not tolerated any more; at once, if it never was."""
    since = taint.time_added or _BEGINNING
    covering = [one for one in tolerations if tolerates(one, taint)]
    if not covering:
        return since + by_default.get(taint.key, timedelta(0))
    bounds = [one.toleration_seconds for one in covering if one.toleration_seconds is not None]
    return since + timedelta(seconds=max(0, min(bounds))) if bounds else None


def is_outage(clusters: Iterable[Cluster], *, failing: Iterable[str], share: float) -> bool:
    """Whether so many clusters fail at once that the observer is to be suspected rather than the clusters.

    Args:
        failing: names of clusters that do not answer.
        share: the largest share of the fleet that may fail by itself; one cluster alone always may.
    """
    names = {cluster.name for cluster in clusters}
    count = len(names & set(failing))
    return count > 1 and count > share * len(names)
