"""What is recorded of a copy when it was applied, when it was seen, and when somebody else has changed it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from activities.contracts import Applied, Corrected
from argosy.api.drift import Drift
from argosy.api.eviction import CopyFacts
from argosy.api.health import ObjectHealth
from argosy.api.observation import UNREACHABLE, CopyObservation, Observed, newer
from argosy.api.propagation import PropagationState, Target, TargetPhase

# Two changes by others within this time are a quarrel, and each is answered later than the one before.
QUARREL = timedelta(minutes=10)
REMEMBERED_EPOCHS = 16
PAUSE_FIRST = timedelta(seconds=1)
PAUSE_AT_MOST = timedelta(minutes=5)


def applied_target(target: Target, applied: Applied, state: PropagationState, *, at: datetime) -> Target:
    """A copy that has just been applied; how it fared before is believed until something else is seen."""
    seen = target.seen or CopyObservation()
    if applied.assessment is not None and not newer(seen.version, applied.version):
        seen = seen.model_copy(update={"assessment": applied.assessment})
    if not newer(seen.version, applied.version):
        seen = seen.model_copy(
            update={
                "uid": applied.uid,
                "version": applied.version,
                "fields": applied.fields,
                "revision": state.revision,
                "pass_number": state.pass_number,
                "gone": False,
            }
        )
    return target.model_copy(
        update={
            "phase": TargetPhase.APPLIED,
            "uid": applied.uid,
            "digest": applied.digest,
            "revision": state.revision,
            "pass_number": state.pass_number,
            "version": applied.version,
            "fields": applied.fields,
            "seen": seen,
            "category": "",
            "message": "",
            "since": at,
            "grows": False,
            "grown": target.grows and _lacks(target, seen),
            "unwell_since": _unwell_since(target, seen, at=at),
        }
    )


def observed_targets(targets: Mapping[str, Target], event: Observed, *, at: datetime) -> dict[str, Target]:
    """The copies with what was seen of them, where that is not older than what is known."""
    known = dict(targets)
    for cluster, seen in event.copies.items():
        target = known.get(cluster)
        if target is not None and not newer(target.seen.version if target.seen else "", seen.version):
            changed = seen.assessment != target.assessment
            known[cluster] = target.model_copy(
                update={
                    "seen": seen,
                    "grown": target.grown and _lacks(target, seen),
                    "changed_at": at if changed else target.changed_at,
                    "unwell_since": _unwell_since(target, seen, at=at),
                }
            )
    return known


def _lacks(target: Target, seen: CopyObservation) -> bool:
    """Whether fewer replicas were seen to be wanted there than have been asked for; what does not count lacks none."""
    desired = seen.assessment.desired
    return desired is not None and target.replicas is not None and desired < target.replicas


def _unwell_since(target: Target, seen: CopyObservation, *, at: datetime) -> datetime | None:
    """Since when a copy is known not to be healthy; what cannot be known is no sign of illness."""
    if seen.assessment.health not in {ObjectHealth.PROGRESSING, ObjectHealth.DEGRADED}:
        return None
    return target.unwell_since or at


def unreachable(target: Target, *, at: datetime) -> Target:
    """A copy of which nothing can be known for now."""
    if target.assessment == UNREACHABLE:
        return target
    seen = (target.seen or CopyObservation()).model_copy(update={"assessment": UNREACHABLE})
    return target.model_copy(update={"seen": seen, "changed_at": at, "unwell_since": None})


def drifted_target(target: Target, what: str, found: Corrected, *, at: datetime) -> Target:
    """A copy with a finding that somebody else had changed it; where that was not undone, it counts as known."""
    last = target.drift.at if target.drift else None
    if what == "deleted" and found.there:
        # Without Argosy's label it was out of sight; or it was not, and then nothing but this answer corrects that.
        what = "changed"
        if found.applied is not None:
            target = target.model_copy(update={"seen": None})
    if what == "changed" and found.there and not found.fields:
        # Only what the member may change.
        return target if found.applied is not None else _as_seen(target)
    target = target if found.applied is not None else _as_seen(target)
    changes = {
        "drift": Drift(
            what=what, fields=found.fields, by=found.by, at=at, corrected=found.applied is not None
        ),
        "drifts": target.drifts + 1,
        "fought": target.fought + 1 if last is not None and at - last < QUARREL else 1,
    }
    return target.model_copy(update=changes)


def _as_seen(target: Target) -> Target:
    """A copy that is left as it is; only what differs from now on is news."""
    seen = target.seen or CopyObservation()
    revision, pass_number = min(seen.stamp, target.stamp)
    changes = {
        "uid": "" if seen.gone else seen.uid,
        "version": seen.version,
        "fields": seen.fields,
        "revision": revision,
        "pass_number": pass_number,
    }
    return target.model_copy(update=changes)


def pause_before(target: Target, *, at: datetime) -> timedelta:
    """How long the next change by others is let be: not at all at first, ever longer in a quarrel."""
    last = target.drift.at if target.drift else None
    if last is None or at - last >= QUARREL or not target.fought:
        return timedelta(0)
    return min(PAUSE_FIRST * (1 << min(target.fought, 12) - 1), PAUSE_AT_MOST)


def facts_of(state: PropagationState) -> CopyFacts:
    """What a planner has to know of the copies there are."""
    going = {name: one for name, one in state.targets.items() if one.eviction is not None}
    staying = {name: one for name, one in state.targets.items() if one.eviction is None}
    return CopyFacts(
        evicting={name: one.eviction for name, one in going.items() if one.eviction is not None},
        unwell={name: one.unwell_since for name, one in staying.items() if one.unwell_since is not None},
        lacking=tuple(
            name
            for name, one in sorted(staying.items())
            if one.phase != TargetPhase.APPLIED or not one.is_well
        ),
        state={name: one.seen.state for name, one in state.targets.items() if one.seen and one.seen.state},
    )


def acknowledged(state: PropagationState, *, planned_with: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """What changes of the state when a plan has looked at events: they are acknowledged, and asked for no more.

    Whoever drains a cluster waits for that only where there is a copy.
    """
    left = {name: epoch for name, epoch in state.events.items() if planned_with.get(name) != epoch}
    here = {name: epoch for name, epoch in planned_with.items() if name in state.targets}
    known = {name: epoch for name, epoch in state.acknowledged.items() if name not in here}
    return {"events": left, "acknowledged": dict(list({**known, **here}.items())[-REMEMBERED_EPOCHS:])}
