"""What a propagation shows: its phase in one word and a sentence, its memo, and its details page."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from argosy.api.propagation import (
    Groups,
    Phase,
    Plan,
    PropagationState,
    PropagationStatus,
    Target,
    TargetPhase,
)

# A memo is copied into the visibility row.
MEMO_CLUSTERS = 40
DETAIL_ROWS = 30
_WORST_FIRST = {
    TargetPhase.FAILED: 0,
    TargetPhase.PENDING: 1,
    TargetPhase.REMOVING: 2,
    TargetPhase.SUSPENDED: 3,
    TargetPhase.APPLIED: 4,
}


def phase_of(state: PropagationState) -> tuple[Phase, str]:
    """The phase of a propagation and the sentence that goes with it."""
    plan = state.plan
    by_phase = Counter(target.phase for target in state.targets.values())
    total = len(state.targets)
    names = _names(state)
    if state.deletion is not None:
        if not state.targets:
            return Phase.DELETED, "deleted from every cluster"
        return Phase.DELETING, f"waiting for {_listed(sorted(state.targets))}"
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
        return Phase.APPLYING, f"waiting for {_listed(names[TargetPhase.PENDING])}"
    if by_phase[TargetPhase.REMOVING]:
        return Phase.APPLYING, f"removing from {_listed(names[TargetPhase.REMOVING])}"
    if by_phase[TargetPhase.SUSPENDED]:
        return (
            Phase.SUSPENDED,
            f"dispatching to {_listed(names[TargetPhase.SUSPENDED])} is suspended by the policy",
        )
    return Phase.APPLIED, f"applied to {total} cluster{'' if total == 1 else 's'}"


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


def details_of(state: PropagationState) -> str:
    """The page that Temporal's UI shows for the workflow, in Markdown."""
    where = f"revision {state.revision}, pass {state.pass_number} ({state.reason})"
    lines = [
        f"**{state.ref}** · {where} · **{state.phase}**: {state.message or 'starting'}",
        "",
        f"Policy: {state.policy or 'none'}" + (f" · {state.plan.message}" if state.plan else ""),
    ]
    rows = _worst_first(state.targets)
    if rows:
        lines += ["", "| cluster | phase | replicas | revision | last error |", "|---|---|---|---|---|"]
        lines += [
            f"| {name} | {target.phase} | {'' if target.replicas is None else target.replicas} "
            f"| {target.revision or ''} | {target.message.replace('|', '/')} |"
            for name, target in rows[:DETAIL_ROWS]
        ]
        if len(rows) > DETAIL_ROWS:
            lines.append(f"\n… and {len(rows) - DETAIL_ROWS} more")
    return "\n".join(lines)


def adopted(state: PropagationState, plan: Plan, *, at: datetime) -> dict[str, Target]:
    """The copies as they stand when `plan` comes into force: kept, to be applied, or to be removed."""
    targets: dict[str, Target] = {}
    for wanted in plan.targets:
        known = state.targets.get(wanted.cluster, Target())
        if wanted.error:
            changed = {"phase": TargetPhase.FAILED, "category": "OverrideError", "message": wanted.error}
        elif known.phase == TargetPhase.APPLIED and known.digest == wanted.digest:
            targets[wanted.cluster] = known.model_copy(update={"replicas": wanted.replicas})
            continue
        elif plan.is_suspended(wanted.cluster):
            changed = {"phase": TargetPhase.SUSPENDED, "category": "", "message": ""}
        else:
            changed = {"phase": TargetPhase.PENDING, "category": "", "message": ""}
        targets[wanted.cluster] = known.model_copy(
            update={**changed, "replicas": wanted.replicas, "since": at}
        )
    for name, known in state.targets.items():
        if name not in targets and name not in plan.released:
            targets[name] = known.model_copy(update={"phase": TargetPhase.REMOVING, "since": at})
    return dict(sorted(targets.items()))


def _overrides(state: PropagationState, shown: dict[str, Target]) -> dict[str, tuple[str, ...]]:
    targets = state.plan.targets if state.plan else ()
    return {
        target.cluster: target.overrides for target in targets if target.overrides and target.cluster in shown
    }


def _worst_first(targets: dict[str, Target]) -> list[tuple[str, Target]]:
    return sorted(targets.items(), key=lambda item: (_WORST_FIRST[item[1].phase], item[0]))


def _names(state: PropagationState) -> dict[TargetPhase, list[str]]:
    return {
        phase: sorted(name for name, target in state.targets.items() if target.phase == phase)
        for phase in TargetPhase
    }


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:5])
    return f"{shown} and {len(names) - 5} more" if len(names) > 5 else shown
