"""The entity of one resource template: it orders, waits and records; activities decide and act.

A run is one pass over one plan. Messages only append to the state, which travels whole through
continue-as-new, so that none is lost at the seam; the loop of `run` looks at the state and brings
the copies, one task per cluster, to what the plan says.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NoReturn

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError

from activities import attributes
from activities.contracts import Planned, PlanRequest
from activities.plan import Planners
from argosy.api.messages import (
    Deletion,
    Reschedule,
    Retry,
    Submission,
    Submitted,
)
from argosy.api.plan import Plan
from argosy.api.propagation import (
    REMEMBERED_REQUESTS,
    Phase,
    PropagationInput,
    PropagationState,
    Reason,
    TargetPhase,
)
from workflows import options
from workflows.copies import added
from workflows.counting import propagated
from workflows.events import Events
from workflows.failures import message_of
from workflows.ledger import opened, recorded, superseded
from workflows.moments import next_moment
from workflows.rolling import roll
from workflows.sightings import acknowledged, facts_of
from workflows.status import attributes_of, details_of, health_changes, phase_of, status_of

# Started, its task scheduled and started. Signals aside, a first task that finds more is not the first attempt.
FIRST_TASK = 3


@workflow.defn(name="Propagation")
class Propagation(Events):
    """One resource template on its way to its clusters."""

    @workflow.init
    def __init__(self, start: PropagationInput) -> None:
        super().__init__(start.state)
        self._template = start.template
        self._published: tuple[Any, ...] = ()
        self._published_at: datetime | None = None
        # Whether the way of this run's template to its clusters is being measured.
        self._under_way = start.plan is None and start.state.reason == Reason.SUBMITTED

    # -- messages: they only append to the state ------------------------------------------------

    @workflow.update(description="Submit a new template; answers with its revision.")
    def submit(self, submission: Submission) -> Submitted:
        state = self._state
        known = state.answers.get(submission.request_id)
        if known is not None:
            return known
        if submission.predecessor not in {"", state.predecessor}:
            self._take_over_from(submission.predecessor)
        latest = state.pending.digest if state.pending else state.digest
        newest = state.pending_revision or state.revision
        if submission.digest == latest:
            return Submitted(revision=newest, changed=False)
        ledger = state.ledger
        if state.pending is not None:
            ledger = superseded(ledger, state.pending, revision=newest, at=workflow.now())
        answer = Submitted(revision=newest + 1, changed=True, created=newest == 0)
        answers = {**state.answers, submission.request_id: answer}
        self._set(
            pending=submission,
            pending_revision=answer.revision,
            ledger=ledger,
            answers=dict(list(answers.items())[-REMEMBERED_REQUESTS:]),
        )
        return answer

    def _take_over_from(self, predecessor: str) -> None:
        state = self._state
        failed = [name for name, target in state.targets.items() if target.phase == TargetPhase.FAILED]
        self._set(
            predecessor=predecessor,
            unrecorded=True,
            retry=tuple(sorted({*state.retry, *failed})),
            replan=added(state.replan, Reason.RETRY),
        )

    @submit.validator
    def _submittable(self, submission: Submission) -> None:  # noqa: ARG002 - the SDK wants the signature of `submit`
        if self._state.deletion is not None:
            raise ApplicationError(
                f"{self._state.ref} is being deleted, {self._state.message}; "
                "apply it again when it is gone, or let go of a dead cluster with `argosy delete --orphan CLUSTER`",
                type="Conflict",
                non_retryable=True,
            )

    @workflow.update(description="Delete the template and its copies.")
    def delete(self, deletion: Deletion) -> str:
        if not self._template:
            return f"{self._state.ref} was never submitted"
        known = self._state.deletion
        if known is not None:
            deletion = deletion.model_copy(
                update={
                    "orphan": tuple(sorted({*known.orphan, *deletion.orphan})),
                    "preserve": known.preserve or deletion.preserve,
                }
            )
        removing = {
            name: target.model_copy(update={"phase": TargetPhase.REMOVING, "message": "", "category": ""})
            for name, target in self._state.targets.items()
        }
        self._set(deletion=deletion, targets=removing)
        return f"{self._state.ref} is being deleted from {len(self._state.targets)} clusters"

    @workflow.update(description="Try failed and waiting clusters again now.")
    def retry(self, request: Retry) -> tuple[str, ...]:
        if request.request_id in self._state.requests:
            return ()
        chosen = tuple(
            name
            for name, target in self._state.targets.items()
            if target.phase not in {TargetPhase.APPLIED, TargetPhase.SUSPENDED}
            and (not request.clusters or name in request.clusters)
        )
        self._set(
            retry=tuple(sorted({*self._state.retry, *chosen})),
            replan=added(self._state.replan, Reason.RETRY),
            requests=(*self._state.requests, request.request_id)[-REMEMBERED_REQUESTS:],
        )
        return chosen

    @workflow.update(description="Divide the replicas anew, whatever runs where now.")
    def reschedule(self, request: Reschedule) -> bool:
        if request.request_id in self._state.requests:
            return False
        self._set(
            rescheduled_at=workflow.now(),
            replan=added(self._state.replan, Reason.RESCHEDULE),
            requests=(*self._state.requests, request.request_id)[-REMEMBERED_REQUESTS:],
        )
        return True

    # -- the run --------------------------------------------------------------------------------

    @workflow.run
    async def run(self, start: PropagationInput) -> None:
        """Plan unless a plan is given, then carry it out and answer events until the template is deleted."""
        self._first.together = start.together
        workflow.set_current_details(details_of(self._state))
        if not self._template:
            await self._await_template()
            return
        if start.plan is None and self._interrupted():
            self._set(unrecorded=True)
        if self._state.deletion is None:
            if start.plan is None:
                await self._first_plan()
            else:
                self._adopt(start.plan)
                self._first.at_once = start.template if start.at_once and self._are_few() else ""
        while not self._gone():
            self._drop_lost()
            self._register_as_waiting()
            self._tell_dependencies()
            self._supervise()
            self._publish()
            await self._something_to_do()
            self._woken, self._first.at_once = False, ""
            await self._answer_events()
        self._publish()
        if self._state.required_by:
            self._roll_to_nothing()

    async def _await_template(self) -> None:
        """Wait for a template that a workload needs and nobody has submitted; end when nobody needs it any more."""
        while self._state.required_by and self._state.pending is None:
            self._publish()
            await workflow.wait_condition(self._attention)
            self._woken = False
        if self._state.pending is not None:
            self._roll_to_submission(self._state.pending)

    async def _first_plan(self) -> None:
        state = self._state
        known = None if state.unrecorded else _held(state)
        self._set(ledger=opened(state, template=self._template), unrecorded=state.unrecorded or known == {})
        planned = await self._decide(known=known, edited=True)
        if planned is None:
            return
        if state.unrecorded or (planned.repeated and not state.targets):
            await self._recover()
        self._set(unrecorded=False)
        self._adopt(planned.plan)
        for cluster, applied in planned.applied.items():
            self._record_applied(cluster, applied, state)

    async def _something_to_do(self) -> None:
        """Wait for whatever happens, or for the next moment at which there is something to do anyway."""
        now = workflow.now()
        moment = next_moment(self._state, now=now)
        if moment is None:
            await workflow.wait_condition(self._attention)
            return
        pause = max(moment.at - now, options.SHORTEST_PAUSE)
        try:
            await workflow.wait_condition(self._attention, timeout=pause, timeout_summary=moment.why)
        except TimeoutError:
            if moment.reason is not None:
                self._set(replan=added(self._state.replan, moment.reason))
            if moment.reason == Reason.RETRY:
                self._set(attempts=min(self._state.attempts + 1, 8))

    def _are_few(self) -> bool:
        pending = [one for one in self._state.targets.values() if one.phase == TargetPhase.PENDING]
        return len(pending) <= options.AT_ONCE_TARGETS

    def _interrupted(self) -> bool:
        """Whether an earlier attempt of this run's first task may have applied copies and been lost with its worker."""
        events = workflow.info().get_current_history_length() - self._signals
        return not self._state.targets and events > FIRST_TASK

    def _may_end(self) -> bool:
        """Whether there is something to answer that may make this run continue as new."""
        waiting = self._state.pending is not None or bool(self._state.replan)
        return waiting or workflow.info().is_continue_as_new_suggested()

    async def _answer_events(self) -> None:
        if (
            self._may_end()
            and self._first.are_to_be_recorded()
            and workflow.patched("attempts-are-waited-for")
        ):
            # The record of one that went on for longer than the run would make Temporal refuse the task, for good.
            await workflow.wait_condition(lambda: not self._first.are_to_be_recorded())
        if workflow.info().is_continue_as_new_suggested():
            self._roll(self._state, plan=self._state.plan)
        if self._state.deletion is not None:
            if self._state.unrecorded:
                await self._recover()
            return
        if self._state.pending is not None:
            self._roll_to_submission(self._state.pending)
        if self._state.replan:
            await self._replan()

    async def _replan(self) -> None:
        reasons, chosen = self._state.replan, self._state.retry
        self._state = self._state.model_copy(update={"replan": (), "retry": ()})
        planned = await self._decide(known=None, edited=False)
        if planned is not None and self._state.unrecorded:
            await self._recover()
        if planned is None or self._state.deletion is not None or self._state.pending is not None:
            return
        plan = planned.plan
        if self._state.plan is None or plan.digest != self._state.plan.digest:
            changed = self._state.model_copy(
                update={"reason": reasons[0], "pass_number": self._state.pass_number + 1}
            )
            self._roll(changed, plan=plan)
        self._state = self._state.model_copy(update={"plan": plan})
        for cluster in chosen:
            self._hurry(cluster)

    async def _decide(self, *, known: dict[str, str] | None, edited: bool) -> Planned | None:
        info, state = workflow.info(), self._state
        request = PlanRequest(
            workflow_id=info.workflow_id,
            run_id=info.run_id,
            ref=state.ref,
            template=self._template,
            revision=state.revision,
            pass_number=state.pass_number,
            bound=state.policy,
            previous=state.plan,
            edited=edited,
            rescheduled_at=state.rescheduled_at,
            stuck=state.stuck,
            facts=facts_of(state),
            steering=state.steering,
            epochs=state.events,
            required_by=tuple(event for _, event in sorted(state.required_by.items())),
            known=known,
            asked_at=workflow.now(),
        )
        try:
            planned: Planned = await workflow.execute_local_activity_method(
                Planners.plan,
                request,
                start_to_close_timeout=options.PLAN_TIMEOUT,
                retry_policy=options.PLAN_RETRY,
                summary=f"plan revision {state.revision}" + (" and apply" if known is not None else ""),
            )
        except FailureError as error:
            # A local activity's failure arrives bare, not wrapped as a regular one's is.
            self._set(trouble=f"planning failed: {message_of(error)}")
            return None
        self._set(
            trouble="",
            stuck={},
            attempts=self._state.attempts if planned.plan.retry else 0,
            **acknowledged(self._state, planned_with=state.events),
        )
        return planned

    # -- continuing as new: one place -------------------------------------------------------------

    def _roll_to_submission(self, submission: Submission) -> NoReturn:
        state = self._state.model_copy(
            update={
                "revision": self._state.pending_revision,
                "pass_number": self._state.pass_number + 1,
                "digest": submission.digest,
                "reason": Reason.SUBMITTED,
                "submitted_by": submission.submitted_by,
                "submitted_at": workflow.now(),
                "pending": None,
                "pending_revision": 0,
                "replan": (),
                "retry": (),
            }
        )
        self._template = submission.template
        self._roll(state, plan=None)

    def _roll_to_nothing(self) -> NoReturn:
        """What was deleted while workloads still need it is waited for, should it be submitted again."""
        state = PropagationState(ref=self._state.ref, revision=0, required_by=self._state.required_by)
        self._template = ""
        self._roll(state, plan=None)

    def _roll(self, state: PropagationState, *, plan: Plan | None) -> NoReturn:
        # Every handler is synchronous, so all of them have finished when this line is reached.
        at_once = plan is not None
        roll(
            PropagationInput(template=self._template, state=state, plan=plan, at_once=at_once, together=True)
        )

    def _measure(self) -> None:
        state = self._state
        if self._under_way and state.phase == Phase.APPLIED and state.submitted_at is not None:
            self._under_way = False
            propagated(workflow.now() - state.submitted_at)

    # -- publishing --------------------------------------------------------------------------------

    def _nothing_happened_yet(self) -> bool:
        """Whether this run has only begun: its first results are moments away, and worth one publication."""
        running = len(self._tasks)
        return self._first.are_moments_away() or (
            0 < running < options.PUBLISH_EACH_BELOW
            and all(target.phase == TargetPhase.PENDING for target in self._state.targets.values())
        )

    def _publish(self) -> None:
        """Upsert memo and search attributes where they changed; coalesced while much is under way."""
        now = workflow.now()
        phase, message = phase_of(self._state, at=now)
        self._state = self._state.model_copy(
            update={"phase": phase, "message": message, **health_changes(self._state, at=now)}
        )
        self._measure()
        state, plan = self._state, self._state.plan
        more = (state.steering, state.steps, state.acknowledged, plan and (plan.left, plan.evict_at))
        shown = (phase, message, state.pass_number, state.policy, state.targets, *more)
        if shown == self._published or (self._published_at is None and self._nothing_happened_yet()):
            return
        if (
            len(self._tasks) >= options.PUBLISH_EACH_BELOW
            and self._published_at is not None
            and now - self._published_at < options.PUBLISH_INTERVAL
        ):
            return
        self._published, self._published_at = shown, now
        self._state = self._state.model_copy(update={"ledger": recorded(self._state)})
        workflow.upsert_memo({attributes.STATUS: status_of(self._state, at=now)})
        workflow.upsert_search_attributes(attributes_of(self._state))
        workflow.set_current_details(details_of(self._state))


def _held(state: PropagationState) -> dict[str, str] | None:
    """The copies there are, where the first apply may be made while planning; None where it must not be."""
    if any(not t.uid or t.phase != TargetPhase.APPLIED for t in state.targets.values()):
        return None
    return {name: target.uid for name, target in state.targets.items()}
