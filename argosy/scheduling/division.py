"""How many replicas each chosen cluster gets."""

from __future__ import annotations

from collections.abc import Sequence

from argosy.api.placement import ReplicaSchedulingStrategy
from argosy.api.selectors import cluster_matcher
from argosy.scheduling.candidate import Candidate
from argosy.scheduling.request import ScheduleRequest
from argosy.scheduling.result import Unplaceable
from argosy.scheduling.strategy import Strategy
from argosy.scheduling.webster import divide

Shares = dict[str, int]


def by_static_weight(
    replicas: int,
    candidates: Sequence[Candidate],
    scheduling: ReplicaSchedulingStrategy | None,
    *,
    tie_break: str,
) -> Shares:
    """Shares by the weights of a policy: a cluster has the largest weight of the rules that mean it.

    Clusters that no rule means get nothing; where no cluster has any weight, all weigh the same. Neither what
    fits nor what runs where now plays a part.
    """
    preference = scheduling.weight_preference if scheduling else None
    rules = [
        (cluster_matcher(rule.target_cluster), rule.weight)
        for rule in (preference.static_weight_list if preference else ())
    ]
    weights = {
        one.name: max((weight for matches, weight in rules if matches(one.cluster)), default=0)
        for one in candidates
    }
    if not any(weights.values()):
        weights = dict.fromkeys(weights, 1)
    return divide(replicas, weights, tie_break=tie_break)


def by_room(
    replicas: int, candidates: Sequence[Candidate], *, strategy: Strategy, request: ScheduleRequest
) -> Shares:
    """Shares by what fits, over all clusters (DynamicWeight) or over as few as possible (Aggregated).

    What runs stays where it is: growing adds to it by the room that is left, shrinking takes from it in
    proportion. Only where the request is fresh is everything divided anew, by all the room there is.

    Args:
        candidates: with their room looked up, in the order that settles ties.

    Raises:
        Unplaceable: the replicas do not fit.
    """
    chosen = {one.name: one for one in candidates}
    held = {target.name: chosen[target.name].assigned for target in request.previous if target.name in chosen}
    total = sum(held.values())
    if request.fresh:
        weights = {one.name: one.available for one in candidates}
        return _divided(replicas, weights, strategy, uid=request.uid, action="divide anew")
    if total > replicas:
        return _divided(replicas, held, strategy, uid=request.uid, action="scale down")
    if total == replicas:
        return held
    weights = {one.name: one.room or 0 for one in candidates}
    first = tuple(name for name, share in held.items() if share)
    added = _divided(replicas - total, weights, strategy, uid=request.uid, action="scale up", first=first)
    return {name: held.get(name, 0) + added.get(name, 0) for name in sorted({*held, *added})}


def _divided(
    replicas: int,
    weights: Shares,
    strategy: Strategy,
    *,
    uid: str,
    action: str,
    first: tuple[str, ...] = (),
) -> Shares:
    """Shares by weight; Aggregated uses the fewest clusters, those in `first` before all others."""
    room = sum(weights.values())
    if room < replicas:
        raise Unplaceable(
            "UnschedulableError",
            f"cannot {action}: clusters available replicas {room} are not enough to schedule {replicas}; "
            "free some room or let more clusters pass",
        )
    if strategy is Strategy.AGGREGATED:
        by_weight = sorted(weights, key=lambda name: -weights[name])
        preferred = set(first)
        weights = _shortest(
            {name: weights[name] for name in sorted(by_weight, key=lambda name: name not in preferred)},
            replicas,
        )
    return divide(replicas, weights, tie_break=uid)


def _shortest(weights: Shares, replicas: int) -> Shares:
    """The first clusters that have room for all replicas."""
    taken: Shares = {}
    room = 0
    for name, weight in weights.items():
        if room >= replicas:
            break
        taken[name] = weight
        room += weight
    return taken
