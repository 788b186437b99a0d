"""What is known of a template that may have been placed before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from argosy.api.cluster import Cluster
from argosy.api.record import Record
from argosy.scheduling.affinity import named_group
from argosy.scheduling.filters import Screen, is_leaving
from argosy.scheduling.request import ScheduleRequest


class Standing(Record):
    """What is known of a template and its last placement.

    Attributes:
        request: what the scheduler would be asked now.
        applied_placement: the placement that was scheduled last, as JSON; None where it never was.
        deleting: the template is on its way out.
        rescheduled_at: when someone last asked for a new division.
        scheduled_at: when it was last placed.
    """

    request: ScheduleRequest
    applied_placement: str | None = None
    deleting: bool = False
    rescheduled_at: datetime | None = None
    scheduled_at: datetime | None = None


def joined_since(standing: Standing, clusters: Sequence[Cluster]) -> list[str]:
    """The clusters that came after the last placement, fit, and hold no copy; sorted."""
    since, request = standing.scheduled_at, standing.request
    if since is None:
        return []
    terms = request.placement.cluster_affinities
    term = named_group(request.placement, request.observed_affinity) or (terms[0] if terms else None)
    screen = Screen.of(request, term)
    return sorted(
        cluster.name
        for cluster in clusters
        if (created := cluster.metadata.creation_timestamp) is not None
        and created > since
        and cluster.name not in screen.holding
        and not is_leaving(cluster)
        and screen.rejection(cluster) is None
    )
