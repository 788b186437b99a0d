"""Choosing among the clusters that passed the filters, by spread constraints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from argosy.api.cluster import Cluster
from argosy.api.placement import SpreadConstraint
from argosy.api.reasons import GroupReason
from argosy.scheduling.behaviour import lacks_maximum, spreads_by_one_property
from argosy.scheduling.candidate import Candidate, find_room, in_order
from argosy.scheduling.grouping import Group, choose
from argosy.scheduling.request import ScheduleRequest
from argosy.scheduling.result import Unplaceable
from argosy.scheduling.strategy import Strategy, ignores_spread

# A full group is worth this much more than the best score of its clusters.
_UNIT = 1000
_NO_MAXIMUM = 2**31 - 1

_PROPERTIES: dict[str, Callable[[Cluster], tuple[str, ...]]] = {
    "region": lambda cluster: (cluster.region,),
    "provider": lambda cluster: (cluster.provider,),
    # A cluster that lies in several zones stands for each of them.
    "zone": lambda cluster: cluster.zones,
}


@dataclass(frozen=True, slots=True)
class Selection:
    """The clusters chosen, in the order in which shares are given; and why the others were not."""

    chosen: list[Candidate]
    groups: tuple[GroupReason, ...] = ()
    left_out: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Limits:
    least: int
    most: int

    @classmethod
    def of(cls, request: ScheduleRequest, constraint: SpreadConstraint | None) -> _Limits:
        """Karmada reads a missing maximum as none at all: zero."""
        least = constraint.min_groups if constraint else 0
        most = constraint.max_groups if constraint else 0
        unlimited = lacks_maximum(constraint) and request.behaviour == "argosy"
        return cls(least=least, most=_NO_MAXIMUM if unlimited else most)


def select(request: ScheduleRequest, candidates: list[Candidate], strategy: Strategy) -> Selection:
    """The clusters that satisfy the spread constraints.

    Args:
        candidates: at least one; their room is looked up where it decides.

    Raises:
        Unplaceable: the constraints cannot be satisfied.
    """
    placement = request.placement
    if not placement.spread_constraints or ignores_spread(placement.replica_scheduling):
        if strategy.divides_by_room:
            find_room(request, candidates)
        return Selection(in_order(candidates))
    find_room(request, candidates)
    ranked = in_order(candidates)
    constraints = {one.spread_by_field: one for one in placement.spread_constraints if one.spread_by_field}
    if "region" in constraints:
        return _by_property(request, ranked, strategy, "region")
    if "cluster" in constraints:
        return _by_cluster(request, ranked, strategy, _Limits.of(request, constraints["cluster"]))
    if spreads_by_one_property(request) and request.behaviour == "argosy":
        return _by_property(request, ranked, strategy, next(iter(constraints)))
    raise Unplaceable(
        "Other", "the spread constraints name neither cluster nor region; add one with spreadByField cluster"
    )


def _by_cluster(
    request: ScheduleRequest, ranked: list[Candidate], strategy: Strategy, limits: _Limits
) -> Selection:
    if len(ranked) < limits.least:
        raise Unplaceable(
            "Other",
            f"only {len(ranked)} clusters are feasible, and the spread by cluster asks for {limits.least}; "
            "lower minGroups or let more clusters pass",
        )
    count = min(len(ranked), limits.most)
    chosen, rest = ranked[:count], ranked[count:]
    left_out = {
        one.name: f"ranks {rank}, and at most {count} clusters are taken (maxGroups)"
        for rank, one in enumerate(rest, start=count + 1)
    }
    if strategy.divides:
        for one in _make_room(chosen, rest, request.needed):
            left_out[one.name] = "gave way to a cluster with more room"
    return Selection(chosen, left_out={one.name: left_out[one.name] for one in rest})


def _make_room(chosen: list[Candidate], rest: list[Candidate], wanted: int) -> list[Candidate]:
    """Exchange chosen clusters, worst first, for roomier ones until all replicas fit; returns the exchanged.

    Raises:
        Unplaceable: they do not fit even then.
    """
    available = sum(one.available for one in chosen)
    exchanged: list[Candidate] = []
    for position in reversed(range(len(chosen))):
        if available >= wanted:
            return exchanged
        leaving = chosen[position]
        best = max(range(len(rest)), key=lambda index: rest[index].available, default=None)
        if best is not None and rest[best].available > leaving.available:
            available += rest[best].available - leaving.available
            chosen[position], rest[best] = rest[best], leaving
            exchanged.append(leaving)
    if available < wanted:
        raise Unplaceable(
            "Other",
            f"no {len(chosen)} clusters have room for {wanted} replicas, {available} at most; "
            "raise maxGroups of the spread by cluster",
        )
    return exchanged


def _by_property(
    request: ScheduleRequest, ranked: list[Candidate], strategy: Strategy, name: str
) -> Selection:
    constraints = {one.spread_by_field: one for one in request.placement.spread_constraints}
    limits = _Limits.of(request, next(one for field, one in constraints.items() if field == name))
    cluster_limits = _Limits.of(request, constraints.get("cluster"))
    members: dict[str, list[Candidate]] = {}
    for candidate in ranked:
        for value in _PROPERTIES[name](candidate.cluster):
            members.setdefault(value, []).append(candidate)
    if len(members) < limits.least:
        raise Unplaceable(
            "Other",
            f"only {len(members)} of the {name}s asked for ({limits.least}) have feasible clusters; "
            "lower minGroups or let more clusters pass",
        )
    visit = max(limits.least, cluster_limits.least)
    groups = [
        Group(value, len(within), _group_score(request, within, strategy, least=limits.least, visit=visit))
        for value, within in members.items()
    ]
    picked = choose(groups, least=limits.least, most=limits.most, clusters=cluster_limits.least)
    if picked is None:
        raise Unplaceable(
            "Other",
            f"no {limits.least} to {limits.most} {name}s have {cluster_limits.least} feasible clusters "
            "together; lower minGroups of the spread by cluster",
        )
    values = [group.name for group in picked]
    chosen = _fill([members[value] for value in values], ranked, cluster_limits.most)
    return Selection(
        chosen, _group_reasons(name, groups, values), _left_out(name, members, values, chosen, ranked)
    )


def _fill(groups: list[list[Candidate]], ranked: list[Candidate], most: int) -> list[Candidate]:
    """The best cluster of every group, then the best of all the others until there are `most`."""
    chosen = {group[0].name: group[0] for group in groups}
    within = {one.name for group in groups for one in group}
    for candidate in ranked:
        if len(chosen) >= most:
            break
        if candidate.name in within:
            chosen.setdefault(candidate.name, candidate)
    return list(chosen.values())


def _group_score(
    request: ScheduleRequest, group: list[Candidate], strategy: Strategy, *, least: int, visit: int
) -> int:
    """How well a group suits: what it can hold counts before how its clusters score.

    Args:
        least: groups that share the replicas at least.
        visit: clusters that are looked at even where fewer would do.
    """
    if not strategy.divides:
        fitting = [one.score for one in group if one.available >= request.wanted]
        return len(fitting) * _UNIT + sum(fitting) // len(fitting) if fitting else 0
    target = -(-request.wanted // max(least, 1))
    available = scores = visited = 0
    for one in group:
        available, scores, visited = available + one.available, scores + one.score, visited + 1
        if visited >= visit and available >= target:
            break
    return min(available, target) * _UNIT + scores // (visited if available >= target else len(group))


def _group_reasons(name: str, groups: list[Group], picked: list[str]) -> tuple[GroupReason, ...]:
    return tuple(
        GroupReason(
            field=name,
            name=group.name,
            clusters=group.clusters,
            score=group.score,
            chosen=group.name in picked,
            reason="" if group.name in picked else f"other {name}s rank higher together",
        )
        for group in sorted(groups, key=lambda one: (-one.score, one.name))
    )


def _left_out(
    name: str,
    members: dict[str, list[Candidate]],
    picked: list[str],
    chosen: list[Candidate],
    ranked: list[Candidate],
) -> dict[str, str]:
    taken = {one.name for one in chosen}
    within = {one.name for value in picked for one in members[value]}
    return {
        one.name: (
            f"at most {len(chosen)} clusters are taken (maxGroups)"
            if one.name in within
            else f"its {name} was not chosen"
        )
        for one in ranked
        if one.name not in taken
    }
