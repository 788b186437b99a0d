"""What a propagation shows: its phase in one word and a sentence, its memo, and its details page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from temporalio.common import SearchAttributeUpdate

from activities import attributes
from argosy.api.health import ObjectHealth, replicas_ready
from argosy.api.observation import last_of
from argosy.api.plan import Groups, Plan
from argosy.api.propagation import Phase, PropagationState, PropagationStatus, Target, TargetPhase
from workflows.inside import NO_WORKER
from workflows.leaving import awaited, is_kept, lease_ends, moving_of

# A memo is copied into the visibility row.
MEMO_CLUSTERS = 40
DETAIL_ROWS = 30
PUBLISHED_STEPS = 8
_GAP = "\u00a0\u00a0"
_WORST_FIRST = {
    TargetPhase.FAILED: 0,
    TargetPhase.PENDING: 1,
    TargetPhase.REMOVING: 2,
    TargetPhase.EVICTING: 2,
    TargetPhase.SUSPENDED: 3,
    TargetPhase.APPLIED: 4,
}


def phase_of(state: PropagationState, *, at: datetime) -> tuple[Phase, str]:
    """The phase of a propagation and the sentence that goes with it."""
    plan = state.plan
    by_phase = Counter(target.phase for target in state.targets.values())
    total = len(state.targets)
    names = _names(state)
    if state.deletion is not None:
        if not state.targets:
            return Phase.DELETED, "deleted from every cluster"
        return Phase.DELETING, f"waiting for {_listed(sorted(state.targets))}{_held_up(state)}"
    if state.trouble:
        return Phase.FAILED, state.trouble
    if not state.revision:
        needed = _listed([name.partition("/")[2] for name in sorted(state.required_by)])
        return Phase.WAITING, f"{needed} needs it, and it was not submitted; apply it"
    if plan is None:
        return Phase.PENDING, "not planned yet"
    if plan.emptied and not total:
        return Phase.WAITING, plan.message
    if plan.policy is None and not plan.is_placed:
        if total:
            return (
                Phase.WAITING,
                f"no policy matches; copies stay as they are in {_listed(sorted(state.targets))}",
            )
        return Phase.WAITING, plan.message
    if plan.waiting:
        return Phase.WAITING, plan.waiting
    if plan.unschedulable:
        return Phase.UNSCHEDULABLE, plan.unschedulable
    if by_phase[TargetPhase.FAILED]:
        return Phase.FAILED, f"failed in {_listed(names[TargetPhase.FAILED])}"
    if by_phase[TargetPhase.PENDING]:
        return (
            Phase.APPLYING,
            f"waiting for {_listed(names[TargetPhase.PENDING])}{_fenced(state, at=at)}{_held_up(state)}",
        )
    if by_phase[TargetPhase.REMOVING]:
        return Phase.APPLYING, f"removing from {_listed(names[TargetPhase.REMOVING])}{_held_up(state)}"
    if by_phase[TargetPhase.SUSPENDED]:
        return (
            Phase.SUSPENDED,
            f"dispatching to {_listed(names[TargetPhase.SUSPENDED])} is suspended by the policy",
        )
    left = names[TargetPhase.EVICTING]
    staying = total - len(left)
    behind = f"; moved away from {_listed(left)}, whose copies go when that is safe" if left else ""
    kept = [name for name in left if is_kept(state.targets[name])]
    if kept:
        ref = state.ref
        behind = (
            f"; moved away from {_listed(left)}; `argosy approve {ref.kind} {ref.name}` deletes what is there"
        )
    return Phase.APPLIED, f"applied to {staying} cluster{'' if staying == 1 else 's'}{behind}{_coming(plan)}"


def _held_up(state: PropagationState) -> str:
    """What keeps the first of the copies that something is still to be done for, where that is known."""
    waiting = {TargetPhase.PENDING, TargetPhase.REMOVING}
    held_up = (one for _, one in sorted(state.targets.items()) if one.category == NO_WORKER)
    return next((f"; {one.message}" for one in held_up if one.phase in waiting), "")


def _fenced(state: PropagationState, *, at: datetime) -> str:
    """What has to have stopped before a copy begins, and how a person helps."""
    waits = awaited(state, now=at)
    if not waits or not any(target.grows for target in state.targets.values()):
        return ""
    until = [
        f"{name} until {ends:%H:%M:%S} UTC" if (ends := lease_ends(name, state)) else name for name in waits
    ]
    ref = state.ref
    how = f", or `argosy approve {ref.kind} {ref.name}` says so" if moving_of(state).fenced else ""
    return f", which begins when the copy in {_listed(until)} has stopped{how}"


def _coming(plan: Plan) -> str:
    """What will happen to copies if nothing changes, or why it does not."""
    if plan.held_back:
        return f"; {plan.held_back}"
    soon = [f"{name} at {at:%H:%M:%S} UTC" for name, at in sorted(plan.evict_at.items())]
    return f"; moves away from {_listed(soon)} if it does not come back" if soon else ""


def status_of(state: PropagationState, *, at: datetime) -> PropagationStatus:
    """What goes into the memo: everything small, and the worst copies first where there are many."""
    clusters = dict(_worst_first(state.targets)[:MEMO_CLUSTERS])
    return PropagationStatus(
        ref=state.ref,
        revision=state.revision,
        pass_number=state.pass_number,
        phase=state.phase,
        reason=state.reason,
        message=state.message,
        policy=state.policy,
        submitted_by=state.submitted_by,
        submitted_at=state.submitted_at,
        updated_at=at,
        health=state.overall_health(),
        health_since=state.health_since,
        drifts=sum(target.drifts for target in state.targets.values()),
        evict_at=state.plan.evict_at if state.plan else {},
        left=state.plan.left if state.plan else {},
        awaited=awaited(state, now=at),
        steering=state.steering,
        acknowledged=state.acknowledged,
        steps=state.steps[-PUBLISHED_STEPS:],
        counts=dict(sorted(Counter(str(target.phase) for target in state.targets.values()).items())),
        clusters=clusters,
        rejected=state.plan.rejected if state.plan else {},
        decision=state.plan.message if state.plan else "",
        overrides=_overrides(state, clusters),
        digest=state.digest,
        priority=state.plan.priority if state.plan else 0,
        groups=state.plan.groups if state.plan else Groups(),
        waiting_for=tuple(sorted(state.targets)) if state.deletion else (),
    )


def health_changes(state: PropagationState, *, at: datetime) -> dict[str, object]:
    """What to write down of the health of all copies together, and since when."""
    overall = state.overall_health()
    health = overall.health if overall else None
    return {} if health == state.health else {"health": health, "health_since": at}


def attributes_of(state: PropagationState) -> list[SearchAttributeUpdate[Any]]:
    """What lists can find the propagation by."""
    return [
        attributes.PHASE.value_set(str(state.phase)),
        attributes.HEALTH.value_set(str(state.health or "")),
        attributes.POLICY.value_set(str(state.policy or "")),
        attributes.CLUSTERS.value_set(attributes.claimed(list(state.targets))),
        attributes.REVISION.value_set(state.revision),
    ]


def details_of(state: PropagationState) -> str:
    """The page that Temporal's UI shows for the workflow, in Markdown."""
    where = f"revision {state.revision}, pass {state.pass_number} ({state.reason})"
    health = state.overall_health()
    lines = [
        f"**{state.ref}** · {where} · **{state.phase}**: {state.message or 'starting'}",
        "",
        *((f"Health: **{health.health}** {_cell(health.message)}", "") if health else ()),
        f"Policy: {state.policy or 'none'}" + (f" · {state.plan.message}" if state.plan else ""),
    ]
    rows = _worst_first(state.targets)
    if rows:
        columns = (
            *("cluster", "phase", "health", "ready", "replicas", "revision", "drift"),
            *("last change (UTC)", "last message"),
        )
        lines += ["", _row(columns), "|---" * len(columns) + "|"]
        lines += [_line(name, target) for name, target in rows[:DETAIL_ROWS]]
        if len(rows) > DETAIL_ROWS:
            lines.append(f"\n… and {len(rows) - DETAIL_ROWS} more")
    if state.steps:
        lines += ["", _row(("at (UTC)", "what", "by", "why")), "|---" * 4 + "|"]
        lines += [
            _row((f"{one.at:%Y-%m-%d %H:%M:%S}", _cell(one.what), _cell(one.by), _cell(one.why)))
            for one in reversed(state.steps[-DETAIL_ROWS:])
        ]
    return "\n".join(lines)


def _line(name: str, target: Target) -> str:
    known = target.assessment
    cells = (
        name,
        target.phase,
        known.health,
        replicas_ready(known),
        "" if target.replicas is None else target.replicas,
        target.revision or "",
        target.drifts or "",
        _moment(last_of(target.since, target.changed_at)),
        _cell(target.message or ("" if known.is_healthy else known.message)),
    )
    return _row(cells)


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}" if at else ""


def _row(cells: Iterable[object]) -> str:
    # The UI gives the cells of a table no room of their own.
    return f"| {' | '.join(f'{cell}{_GAP}' for cell in cells)} |"


def _cell(text: str) -> str:
    return text.replace("|", "/").replace("\n", " ")


def adopted(state: PropagationState, plan: Plan, *, at: datetime) -> dict[str, Target]:
    """The copies as they stand when `plan` comes into force: kept, to be applied, or to be removed."""
    targets: dict[str, Target] = {}
    for wanted in plan.targets:
        known = state.targets.get(wanted.cluster, Target())
        if wanted.error:
            changed = {"phase": TargetPhase.FAILED, "category": "OverrideError", "message": wanted.error}
        elif known.phase == TargetPhase.APPLIED and known.digest == wanted.digest:
            targets[wanted.cluster] = known.model_copy(update={"replicas": wanted.replicas, "eviction": None})
            continue
        elif plan.is_suspended(wanted.cluster):
            changed = {"phase": TargetPhase.SUSPENDED, "category": "", "message": ""}
        else:
            changed = {"phase": TargetPhase.PENDING, "category": "", "message": ""}
        grows = known.grows or not known.uid or (wanted.replicas or 0) > (known.replicas or 0)
        targets[wanted.cluster] = known.model_copy(
            update={**changed, "replicas": wanted.replicas, "since": at, "grows": grows, "eviction": None}
        )
    for name, known in state.targets.items():
        if name in targets or name in plan.released:
            continue
        if name in plan.evicting:
            moved = {"phase": TargetPhase.EVICTING, "eviction": plan.evicting[name]}
            # What is being deleted already is not spared by a later pass.
            going = known.phase == TargetPhase.REMOVING and known.eviction is not None
            since = known.since if known.phase == TargetPhase.EVICTING else at
            targets[name] = known if going else known.model_copy(update={**moved, "since": since})
        else:
            targets[name] = removing(known, at=at)
    return dict(sorted(targets.items()))


def removing(target: Target, *, at: datetime) -> Target:
    """A copy that is to go."""
    return target.model_copy(update={"phase": TargetPhase.REMOVING, "since": at})


def _overrides(state: PropagationState, shown: dict[str, Target]) -> dict[str, tuple[str, ...]]:
    targets = state.plan.targets if state.plan else ()
    return {
        target.cluster: target.overrides for target in targets if target.overrides and target.cluster in shown
    }


def _worst_first(targets: dict[str, Target]) -> list[tuple[str, Target]]:
    healths = list(ObjectHealth)
    return sorted(
        targets.items(),
        key=lambda item: (_WORST_FIRST[item[1].phase], -healths.index(item[1].assessment.health), item[0]),
    )


def _names(state: PropagationState) -> dict[TargetPhase, list[str]]:
    return {
        phase: sorted(name for name, target in state.targets.items() if target.phase == phase)
        for phase in TargetPhase
    }


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:5])
    return f"{shown} and {len(names) - 5} more" if len(names) > 5 else shown
