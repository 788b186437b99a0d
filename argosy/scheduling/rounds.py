"""How often an observer looks at its clusters, by how many it has: what all looks together cost stays bounded."""

from __future__ import annotations

from datetime import timedelta

from argosy.api.membership import MONITOR_PATIENCE

LOOKS_A_SECOND = 100
"""Probes that one process makes at most."""
FACTS_A_SECOND = 5
"""Clusters whose nodes, pods and APIs one process reads at most."""
FACTS_INTERVAL = 30.0
"""Seconds between two readings of a cluster's facts, where there are few clusters."""
# (clusters at most, seconds): a heartbeat is a write in Temporal, and about forty a second are as many as it should
# spend on knowing that workers live.
_PATIENCE = (
    (100, MONITOR_PATIENCE),
    (300, timedelta(seconds=15)),
    (1000, timedelta(seconds=60)),
)
_MOST_PATIENCE = timedelta(seconds=180)
_BEATS = 2.5


def probe_interval(wanted: float, watched: int) -> float:
    """Seconds between two probes of a cluster.

    Args:
        wanted: as the settings say; more where there are many clusters.
        watched: clusters that the process watches.
    """
    return max(wanted, watched / LOOKS_A_SECOND)


def facts_interval(watched: int) -> float:
    """Seconds between two readings of a cluster's facts."""
    return max(FACTS_INTERVAL, watched / FACTS_A_SECOND)


def patience(watched: int) -> timedelta:
    """How long a monitor may be silent until another one takes its place."""
    return next((patience for most, patience in _PATIENCE if watched <= most), _MOST_PATIENCE)


def heartbeat_interval(patience: timedelta) -> float:
    """Seconds between heartbeats of a monitor that has nothing to tell."""
    return patience.total_seconds() / _BEATS


def wanted_patience(now: timedelta, watched: int, *, settled: bool) -> timedelta:
    """The patience to go on with: more as soon as there are too many clusters, less only once they have settled.

    Args:
        now: the patience in force.
        settled: whether the monitor has gone on for a while; after a restart, the first see few others.
    """
    needed = patience(watched)
    if needed > now:
        return needed
    # Not back and forth at a boundary.
    return min(now, patience(2 * watched)) if settled else now
