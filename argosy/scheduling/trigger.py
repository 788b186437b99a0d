"""Whether a template that was placed before needs to be placed again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic import ValidationError

from argosy.api.cluster import Cluster
from argosy.api.placement import Placement
from argosy.api.record import Record
from argosy.scheduling.affinity import is_past_first_group, named_group
from argosy.scheduling.behaviour import has_static_weights, joined_by_weight
from argosy.scheduling.filters import is_leaving
from argosy.scheduling.request import ScheduleRequest
from argosy.scheduling.standing import Standing
from argosy.scheduling.strategy import Strategy, strategy_of


class Verdict(Record):
    """Whether to schedule, in which mode, and what made it so."""

    schedule: bool
    fresh: bool = False
    reason: str


def verdict(standing: Standing, clusters: Sequence[Cluster]) -> Verdict:
    """Whether a template needs scheduling: Karmada's questions in their order, then Argosy's own.

    Args:
        clusters: all member clusters, in any order.
    """
    request = standing.request
    fresh = reschedule_requested(standing.rescheduled_at, standing.scheduled_at)
    if standing.deleting:
        return Verdict(schedule=False, reason="it is being deleted")
    reason = (
        _placement_changed(standing)
        or _replicas_changed(request)
        or ("a new division was asked for" if fresh else "")
        or _always(request)
        or _cluster_leaving(request, clusters)
    )
    if reason or request.behaviour == "karmada":
        return Verdict(schedule=bool(reason), fresh=fresh, reason=reason or "nothing changed")
    return _mended(standing, clusters)


def reschedule_requested(rescheduled_at: datetime | None, scheduled_at: datetime | None) -> bool:
    """Whether a request for a new division is later than the last placement; before the first one it means nothing."""
    return rescheduled_at is not None and scheduled_at is not None and rescheduled_at > scheduled_at


def _placement_changed(standing: Standing) -> str:
    if standing.applied_placement is None:
        return "it was never placed"
    try:
        old = Placement.model_validate_json(standing.applied_placement)
    except ValidationError:
        return ""
    new, observed = standing.request.placement, standing.request.observed_affinity
    for name in ("cluster_affinity", "cluster_tolerations", "spread_constraints", "replica_scheduling"):
        if getattr(old, name) != getattr(new, name):
            return f"{name.replace('_', ' ')} changed"
    if old.cluster_affinities == new.cluster_affinities:
        return ""
    before, after = named_group(old, observed), named_group(new, observed)
    return "" if before is not None and before == after else "the affinity group in use changed"


def _replicas_changed(request: ScheduleRequest) -> str:
    if request.placement.replica_scheduling is None:
        return ""
    if request.components:
        return "" if request.previous else "it is placed nowhere"
    placed = [target.replicas or 0 for target in request.previous]
    if strategy_of(request.placement.replica_scheduling) is Strategy.DUPLICATED:
        changed = any(replicas != request.wanted for replicas in placed)
    else:
        changed = sum(placed) != request.wanted
    return "replicas changed" if changed else ""


def _always(request: ScheduleRequest) -> str:
    if not request.is_workload:
        return "there are no replicas to move"
    strategy = strategy_of(request.placement.replica_scheduling)
    return "every cluster that fits has a copy" if strategy is Strategy.DUPLICATED else ""


def _cluster_leaving(request: ScheduleRequest, clusters: Sequence[Cluster]) -> str:
    held = {target.name for target in request.previous}
    leaving = sorted(cluster.name for cluster in clusters if cluster.name in held and is_leaving(cluster))
    return f"cluster {leaving[0]} is leaving" if leaving else ""


def _mended(standing: Standing, clusters: Sequence[Cluster]) -> Verdict:
    request = standing.request
    if is_past_first_group(request):
        return Verdict(schedule=True, reason="a preferred affinity group may be back")
    if has_static_weights(request):
        return Verdict(schedule=True, reason="static weights follow the clusters")
    joined = joined_by_weight(standing, clusters)
    if joined:
        return Verdict(schedule=True, fresh=True, reason=f"cluster {joined[0]} joined")
    return Verdict(schedule=False, reason="nothing changed")
