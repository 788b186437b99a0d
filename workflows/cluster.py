"""The entity of one member cluster: its settings, its health, and the monitor that watches it.

The monitor is one long heartbeating activity that returns on confirmed changes only, so a stable cluster adds
nothing to the history. Every change is published with a higher epoch and then announced to propagations.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from activities.contracts import (
    AnnounceCluster,
    FailBack,
    FailedBack,
    Observation,
    WatchCluster,
)
from activities.failback import FailBacks
from activities.monitor import Monitors
from activities.notify import Notifiers
from argosy.api.ids import queue_inside
from argosy.api.membership import (
    WORKER_LOST,
    ClusterInput,
    ClusterPhase,
    ClusterSettings,
    Edit,
    Join,
    Unjoin,
)
from argosy.api.messages import PoliciesChanged, Steer
from argosy.api.steering import SteerAction, SteerCluster, Step
from workflows import options
from workflows.health import observed, tainted_by_policies, verdict, worker_lost
from workflows.inside import was_never_taken
from workflows.membership import Membership, abandon
from workflows.rolling import roll
from workflows.steering import edit_steps, edited, steered, steering_step


@workflow.defn(name="Cluster")
class Cluster(Membership):
    """One member cluster; this workflow is its health workflow too."""

    @workflow.init
    def __init__(self, start: ClusterInput) -> None:
        super().__init__(start.state)
        self._began = start.state
        self._monitor: asyncio.Task[Observation] | None = None
        self._announcing: asyncio.Task[None] | None = None
        self._announced_epoch = -1
        self._overtakes = False
        self._stays_short = False
        self._returning: asyncio.Task[None] | None = None
        self._tainting: asyncio.Task[None] | None = None

    # -- messages -----------------------------------------------------------------------------------

    @workflow.update(description="Change labels and taints; answers with the settings now in force.")
    def edit(self, request: Edit) -> ClusterSettings:
        """Apply an edit once, however often it is sent."""
        if self._new(request.request_id):
            before, now = self._state.settings, workflow.now()
            settings = edited(before, request, at=now)
            if settings != before:
                self._record(*edit_steps(before, settings, at=now, by=request.requested_by))
                self._changed("Edited", settings=settings)
        return self._state.settings

    @workflow.update(description="Steer failover; answers with the settings now in force.")
    def steer(self, request: SteerCluster) -> ClusterSettings:
        """The same as the signals, for who wants an answer."""
        self._steer(request.action, request.order)
        return self._state.settings

    @workflow.signal(description="Move everything away from the cluster, as if it did not answer.")
    def failover(self, order: Steer) -> None:
        """Mark the cluster; with `now`, no copy is given the time that it otherwise has."""
        self._steer(SteerAction.FAILOVER, order)

    @workflow.signal(description="Keep every copy where it is, whatever becomes of the cluster.")
    def hold(self, order: Steer) -> None:
        """Hold the cluster until `resume`."""
        self._steer(SteerAction.HOLD, order)

    @workflow.signal(description="Let copies move away again where that is due.")
    def resume(self, order: Steer) -> None:
        """Let go of the cluster."""
        self._steer(SteerAction.RESUME, order)

    @workflow.signal(description="End a failover that was asked for.")
    def recover(self, order: Steer) -> None:
        """Take the marks of a failover away: the cluster may have copies again."""
        self._steer(SteerAction.RECOVER, order)

    @workflow.update(description="Join again under the same name; the outcome is published in the memo.")
    def join(self, request: Join) -> str:
        """Queue a re-join; it succeeds only where the same cluster answers at the new connection."""
        if self._new(request.request_id):
            self._set(rejoin=request)
        return request.request_id

    @workflow.update(description="Let the cluster go; the workflow completes when nothing claims it.")
    def unjoin(self, request: Unjoin) -> str:
        """Begin to leave, or stop waiting for what is left where `force` is set."""
        if self._new(request.request_id):
            why = "without waiting for propagations" if request.force else ""
            self._record(Step(at=workflow.now(), what="Leaving", by=request.requested_by, why=why))
            self._changed("Leaving", leaving=request, phase=ClusterPhase.LEAVING)
        return request.request_id

    @workflow.signal(description="Taint policies have changed.")
    def policies_changed(self, _event: PoliciesChanged) -> None:
        """Look at them again."""
        self._set(taints_asked=self._state.taints_asked + 1)

    # -- the run --------------------------------------------------------------------------------------

    @workflow.run
    async def run(self, start: ClusterInput) -> None:  # noqa: ARG002 - `__init__` takes it, with the same signature
        """Join if new, then watch and answer until the cluster leaves."""
        # Workers of earlier releases waited for the end of the announcement that was under way. Asked here and not
        # where it matters: how far that announcement is when an update comes in may differ when it is replayed.
        self._overtakes = workflow.patched("announcements-are-overtaken")
        self._stays_short = workflow.patched("cluster-histories-stay-short")
        if self._state.phase == ClusterPhase.JOINING:
            self._publish()
            await self._join()
        while self._state.leaving is None:
            self._publish()
            self._announce()
            self._watch()
            self._evaluate_taints()
            self._fail_back()
            await workflow.wait_condition(self._attention)
            if self._monitor is not None and self._monitor.done():
                self._observe(self._monitor)
            if self._state.rejoin is not None:
                settings = self._state.settings
                await self._rejoin(self._state.rejoin)
                if self._state.settings != settings:
                    self._stop_monitor()
            if workflow.info().is_continue_as_new_suggested() or self._facts_moved() or self._is_long():
                self._roll()
        self._stop_monitor()
        self._set(recovery=None)
        self._fail_back()
        await self._let_go()

    def _attention(self) -> bool:
        state = self._state
        return (
            state.leaving is not None
            or state.rejoin is not None
            or (self._monitor is not None and self._monitor.done())
            or (bool(state.announce) and (self._announcing is None or self._is_overtaken()))
            or self._facts_moved()
            or (state.recovery.request_id if state.recovery else "")
            != (self._returning.get_name() if self._returning else "")
            or (self._state.taints_asked > self._state.taints_answered and self._tainting is None)
        )

    def _facts_moved(self) -> bool:
        """Whether the list of APIs differs from the one in this run's first event, where planners read it."""
        return self._state.facts.enablements_digest != self._began.facts.enablements_digest

    def _is_long(self) -> bool:
        """Whether to begin anew, which is done while the cluster is well and its monitor has just answered.

        A worker that takes a cluster over has to replay its history before the failure that it has just seen is known.
        """
        length = workflow.info().get_current_history_length()
        at_leisure = self._monitor is None and self._state.health.ready
        return self._stays_short and at_leisure and length > options.CLUSTER_EVENTS

    def _roll(self) -> None:
        self._stop_monitor()
        roll(ClusterInput(state=self._state))

    # -- watching -----------------------------------------------------------------------------------------

    def _watch(self) -> None:
        if self._monitor is not None:
            return
        state = self._state
        pulls = state.settings.pulls
        self._monitor = asyncio.create_task(
            workflow.execute_activity_method(
                Monitors.watch,
                WatchCluster(
                    name=state.name,
                    settings=state.settings,
                    health=state.health,
                    facts=state.facts,
                    epoch=state.epoch,
                    conditions=state.conditions,
                    failures=state.failures,
                    patience=state.patience,
                ),
                task_queue=queue_inside(options.HEALTH_QUEUE, state.name) if pulls else options.HEALTH_QUEUE,
                schedule_to_start_timeout=self._patience() if pulls else None,
                start_to_close_timeout=options.MONITOR_TIMEOUT,
                heartbeat_timeout=state.patience,
                retry_policy=options.MONITOR_RETRY,
                summary=f"watch {state.name} ({state.phase})",
            )
        )

    def _observe(self, monitor: asyncio.Task[Observation]) -> None:
        self._monitor = None
        try:
            seen = monitor.result()
        except ActivityError as error:
            if not was_never_taken(error):
                # The day-long attempt ended by its time-out, or was cancelled with a re-join: watch anew.
                if not is_cancelled_exception(error):
                    workflow.logger.info("the monitor of %s ended: %s", self._state.name, error.cause)
                return
            seen = worker_lost(self._state.name, at=workflow.now())
        self._state, announce = observed(self._state, seen, at=workflow.now())
        if not self._state.health.ready:
            self._end_recovery("the cluster does not answer")
        if announce is not None:
            self._changed(announce)

    def _patience(self) -> timedelta | None:
        """How long the worker inside may take to take the monitor up; as long as it likes where it counts as lost."""
        if self._state.health.reason == WORKER_LOST:
            return None
        grace = timedelta(seconds=self._state.settings.worker_grace)
        return max(grace - self._state.patience, options.GRACE_AT_LEAST)

    def _stop_monitor(self) -> None:
        if self._monitor is not None:
            abandon(self._monitor)
            self._monitor = None

    # -- taint policies -------------------------------------------------------------------------------------

    def _evaluate_taints(self) -> None:
        if self._tainting is None and self._state.taints_asked > self._state.taints_answered:
            self._tainting = asyncio.create_task(self._evaluated_taints(self._state.taints_asked))

    async def _evaluated_taints(self, asked: int) -> None:
        found = await verdict(self._state)
        before = self._state.settings
        self._state = tainted_by_policies(self._state, found, at=workflow.now())
        if self._state.settings != before:
            self._changed("Edited")
        self._set(taints_answered=asked)
        self._tainting = None

    # -- returning ------------------------------------------------------------------------------------------

    def _fail_back(self) -> None:
        """Let templates return, as long as the cluster is well and nobody wants them away again."""
        order = self._state.recovery
        if self._returning is not None and self._returning.get_name() != (order.request_id if order else ""):
            abandon(self._returning)
            self._returning = None
        if order is not None and self._returning is None:
            self._returning = asyncio.create_task(self._returned(order))
            self._returning.set_name(order.request_id)

    async def _returned(self, order: Steer) -> None:
        result: FailedBack = await workflow.execute_activity_method(
            FailBacks.fail_back,
            FailBack(name=self._state.name, order=order, wave=order.wave),
            start_to_close_timeout=options.FAIL_BACK_TIMEOUT,
            heartbeat_timeout=options.NOTIFY_HEARTBEAT,
            retry_policy=options.MESSAGE_RETRY,
            summary=f"let templates return, {order.wave} at a time",
        )
        self._returning = None
        self._record(
            Step(at=workflow.now(), what=f"{result.count} returned", by="fail-back", why=result.stopped)
        )
        self._set(recovery=None)
        self._publish()

    def _end_recovery(self, why: str) -> None:
        if self._state.recovery is not None:
            self._record(Step(at=workflow.now(), what="Recovery stopped", by="fail-back", why=why))
            self._set(recovery=None)

    # -- small parts ----------------------------------------------------------------------------------------

    def _is_overtaken(self) -> bool:
        """Whether what is being announced is not the latest change any more."""
        return self._overtakes and self._announced_epoch < self._state.epoch

    def _announce(self) -> None:
        state = self._state
        if self._announcing is not None and state.announce and self._is_overtaken():
            # Who was told of the older change already is told of the newer one, which says how things are now.
            abandon(self._announcing)
            self._announcing = None
        if self._announcing is None and state.announce:
            self._announced_epoch = state.epoch
            self._announcing = asyncio.create_task(self._announced(state.announce, state.epoch))

    async def _announced(self, kind: str, epoch: int) -> None:
        ready = self._state.health.ready
        await workflow.execute_activity_method(
            Notifiers.cluster_changed,
            AnnounceCluster(
                name=self._state.name,
                kind=kind,
                epoch=epoch,
                ready=ready,
                # Nobody can begin anything in a cluster that does not answer.
                claimants_only=not ready,
                evicts=not ready or self._state.settings.evicts,
            ),
            start_to_close_timeout=options.NOTIFY_TIMEOUT,
            heartbeat_timeout=options.NOTIFY_HEARTBEAT,
            retry_policy=options.MESSAGE_RETRY,
            summary=f"tell propagations: {self._state.name} {kind}",
        )
        if self._announced_epoch == epoch:
            self._announcing = None
        if self._state.epoch == epoch:
            self._set(announce="")

    def _steer(self, action: SteerAction, order: Steer) -> None:
        """Do what is asked, once for each request ID; what is so already is neither done nor recorded again."""
        now = workflow.now()
        settings = steered(self._state.settings, action, order, at=now)
        if not self._new(order.request_id):
            return
        recovers = action is SteerAction.RECOVER and self._state.recovery is None
        if recovers or settings != self._state.settings:
            self._record(steering_step(action, order, at=now))
        if recovers:
            request_id = order.request_id or f"recover-{workflow.uuid4()}"
            self._set(recovery=order.model_copy(update={"request_id": request_id}))
        elif action is SteerAction.FAILOVER:
            self._end_recovery("another failover was asked for")
        if settings != self._state.settings:
            self._changed("Edited", settings=settings)
