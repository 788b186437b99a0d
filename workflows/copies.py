"""Bringing the copies of one template to what its plan says: one task per cluster that has something to do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError, FailureError
from temporalio.workflow import ActivityCancellationType

from activities.apply import Appliers
from activities.contracts import Applied, ApplyRequest, Corrected, CorrectRequest, FindCopies, RemoveRequest
from argosy.api.drift import DriftMode
from argosy.api.observation import UNREACHABLE, Observed
from argosy.api.plan import Plan, PlannedTarget
from argosy.api.propagation import PropagationState, Reason, Target, TargetPhase
from argosy.api.record import Record
from argosy.api.steering import Step
from workflows import options
from workflows.attempts import FirstAttempts
from workflows.counting import evicted
from workflows.failures import category_of, message_of, was_called_back
from workflows.inside import NO_WORKER, nobody_inside, queue_of, was_misrouted, was_never_taken
from workflows.leaving import awaited, goes_first, may_leave, moving_of
from workflows.sightings import applied_target, drifted_target, observed_targets, pause_before
from workflows.status import adopted, removing
from workflows.steering import remembered

Request = TypeVar("Request", bound=Record)
Result = TypeVar("Result", bound=Record)


class Work(StrEnum):
    """What may be under way for a copy."""

    APPLY = "apply"
    REMOVE = "remove"
    CORRECT = "correct"


class Copies:
    """The state of a propagation, and the work under way for it."""

    def __init__(self, state: PropagationState) -> None:
        self._state = state
        self._wanted: dict[str, PlannedTarget] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._sequence = 0
        self._signals = 0
        self._woken = False
        self._first = FirstAttempts()

    def _adopt(self, plan: Plan) -> None:
        state = self._state
        if not plan.is_placed:
            # Nothing that runs is taken away because nobody places it any more.
            targets = {name: t for name, t in state.targets.items() if name not in plan.released}
            for name in (one for one in plan.emptied_clusters if one in targets):
                targets[name] = removing(targets[name], at=workflow.now())
        else:
            targets = adopted(state, plan, at=workflow.now())
        self._wanted = {target.cluster: target for target in plan.targets}
        for name, target in targets.items():
            was = state.targets.get(name)
            if target.eviction is not None and (was is None or was.eviction is None):
                why = target.eviction.why
                evicted(name, str(target.eviction.cause))
                self._record(Step(at=workflow.now(), what=f"Moved away from {name}", by="plan", why=why))
            elif was is None:
                self._record(Step(at=workflow.now(), what=f"Placed in {name}", by="plan", why=plan.trigger))
        self._set(plan=plan, policy=plan.policy, targets=targets)

    def _record(self, *steps: Step) -> None:
        self._set(steps=remembered(self._state.steps, *steps))

    def _supervise(self) -> None:
        """Start the work that each copy needs and that is not under way."""
        state = self._state
        if state.deletion is not None:
            for cluster, target in state.targets.items():
                if target.phase != TargetPhase.FAILED:
                    self._begin(cluster, Work.REMOVE)
            return
        now, placed = workflow.now(), True
        begun: list[str] = []
        # Asked once and not for each of a thousand clusters, because it looks at all of them.
        waits = bool(awaited(state, now=now))
        for cluster, target in state.targets.items():
            if target.phase in {TargetPhase.PENDING, TargetPhase.FAILED}:
                placed = False
            if target.phase == TargetPhase.PENDING and cluster in self._wanted:
                if not (waits and target.grows) and self._begin(cluster, Work.APPLY):
                    begun.append(cluster)
            elif target.drifted and self._answers_for(cluster):
                self._begin(cluster, Work.CORRECT)
        # None of them has run yet.
        self._first.begin([self._request(cluster) for cluster in begun if self._is_likely_to_take(cluster)])
        for cluster, target in state.targets.items():
            if target.phase == TargetPhase.EVICTING and may_leave(cluster, self._state, now=now):
                self._target(cluster, phase=TargetPhase.REMOVING)
        for cluster, target in self._state.targets.items():
            if target.phase == TargetPhase.REMOVING and (placed or goes_first(target, self._state)):
                self._begin(cluster, Work.REMOVE)

    def _answers_for(self, cluster: str) -> bool:
        """Whether a change of a copy by others is this propagation's business."""
        plan = self._state.plan
        return (
            plan is not None
            and plan.drift.mode != DriftMode.IGNORE
            and cluster in self._wanted
            and not plan.is_suspended(cluster)
        )

    def _begin(self, cluster: str, work: Work) -> bool:
        """Start some work, unless other work is under way; whether it was started."""
        running = self._tasks.get(cluster)
        if running is not None:
            outdated = running.get_name() == Work.CORRECT or work == Work.REMOVE
            if outdated and running.get_name() != work:
                running.cancel()
            return False
        if len(self._tasks) >= options.APPLY_WINDOW:
            return False
        task = asyncio.create_task(self._accounted(cluster, work))
        task.set_name(work)
        # Not in a `finally` of the task: one that is cancelled before its first step never gets there.
        task.add_done_callback(lambda _: self._ended(cluster))
        self._tasks[cluster] = task
        return True

    def _is_likely_to_take(self, cluster: str) -> bool:
        return self._state.targets[cluster].assessment != UNREACHABLE and not self._pulls(cluster)

    def _ended(self, cluster: str) -> None:
        del self._tasks[cluster]
        self._first.forget(cluster)
        self._woken = True

    async def _accounted(self, cluster: str, work: Work) -> None:
        carry_out = {Work.APPLY: self._apply, Work.REMOVE: self._remove, Work.CORRECT: self._correct}[work]
        try:
            await carry_out(cluster)
        except FailureError as error:
            if was_called_back(error):
                return
            # An apply that fails while the template is being deleted has nothing more to say.
            overtaken = self._state.deletion is not None and work != Work.REMOVE
            self._target(
                cluster,
                phase=TargetPhase.REMOVING if overtaken else TargetPhase.FAILED,
                category=category_of(error),
                message=message_of(error),
                since=workflow.now(),
            )

    async def _apply(self, cluster: str) -> None:
        state = self._state
        if cluster in self._first:
            applied = await self._first.result(cluster)
            self._woken = True
            if applied is not None:
                self._record_applied(cluster, applied, state)
                return
        applied = await self._done_in(
            cluster,
            Work.APPLY,
            Appliers.apply,
            self._request(cluster),
            summary=f"apply → {cluster} (revision {state.revision})",
        )
        self._record_applied(cluster, applied, state)

    async def _done_in(
        self,
        cluster: str,
        work: Work,
        activity: Callable[[Appliers, Request], Awaitable[Result]],
        request: Request,
        *,
        summary: str,
    ) -> Result:
        """Have a cluster's worker do something; where none takes it, that is said, and it goes on waiting.

        Raises:
            ActivityError: it failed for good.
        """
        pulls, patience = self._pulls(cluster), options.INSIDE_PATIENCE
        while True:
            self._sequence += 1
            try:
                result: Result = await workflow.execute_activity_method(
                    activity,
                    request,
                    task_queue=queue_of(cluster, pulls=pulls),
                    schedule_to_start_timeout=patience if pulls else None,
                    start_to_close_timeout=options.APPLY_TIMEOUT,
                    retry_policy=options.APPLY_RETRY,
                    cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
                    activity_id=f"{work}/{cluster}/{self._sequence}",
                    summary=summary,
                )
            except ActivityError as error:
                if was_misrouted(error) and not pulls:
                    pulls = True
                elif pulls and was_never_taken(error):
                    pulls, patience = self._pulls(cluster), options.INSIDE_WAIT
                    self._target(cluster, category=NO_WORKER, message=nobody_inside(cluster))
                else:
                    raise
            else:
                if pulls:
                    self._target(cluster, category="", message="")
                return result

    def _pulls(self, cluster: str) -> bool:
        """Whether only a worker inside a cluster reaches it, as far as the plan knows."""
        return self._state.plan is not None and cluster in self._state.plan.pulls

    async def _correct(self, cluster: str) -> None:
        """Undo what others have changed of a copy, or only record it; whoever insists has to wait."""
        state, target = self._state, self._state.targets[cluster]
        report_only = state.plan is not None and state.plan.drift.mode == DriftMode.REPORT
        found = Corrected()
        if not report_only or not target.seen or not target.seen.gone:
            pause = pause_before(target, at=workflow.now())
            if pause and not report_only:
                await workflow.sleep(pause, summary=f"{cluster} was changed again by others")
            found = await self._done_in(
                cluster,
                Work.CORRECT,
                Appliers.correct,
                CorrectRequest(apply=self._request(cluster), report_only=report_only),
                summary=f"{'look into' if report_only else 'correct'} drift in {cluster}",
            )
        current = self._state.targets.get(cluster)
        if current is not None:
            self._put(cluster, drifted_target(current, target.drifted, found, at=workflow.now()))
        if found.applied is not None:
            self._record_applied(cluster, found.applied, state)

    def _observe(self, event: Observed) -> None:
        before = self._state.targets
        targets = observed_targets(before, event, at=workflow.now())
        if targets == before:
            return
        self._set(targets=targets)
        plan = self._state.plan
        if (
            plan is not None
            and plan.watches_health
            and any(_turned(before[name], targets[name]) for name in targets)
        ):
            self._set(replan=added(self._state.replan, Reason.HEALTH_CHANGED))

    def _record_applied(self, cluster: str, applied: Applied, state: PropagationState) -> None:
        target = self._state.targets.get(cluster)
        if target is not None:
            after = applied_target(target, applied, state, at=workflow.now())
            self._put(cluster, after)
            plan = self._state.plan
            pending = plan is not None and plan.in_turn and target.phase != TargetPhase.APPLIED
            if pending or (plan is not None and plan.watches_health and _turned(target, after)):
                # Another copy may wait for this one; and one that never gets well is not seen to turn.
                self._set(replan=added(self._state.replan, Reason.HEALTH_CHANGED))

    async def _remove(self, cluster: str) -> None:
        deletion, plan = self._state.deletion, self._state.plan
        release = deletion.preserve if deletion else False
        await self._done_in(
            cluster,
            Work.REMOVE,
            Appliers.remove,
            RemoveRequest(
                workflow_id=workflow.info().workflow_id,
                ref=self._state.ref,
                cluster=cluster,
                revision=self._state.revision,
                pass_number=self._state.pass_number,
                release=release or (plan is not None and plan.preserve),
                to_the_end=deletion is None and moving_of(self._state).fenced,
            ),
            summary=f"remove from {cluster}",
        )
        self._forget(cluster)
        steering = self._state.steering
        if cluster in steering.approved:
            approved = tuple(one for one in steering.approved if one != cluster)
            self._set(steering=steering.model_copy(update={"approved": approved}))
        if deletion is None:
            self._record(Step(at=workflow.now(), what=f"Removed from {cluster}", by="propagation"))
        if plan is not None and cluster in plan.evicting:
            # It may have a share again.
            self._set(replan=added(self._state.replan, Reason.CLUSTER_CHANGED))

    async def _recover(self) -> None:
        """Find the copies of a plan that was carried out, but not recorded, before a worker was lost."""
        found = await workflow.execute_activity_method(
            Appliers.find,
            FindCopies(
                workflow_id=workflow.info().workflow_id,
                ref=self._state.ref,
                predecessor=self._state.predecessor,
            ),
            start_to_close_timeout=options.FIND_TIMEOUT,
            heartbeat_timeout=options.FIND_HEARTBEAT,
            retry_policy=options.APPLY_RETRY,
            summary="look for copies that an interrupted plan may have made",
        )
        phase = TargetPhase.REMOVING if self._state.deletion else TargetPhase.APPLIED
        copies = {name: Target(phase=phase, uid=uid) for name, uid in found.copies.items()}
        self._set(targets={**copies, **self._state.targets}, unrecorded=False)

    def _hurry(self, cluster: str) -> None:
        """Attempt a cluster again now: what waits for its next attempt is cancelled and begun afresh."""
        task = self._tasks.get(cluster)
        if task is not None:
            task.cancel()
        target, wanted = self._state.targets.get(cluster), self._wanted.get(cluster)
        if target is not None and target.phase == TargetPhase.FAILED and not (wanted and wanted.error):
            phase = TargetPhase.PENDING if wanted else TargetPhase.REMOVING
            self._target(cluster, phase=phase, category="", message="", since=workflow.now())

    def _drop_lost(self) -> None:
        gone = {*self._state.lost, *(self._state.deletion.orphan if self._state.deletion else ())}
        for cluster in sorted(gone & self._state.targets.keys()):
            if cluster in self._tasks:
                self._tasks[cluster].cancel()
            self._forget(cluster)
        if self._state.lost:
            self._state = self._state.model_copy(update={"lost": ()})

    def _gone(self) -> bool:
        state = self._state
        unfinished = state.targets or state.unrecorded or state.told or self._tasks
        return state.deletion is not None and not unfinished

    def _attention(self) -> bool:
        return self._woken

    def _set(self, **changes: Any) -> None:
        self._state = self._state.model_copy(update=changes)
        self._woken = True

    def _target(self, cluster: str, **changes: Any) -> None:
        target = self._state.targets.get(cluster)
        if target is not None:
            self._put(cluster, target.model_copy(update=changes))

    def _put(self, cluster: str, target: Target) -> None:
        self._set(targets={**self._state.targets, cluster: target})

    def _forget(self, cluster: str) -> None:
        self._set(targets={name: t for name, t in self._state.targets.items() if name != cluster})

    def _request(self, cluster: str) -> ApplyRequest:
        state, info = self._state, workflow.info()
        return ApplyRequest.of(
            self._wanted[cluster],
            state.plan or Plan(),
            workflow_id=info.workflow_id,
            run_id=info.run_id,
            revision=state.revision,
            pass_number=state.pass_number,
            expect_uid=state.targets.get(cluster, Target()).uid,
            predecessor=state.predecessor,
        )


def added(values: tuple[str, ...], value: str) -> tuple[str, ...]:
    """The values with one more, if it is not among them."""
    return values if value in values else (*values, value)


def _turned(before: Target, after: Target) -> bool:
    """Whether a copy has become healthy, or ill, or has moved between being seen and not."""
    return before.is_well != after.is_well or before.unwell_since != after.unwell_since
