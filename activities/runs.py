"""Reading what a run was started with: event 1 of its history, cached per process by run ID.

A run's input never changes, so the cache needs no invalidation, and a reader needs no worker for the
workflow it reads: this is how planners see policies and appliers see templates without any of them
travelling through activity payloads.
"""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from typing import Any, TypeVar

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import WorkflowExecutionStatus
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    DescribeWorkflowExecutionResponse,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from argosy.api.propagation import PropagationInput
from argosy.api.record import Record
from argosy.errors import NotFound, Transient

CACHED_RUNS = 512
_RUNNING = WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING

R = TypeVar("R", bound=Record)


async def described(client: Client, workflow_id: str) -> DescribeWorkflowExecutionResponse | None:
    """What Temporal says of the latest run with this workflow ID, or None where it knows none.

    Raises:
        Transient: Temporal did not answer.
    """
    execution = WorkflowExecution(workflow_id=workflow_id)
    request = DescribeWorkflowExecutionRequest(namespace=client.namespace, execution=execution)
    try:
        # Every plan asks twice. The client's own way would also decode what the run publishes.
        return await client.workflow_service.describe_workflow_execution(request, retry=True)
    except RPCError as error:
        if error.status == RPCStatusCode.NOT_FOUND:
            return None
        raise Transient(f"Temporal does not answer: {error.message}") from error


class RunInputs:
    """Inputs of runs by run ID, each read at most once per process."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._cache: OrderedDict[str, asyncio.Future[Any]] = OrderedDict()

    async def read(self, workflow_id: str, run_id: str, model: type[R]) -> R:
        """The input of a run.

        Raises:
            NotFound: the run is not known (any more).
            Transient: Temporal did not answer.
        """
        future = self._cache.get(run_id)
        if future is None:
            future = asyncio.ensure_future(self._fetch(workflow_id, run_id, model))
            self._remember(run_id, future)
        try:
            found = await asyncio.shield(future)
        except BaseException:
            if future.done():
                self._cache.pop(run_id, None)
            raise
        self._cache.move_to_end(run_id)
        if not isinstance(found, model):
            raise TypeError(f"run {run_id} holds {type(found).__name__}, not {model.__name__}")
        return found

    async def current_run(self, workflow_id: str) -> str | None:
        """The run ID of the open workflow with this ID, or None where none is open."""
        found = await described(self._client, workflow_id)
        if found is None or found.workflow_execution_info.status != _RUNNING:
            return None
        return found.workflow_execution_info.execution.run_id

    async def _fetch(self, workflow_id: str, run_id: str, model: type[R]) -> R:
        handle = self._client.get_workflow_handle(workflow_id, run_id=run_id)
        try:
            async for event in handle.fetch_history_events(page_size=1):
                payloads = event.workflow_execution_started_event_attributes.input.payloads
                values = await self._client.data_converter.decode(list(payloads), [model])
                found: R = values[0]
                return found
        except RPCError as error:
            if error.status == RPCStatusCode.NOT_FOUND:
                raise NotFound(f"run {run_id} of {workflow_id} is not known any more; apply again") from error
            raise Transient(f"Temporal does not answer: {error.message}") from error
        raise NotFound(f"run {run_id} of {workflow_id} has no history; apply again")

    def _remember(self, run_id: str, future: asyncio.Future[Any]) -> None:
        self._cache[run_id] = future
        while len(self._cache) > CACHED_RUNS:
            self._cache.popitem(last=False)


class Templates:
    """Parsed templates by run ID; the planner of a run leaves its own here for the appliers."""

    def __init__(self, inputs: RunInputs) -> None:
        self._inputs = inputs
        self._parsed: OrderedDict[str, dict[str, Any]] = OrderedDict()

    async def get(self, workflow_id: str, run_id: str) -> dict[str, Any]:
        """The template of a run; callers must not change it."""
        parsed = self._parsed.get(run_id)
        if parsed is None:
            start = await self._inputs.read(workflow_id, run_id, PropagationInput)
            parsed = self.put(run_id, start.template)
        return parsed

    def put(self, run_id: str, template: str) -> dict[str, Any]:
        """Parse and remember a run's template."""
        known = self._parsed.get(run_id)
        if known is not None:
            return known
        parsed: dict[str, Any] = json.loads(template)
        self._parsed[run_id] = parsed
        while len(self._parsed) > CACHED_RUNS:
            self._parsed.popitem(last=False)
        return parsed
