"""Joining and leaving of a member cluster, and the state of its entity, which everything else changes as well."""

from __future__ import annotations

import asyncio
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from activities import attributes
from activities.clusters import Clusters
from activities.contracts import ConfirmJoin, DrainCluster, Inspected, InspectRequest
from activities.notify import Notifiers
from argosy.api.conditions import READY_MESSAGE
from argosy.api.membership import (
    ClusterPhase,
    ClusterSettings,
    ClusterState,
    ClusterStatus,
    Health,
    Join,
    Unjoin,
)
from argosy.api.messages import ClusterEvent
from argosy.api.steering import Step
from workflows import options
from workflows.cluster_status import details_of, status_of
from workflows.failures import category_of, message_of
from workflows.inside import NO_WORKER, nobody_inside, queue_of, was_never_taken
from workflows.steering import remembered

REMEMBERED_REQUESTS = 20


class Membership:
    """What a cluster's entity carries, and how the cluster comes and goes."""

    def __init__(self, state: ClusterState) -> None:
        self._state = state

    async def _inspect(self, settings: ClusterSettings) -> Inspected:
        inspected: Inspected = await workflow.execute_activity_method(
            Clusters.inspect,
            InspectRequest(name=self._state.name, settings=settings),
            task_queue=queue_of(self._state.name, pulls=settings.pulls),
            schedule_to_start_timeout=options.INSPECT_TIMEOUT if settings.pulls else None,
            start_to_close_timeout=options.INSPECT_TIMEOUT,
            retry_policy=options.INSPECT_RETRY,
            summary=f"connect to {self._state.name}",
        )
        return inspected

    async def _confirm(self, uid: str) -> None:
        await workflow.execute_activity_method(
            Clusters.confirm_join,
            ConfirmJoin(name=self._state.name, uid=uid, epoch=self._state.epoch),
            start_to_close_timeout=options.CONFIRM_TIMEOUT,
            retry_policy=options.MESSAGE_RETRY,
            summary="make sure that the server is not joined under another name",
        )

    async def _join(self) -> None:
        """Prove, publish, then make sure that no other name has this server; any failure ends the workflow."""
        state = self._state
        try:
            inspected = await self._inspect(state.settings)
            self._set(
                facts=inspected.facts,
                enablements=inspected.enablements,
                health=Health(ready=True, reason="ClusterReady", message=READY_MESSAGE, since=workflow.now()),
            )
            self._publish()
            await self._confirm(inspected.facts.uid)
        except ActivityError as error:
            category, why = self._refused(error)
            raise ApplicationError(
                f"cluster {state.name} cannot join: {why}", type=category, non_retryable=True
            ) from error
        self._record(Step(at=workflow.now(), what=ClusterEvent.JOINED, by=state.joined_by))
        self._changed(ClusterEvent.JOINED, phase=ClusterPhase.READY, joined_at=workflow.now())

    def _refused(self, error: ActivityError) -> tuple[str, str]:
        """Category and reason of a join that failed."""
        if was_never_taken(error):
            return NO_WORKER, nobody_inside(self._state.name)
        return category_of(error, default="Unreachable"), message_of(error)

    async def _rejoin(self, request: Join) -> None:
        refusal = self._mode_refused(request.settings)
        if refusal:
            self._set(rejoin=None, last_request=request.request_id, last_refusal=refusal)
            return
        try:
            inspected = await self._inspect(request.settings)
            if inspected.facts.uid != self._state.facts.uid:
                refusal = (
                    f"Conflict: {self._state.name} is joined as another cluster (at {self._state.facts.server}); "
                    f"choose another name, or unjoin {self._state.name} first"
                )
            else:
                self._record(Step(at=workflow.now(), what="Joined again", by=request.requested_by))
                self._changed(
                    "Edited",
                    settings=request.settings,
                    facts=inspected.facts,
                    enablements=inspected.enablements,
                )
        except ActivityError as error:
            refusal = ": ".join(self._refused(error))
        self._set(rejoin=None, last_request=request.request_id, last_refusal=refusal)

    def _mode_refused(self, wanted: ClusterSettings) -> str:
        """Why a cluster cannot go on in another mode: what is under way for it is in one worker's queue."""
        name, mode = self._state.name, self._state.settings.sync_mode
        if wanted.sync_mode == mode:
            return ""
        return (
            f"Conflict: {name} is joined in {mode} mode; unjoin it, which leaves alone what runs there, "
            "and join it again"
        )

    async def _let_go(self) -> None:
        self._publish()
        leaving = self._state.leaving
        while leaving is not None and not await self._drained(leaving):
            leaving = self._state.leaving

    async def _drained(self, leaving: Unjoin) -> bool:
        """Wait until nothing claims the cluster; False where a later request changed the terms."""
        draining = asyncio.create_task(
            workflow.execute_activity_method(
                Notifiers.drain,
                DrainCluster(name=self._state.name, gone=leaving.force or not leaving.delete_workloads),
                start_to_close_timeout=options.DRAIN_TIMEOUT,
                heartbeat_timeout=options.NOTIFY_HEARTBEAT,
                retry_policy=options.MESSAGE_RETRY,
                summary="wait until no propagation claims the cluster",
            )
        )
        await workflow.wait_condition(lambda: draining.done() or self._state.leaving != leaving)
        if draining.done():
            draining.result()
            return True
        abandon(draining)
        return False

    def _record(self, *steps: Step) -> None:
        self._set(steps=remembered(self._state.steps, *steps))

    def _new(self, request_id: str) -> bool:
        if not request_id:
            return True
        if request_id in self._state.requests:
            return False
        self._set(requests=(*self._state.requests, request_id)[-REMEMBERED_REQUESTS:])
        return True

    def _changed(self, announce: str, **changes: Any) -> None:
        self._set(epoch=self._state.epoch + 1, announce=announce, **changes)
        self._publish()

    def _set(self, **changes: Any) -> None:
        self._state = self._state.model_copy(update=changes)

    def _publish(self) -> None:
        status = status_of(self._state)
        if workflow.memo_value(attributes.STATUS, None, type_hint=ClusterStatus) != status:
            workflow.upsert_memo({attributes.STATUS: status})
            workflow.upsert_search_attributes([attributes.PHASE.value_set(str(status.phase))])
        workflow.set_current_details(details_of(self._state))


def abandon(task: asyncio.Task[Any]) -> None:
    """Cancel a task at whose end nobody looks any more, because it is no news."""
    task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
    task.cancel()
