"""Copies that have to go: when they may be deleted, and what may not begin elsewhere before that."""

from __future__ import annotations

from datetime import datetime, timedelta

from argosy.api.eviction import Moving, PurgeMode
from argosy.api.observation import UNREACHABLE
from argosy.api.propagation import PropagationState, Target, TargetPhase


def may_leave(cluster: str, state: PropagationState, *, now: datetime) -> bool:
    """Whether a copy that was moved away from may be deleted.

    Its cluster has to answer, because deleting helps nobody where it does not, and the plan has to know that, because
    it may want the copy to stay then; and there have to be healthy copies elsewhere, unless it has waited long enough
    for them, or is to go at once. Where nothing else fits, it stays.
    """
    target = state.targets[cluster]
    eviction = state.plan.evicting.get(cluster) if state.plan else None
    if eviction is None or not eviction.answers or target.assessment == UNREACHABLE:
        return False
    if eviction.purge == PurgeMode.NEVER:
        return cluster in state.steering.approved
    others = [
        one for name, one in state.targets.items() if name != cluster and one.phase != TargetPhase.EVICTING
    ]
    if not others or (state.plan is not None and state.plan.unschedulable):
        return False
    if goes_first(target, state):
        return True
    if any(one.phase != TargetPhase.APPLIED for one in others):
        return False
    if eviction.grace_ends <= now:
        return True
    return not eviction.serves_others and all(one.is_well for one in others)


def is_kept(target: Target) -> bool:
    """Whether a copy that was moved away from stays until a person lets go of it."""
    return target.eviction is not None and target.eviction.purge == PurgeMode.NEVER


def goes_first(target: Target, state: PropagationState) -> bool:
    """Whether a copy is deleted before there are others, as far as its cluster lets that happen."""
    directly = target.eviction is not None and target.eviction.purge == PurgeMode.DIRECTLY
    return directly or moving_of(state).fenced


def awaited(state: PropagationState, *, now: datetime) -> tuple[str, ...]:
    """Clusters whose old copies have to be gone before copies elsewhere may begin or grow; sorted.

    A dead cluster is waited for only where two copies would do harm, and then until its copy has stopped by its
    lease, or a person takes it for stopped.
    """
    plan = state.plan
    if plan is None or state.deletion is not None or not plan.is_placed:
        return ()
    wanted = {target.cluster for target in plan.targets}
    return tuple(
        name
        for name, target in sorted(state.targets.items())
        if name not in wanted and _is_awaited(name, target, state, now=now)
    )


def _is_awaited(name: str, target: Target, state: PropagationState, *, now: datetime) -> bool:
    if not goes_first(target, state) or not _was_there(target):
        return False
    if not moving_of(state).fenced:
        return not is_kept(target) and target.assessment != UNREACHABLE
    ends = lease_ends(name, state)
    return name not in state.steering.approved and (ends is None or ends > now)


def lease_ends(cluster: str, state: PropagationState) -> datetime | None:
    """When a copy whose cluster is cut off has stopped by itself; None where that cannot be told."""
    target, lease = state.targets[cluster], moving_of(state).lease_seconds
    if not lease or target.changed_at is None or target.assessment != UNREACHABLE:
        return None
    if state.plan and state.plan.target(cluster) is not None:
        return None
    return target.changed_at + timedelta(seconds=lease)


def moving_of(state: PropagationState) -> Moving:
    """The conditions under which the copies move."""
    return state.plan.moving if state.plan else Moving()


def _was_there(target: Target) -> bool:
    return bool(target.uid) and (target.seen is None or not target.seen.gone)
