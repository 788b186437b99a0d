"""What will become of a cluster's copies, and when: summed up from what their propagations publish."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from activities import attributes
from activities.fleet import as_cluster, is_member
from activities.snapshot import list_clusters
from argosy.api.membership import ClusterStatus
from argosy.api.propagation import PropagationStatus
from argosy.scheduling.eviction import is_outage
from cli.session import Session

_OPEN = 'WorkflowType = "Propagation" AND ExecutionStatus = "Running"'


@dataclass(frozen=True)
class Foresight:
    """What is known to come.

    Attributes:
        moves: when, and whose copy, in order.
        held: a person has asked that nothing moves.
        guarded: so many clusters fail at once that those which do not answer are not given up.
    """

    moves: tuple[tuple[datetime, str], ...] = ()
    held: bool = False
    guarded: bool = False

    @property
    def stays(self) -> str:
        """Why nothing moves although it may be due; empty where it does."""
        if self.held:
            return "held: nothing moves"
        return "guarded: too many clusters fail at once, so nothing moves" if self.guarded else ""

    def sentence(self, *, now: datetime) -> str:
        """For a person; the waits count down."""
        if not self.moves:
            return self.stays or "nothing moves away"
        count = len(self.moves)
        who = "1 propagation" if count == 1 else f"{count} propagations"
        verb = "would move" if self.stays else "moves" if count == 1 else "move"
        (first, whose), (last, _) = self.moves[0], self.moves[-1]
        when = f"{waits(first - now)} ({whose})"
        if count > 1:
            when = f"first {when}, last {waits(last - now)}"
        said = f"{who} {verb} away: {when}"
        return f"{self.stays}; {said}" if self.stays else said


def waits(left: timedelta) -> str:
    """A wait as people say it: `now`, `in 12 s`, `in 4 min 51 s`, `in 2 h 5 min`."""
    seconds = max(0, round(left.total_seconds()))
    if not seconds:
        return "now"
    hours, minutes, rest = seconds // 3600, seconds % 3600 // 60, seconds % 60
    parts = [(hours, "h"), (minutes, "min"), (0 if hours else rest, "s")]
    return "in " + " ".join(f"{number} {unit}" for number, unit in parts if number)


def moves_of(statuses: Iterable[PropagationStatus], cluster: str) -> tuple[tuple[datetime, str], ...]:
    """When the copies on a cluster have to go, and whose they are."""
    return tuple(sorted((one.evict_at[cluster], str(one.ref)) for one in statuses if cluster in one.evict_at))


def is_guarded(clusters: Iterable[ClusterStatus], cluster: str, *, share: float) -> bool:
    """Whether a cluster that does not answer is not given up, because too many others do not either."""
    members = [one for one in clusters if is_member(one)]
    failing = [one.name for one in members if not one.health.ready]
    fleet = [as_cluster(one, ()) for one in members]
    return cluster in failing and is_outage(fleet, failing=failing, share=share)


async def foresee(session: Session, status: ClusterStatus, *, guard: float | None) -> Foresight:
    """Look at the propagations that have a copy on a cluster, as the lists show them.

    Args:
        guard: the share of the clusters that may fail at once, as the worker that watches has it; None where none does.
    """
    name = status.name
    # Where the names are too many to be listed, a bucket of names stands for each.
    claims = f'{attributes.CLUSTERS.name} IN ("{name}", "{attributes.bucket(name)}")'
    found = [one async for one in session.propagations(f"{_OPEN} AND {claims}")]
    clusters = {**await list_clusters(session.client), name: status}
    return Foresight(
        moves=moves_of(found, name),
        held=status.settings.hold,
        guarded=is_guarded(
            clusters.values(), name, share=session.settings.fleet_guard if guard is None else guard
        ),
    )
