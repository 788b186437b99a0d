"""Requests to entities that get their answer, whatever run of the entity is just ending."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import socket
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import PollerInfo, TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import (
    Client,
    WorkflowExecutionDescription,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from argosy.config import Settings
from argosy.errors import Transient, Unreachable, named

ANSWER_TIMEOUT = 30.0
ATTEMPT_TIMEOUT = 4.0
POLLS_AT_LEAST = timedelta(seconds=75)


class Connection:
    """One connection to Temporal, and who is behind it."""

    def __init__(self, client: Client, settings: Settings) -> None:
        self.client = client
        self.settings = settings
        self.actor = f"{getpass.getuser()}@{socket.gethostname()}"

    async def require_worker(self) -> None:
        """Make sure that somebody would act upon a request before it is made.

        Raises:
            Unreachable: no worker polls the task queue.
        """
        if not await self._pollers(self.settings.task_queue, TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW):
            raise Unreachable(
                f"no worker polls task queue {self.settings.task_queue}, so nothing was submitted; "
                "start one with `argosy worker run`"
            )

    async def poller(self, queue: str, kind: TaskQueueType.ValueType) -> str:
        """The identity of the worker that polled a task queue last, of late; empty where none did.

        A worker polls anew at least every minute, and the server remembers those that have gone for some minutes.
        """
        pollers = await self._pollers(queue, kind)
        last = max(pollers, key=lambda one: one.last_access_time.ToNanoseconds(), default=None)
        if last is None or datetime.now(UTC) - last.last_access_time.ToDatetime(UTC) > POLLS_AT_LEAST:
            return ""
        return last.identity

    async def _pollers(self, queue: str, kind: TaskQueueType.ValueType) -> Sequence[PollerInfo]:
        request = DescribeTaskQueueRequest(
            namespace=self.client.namespace, task_queue=TaskQueue(name=queue), task_queue_type=kind
        )
        return (await self.client.workflow_service.describe_task_queue(request)).pollers

    async def update(self, identifier: str, name: str, argument: Any, result: Any) -> Any:
        """Execute an update until it is answered; None where no such entity is open."""
        handle = self.client.get_workflow_handle(identifier)
        update_id = new_id()

        async def attempt() -> Any:
            return await handle.execute_update(name, argument, id=update_id, result_type=result)

        try:
            return await self.answered(attempt)
        except RPCError as error:
            if error.status == RPCStatusCode.NOT_FOUND:
                return None
            raise

    async def update_with_start(self, start: Callable[[], Any], name: str, argument: Any, result: Any) -> Any:
        """Execute an update of an entity in one request, which starts the entity where none is open.

        Args:
            start: makes the operation that starts it; a repeated attempt needs a fresh one.
        """
        update_id = new_id()

        async def attempt() -> Any:
            operation = start()
            try:
                return await self.client.execute_update_with_start_workflow(
                    name, argument, start_workflow_operation=operation, id=update_id, result_type=result
                )
            except (RPCError, WorkflowUpdateRPCTimeoutOrCancelledError, asyncio.CancelledError):
                # The operation holds the same failure once more; looking at it keeps asyncio quiet.
                with contextlib.suppress(RPCError, asyncio.CancelledError):
                    await operation.workflow_handle()
                raise

        return await self.answered(attempt)

    async def answered(self, attempt: Any) -> Any:
        """Repeat what was cut off by a run that was just ending; messages carry request IDs, so that is safe."""
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT):
                while True:
                    try:
                        async with asyncio.timeout(ATTEMPT_TIMEOUT):
                            return await attempt()
                    except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError):
                        _mind_cancellation()
                        # Sent to a run that ended before it took it: send it again, under the same ID.
                        continue
                    except WorkflowUpdateFailedError as error:
                        cause = error.cause
                        if (
                            isinstance(cause, ApplicationError)
                            and cause.type == "AcceptedUpdateCompletedWorkflow"
                        ):
                            continue
                        if isinstance(cause, ApplicationError):
                            raise named(cause.type or "", cause.message) from error
                        raise Transient(f"the request failed: {cause}; try again") from error
                    except RPCError as error:
                        if "unexpected workflow task failure" not in error.message:
                            raise
                        await asyncio.sleep(0.05)
        except TimeoutError:
            raise Unreachable(
                f"no worker answered within {ANSWER_TIMEOUT:.0f} s; the request may still be carried out. "
                f"See `argosy worker run` for task queue {self.settings.task_queue}"
            ) from None

    async def describe(self, identifier: str) -> WorkflowExecutionDescription | None:
        """An entity as Temporal has it now, or None where there has never been one."""
        try:
            return await self.client.get_workflow_handle(identifier).describe()
        except RPCError as error:
            if error.status == RPCStatusCode.NOT_FOUND:
                return None
            raise


def _mind_cancellation() -> None:
    """End where somebody else than the attempt's own time-out has cancelled: the SDK calls both by one name.

    Raises:
        asyncio.CancelledError: the whole wait is over, or the command was interrupted.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def new_id() -> str:
    """A fresh request ID."""
    return uuid.uuid4().hex
