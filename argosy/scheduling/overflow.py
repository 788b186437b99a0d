"""Overflow: replicas that a group's own clusters cannot hold go to its overflow groups, one after another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby

from argosy.scheduling.candidate import Candidate
from argosy.scheduling.division import Shares
from argosy.scheduling.result import Unplaceable


def by_tiers(
    replicas: int, candidates: Sequence[Candidate], divide: Callable[[int, Sequence[Candidate]], Shares]
) -> Shares:
    """Fill each tier before the next; `divide` shares out what one tier takes.

    Raises:
        Unplaceable: all tiers together cannot hold the replicas.
    """
    shares: Shares = {}
    remaining = replicas
    tiers = sorted(candidates, key=lambda one: one.tier)
    for _, tier in groupby(tiers, key=lambda one: one.tier):
        members = list(tier)
        taken = min(remaining, sum(one.available for one in members))
        if taken > 0:
            shares |= divide(taken, members)
            remaining -= taken
    if remaining:
        raise Unplaceable(
            "UnschedulableError",
            f"the group and its overflow groups lack room for {remaining} of {replicas} replicas; "
            "free some room or add an overflow group",
        )
    return shares
