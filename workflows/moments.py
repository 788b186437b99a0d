"""When a propagation that waits has something to do although nothing has happened."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from argosy.api.propagation import PropagationState, Reason, TargetPhase
from workflows import options
from workflows.leaving import lease_ends


class Moment(NamedTuple):
    """When, what for, and the reason for planning anew; none where only the copies are looked at."""

    at: datetime
    why: str
    reason: Reason | None


def next_moment(state: PropagationState, *, now: datetime) -> Moment | None:
    """The earliest of the moments that a propagation waits for; None where it waits for events alone."""
    plan = state.plan
    if plan is None or state.deletion is not None:
        return None
    found = [
        Moment(at, f"move away from {name}, unless it comes back", Reason.EVICTED)
        for name, at in sorted(plan.evict_at.items())
    ]
    found += [
        Moment(target.eviction.grace_ends, f"the grace of the copy in {name} ends", None)
        for name, target in sorted(state.targets.items())
        if target.phase == TargetPhase.EVICTING and target.eviction and target.eviction.grace_ends > now
    ]
    found += [
        Moment(ends, f"the copy in {name} has stopped by then, as its lease says", None)
        for name in sorted(state.targets)
        if (ends := lease_ends(name, state)) is not None and ends > now
    ]
    if plan.retry:
        pause = min(options.PLACE_AGAIN_FIRST * 2**state.attempts, options.PLACE_AGAIN_AT_MOST)
        found.append(Moment(now + pause, "try to place again", Reason.RETRY))
    return min(found, default=None)
