"""Placement of one template: filter, score, select, divide; every cluster gets its reason."""

from __future__ import annotations

from collections.abc import Sequence

from argosy.api.cluster import Cluster
from argosy.api.placement import ClusterAffinityTerm
from argosy.api.reasons import AffinityReasons, ClusterReason, ScheduleError
from argosy.scheduling.affinity import groups_to_try
from argosy.scheduling.behaviour import SCHEDULING, is_scaled_to_zero, is_unknown_kind
from argosy.scheduling.candidate import Candidate
from argosy.scheduling.division import Shares, by_room, by_static_weight
from argosy.scheduling.filters import Screen, is_leaving
from argosy.scheduling.overflow import by_tiers
from argosy.scheduling.request import ScheduleRequest, Target
from argosy.scheduling.result import ScheduleResult, Unplaceable, no_fit
from argosy.scheduling.score import score
from argosy.scheduling.spread import Selection, select
from argosy.scheduling.strategy import Strategy, strategy_of


def schedule(request: ScheduleRequest, clusters: Sequence[Cluster]) -> ScheduleResult:
    """Choose clusters and divide replicas.

    Args:
        clusters: all member clusters, in any order.

    Returns:
        Targets, or the error of the first affinity group that was tried; never raises for a valid request.
    """
    strategy = strategy_of(request.placement.replica_scheduling)
    by_name = sorted(clusters, key=lambda cluster: cluster.name)
    mends: tuple[str, ...] = ()
    if request.behaviour == "argosy":
        mends = tuple(rule.name for rule in SCHEDULING if rule.applies(request, clusters))
        if is_unknown_kind(request, clusters):
            request = request.without_filter("APIEnablement")
    tried: list[AffinityReasons] = []
    for term in groups_to_try(request):
        reasons, shares = _try_group(request, by_name, term, strategy)
        tried.append(reasons)
        if reasons.error is None:
            return ScheduleResult(
                targets=_targets(request, shares),
                observed_affinity=reasons.affinity,
                strategy=strategy,
                reasons=tuple(tried),
                mends=mends,
            )
    return ScheduleResult(
        observed_affinity=request.observed_affinity,
        error=tried[0].error,
        strategy=strategy,
        reasons=tuple(tried),
        mends=mends,
    )


def _try_group(
    request: ScheduleRequest,
    clusters: Sequence[Cluster],
    term: ClusterAffinityTerm | None,
    strategy: Strategy,
) -> tuple[AffinityReasons, Shares]:
    affinity = term.affinity_name if term else ""
    candidates, rejected = _screened(request, clusters, term)
    if not candidates:
        message = no_fit(len(clusters), {one.cluster: one.reason for one in rejected})
        error = ScheduleError(kind="FitError", message=message)
        return AffinityReasons(affinity=affinity, error=error, clusters=tuple(rejected)), {}
    selection, shares, failed = Selection([]), Shares(), None
    try:
        selection = select(request, candidates, strategy)
        shares = _shares(request, selection.chosen, strategy)
    except Unplaceable as failure:
        failed = failure.error
    reasons = rejected + [_reason(one, selection, shares, failed) for one in candidates]
    reasons.sort(key=lambda reason: reason.cluster)
    tried = AffinityReasons(affinity=affinity, error=failed, groups=selection.groups, clusters=tuple(reasons))
    return tried, shares


def _screened(
    request: ScheduleRequest, clusters: Sequence[Cluster], term: ClusterAffinityTerm | None
) -> tuple[list[Candidate], list[ClusterReason]]:
    """The clusters that pass every filter, and a reason for each of those that do not."""
    screen = Screen.of(request, term)
    held = {target.name: target.replicas or 0 for target in request.previous}
    candidates: list[Candidate] = []
    rejected: list[ClusterReason] = []
    for cluster in clusters:
        if is_leaving(cluster):
            continue
        name = cluster.name
        rejection = screen.rejection(cluster)
        if rejection:
            rejected.append(ClusterReason(cluster=name, rejected_by=rejection[0], reason=rejection[1]))
        else:
            candidates.append(
                Candidate(
                    cluster=cluster,
                    name=name,
                    tier=screen.tier(cluster),
                    score=score(holding=name in held),
                    assigned=held.get(name, 0),
                )
            )
    return candidates, rejected


def _shares(request: ScheduleRequest, chosen: list[Candidate], strategy: Strategy) -> Shares:
    """Replicas by cluster; clusters without any are not among them, unless the object itself is what counts."""
    if not chosen:
        raise Unplaceable("Other", "no cluster was chosen; raise maxGroups of the spread constraints")
    if not request.is_workload or request.components:
        return dict.fromkeys((one.name for one in chosen), 0)
    shares = _divided(request, chosen, strategy)
    if request.options.empty_workload_propagation:
        return dict.fromkeys((one.name for one in chosen), 0) | shares
    if is_scaled_to_zero(request) and request.behaviour == "argosy":
        held = {target.name for target in request.previous}
        staying = [one.name for one in chosen if one.name in held]
        return dict.fromkeys(staying or (one.name for one in chosen), 0)
    return {name: share for name, share in shares.items() if share}


def _divided(request: ScheduleRequest, chosen: list[Candidate], strategy: Strategy) -> Shares:
    wanted, scheduling = request.wanted, request.placement.replica_scheduling
    match strategy:
        case Strategy.DUPLICATED:
            return dict.fromkeys((one.name for one in chosen), wanted)
        case Strategy.STATIC_WEIGHT:
            return by_static_weight(wanted, chosen, scheduling, tie_break=request.uid)
        case Strategy.UNKNOWN:
            raise Unplaceable(
                "Other",
                "replicas cannot be divided without a preference; "
                "set replicaDivisionPreference to Weighted or Aggregated",
            )
        case _:

            def divide(replicas: int, candidates: Sequence[Candidate]) -> Shares:
                return by_room(replicas, candidates, strategy=strategy, request=request)

            tiered = any(term.overflow_affinities for term in request.placement.cluster_affinities)
            return by_tiers(wanted, chosen, divide) if tiered else divide(wanted, chosen)


def _reason(
    candidate: Candidate, selection: Selection, shares: Shares, error: ScheduleError | None
) -> ClusterReason:
    share = shares.get(candidate.name)
    reason = ""
    if share is None:
        reason = selection.left_out.get(candidate.name) or (
            "passed the filters" if error else "the other clusters hold all replicas"
        )
    return ClusterReason(
        cluster=candidate.name,
        reason=reason,
        tier=candidate.tier,
        score=candidate.score,
        capacity=candidate.room,
        share=share,
    )


def _targets(request: ScheduleRequest, shares: Shares) -> tuple[Target, ...]:
    numbered = request.replicas is not None
    return tuple(Target(name=name, replicas=shares[name] if numbered else None) for name in sorted(shares))
