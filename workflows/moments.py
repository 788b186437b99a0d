"""When a propagation that waits has something to do although nothing has happened."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from argosy.api.observation import UNREACHABLE
from argosy.api.propagation import PropagationState, Reason, Target, TargetPhase
from workflows import options


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
        Moment(deadline, f"the grace of the copy in {name} ends", None)
        for name, target in sorted(state.targets.items())
        if target.phase == TargetPhase.EVICTING
        and (deadline := grace_ends(target)) is not None
        and deadline > now
    ]
    if plan.retry:
        pause = min(options.PLACE_AGAIN_FIRST * 2**state.attempts, options.PLACE_AGAIN_AT_MOST)
        found.append(Moment(now + pause, "try to place again", Reason.RETRY))
    return min(found, default=None)


def grace_ends(target: Target) -> datetime | None:
    """When a copy that is to go has waited long enough for healthy ones elsewhere."""
    return target.since + options.EVICTION_GRACE if target.since is not None else None


def may_leave(cluster: str, state: PropagationState, *, now: datetime) -> bool:
    """Whether an evicted copy may be deleted.

    Its cluster has to answer, because deleting helps nobody where it does not; and there have to be healthy copies
    elsewhere, unless it has waited long enough for them.
    """
    target = state.targets[cluster]
    others = [
        one for name, one in state.targets.items() if name != cluster and one.phase != TargetPhase.EVICTING
    ]
    if not others or target.assessment == UNREACHABLE:
        return False
    if any(one.phase != TargetPhase.APPLIED for one in others):
        return False
    ends = grace_ends(target)
    return all(one.assessment.is_healthy for one in others) or (ends is not None and ends <= now)
