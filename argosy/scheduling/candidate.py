"""A cluster that passed the filters, with all that is known about it on the way to its share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from argosy.api.cluster import Cluster
from argosy.scheduling.component_sets import sets_by_facts
from argosy.scheduling.estimate import UNBOUNDED, estimator
from argosy.scheduling.request import ScheduleRequest


@dataclass(slots=True)
class Candidate:
    """Attributes: as in `ClusterReason`; `assigned` is what it holds now.

    `room` is how many replicas fit beside those it holds; None as long as nobody needed to know.
    """

    cluster: Cluster
    name: str
    tier: int = 0
    score: int = 0
    assigned: int = 0
    room: int | None = None

    @property
    def available(self) -> int:
        """Replicas that it could hold altogether."""
        return (self.room or 0) + self.assigned


def find_room(request: ScheduleRequest, candidates: list[Candidate]) -> None:
    """Estimate the room of every candidate that nobody asked before."""
    estimate = _estimator(request)
    for candidate in candidates:
        if candidate.room is None:
            candidate.room = estimate(candidate.cluster)


def _estimator(request: ScheduleRequest) -> Callable[[Cluster], int]:
    wanted, closer = request.needed, request.estimates
    by_facts = sets_by_facts(request.components) if request.components else estimator(request.requirements)

    def estimate(cluster: Cluster) -> int:
        fitting = by_facts(cluster)
        known = closer.get(cluster.name, -1)
        if known >= 0:
            fitting = min(fitting, known)
        # A number this large says that nothing bounds it; then there is room for all that is asked for.
        return wanted if fitting >= UNBOUNDED else fitting

    return estimate if wanted else lambda _: UNBOUNDED


def in_order(candidates: list[Candidate]) -> list[Candidate]:
    """The candidates, best first: nearer tier, higher score, more room, name."""
    return sorted(candidates, key=lambda one: (one.tier, -one.score, -one.available, one.name))
