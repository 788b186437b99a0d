"""Which runs still need which key: what Temporal holds of each run, looked through payload by payload.

Nothing is decoded: the ID of its key goes along with every sealed payload in clear.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload, WorkflowExecution
from temporalio.api.enums.v1 import WorkflowExecutionStatus
from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    GetWorkflowExecutionHistoryRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.codec import KEY_ID
from activities.lists import runs
from argosy.errors import Unreachable

RUNS_AT_ONCE = 8
_PAGE = 200
_OPEN = WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING


@dataclass(frozen=True)
class KeyUse:
    """What was found.

    Attributes:
        runs: how many were looked through, open ones and closed ones that are retained.
        needing: key ID -> `workflow ID (run ID)` of each run that has a payload sealed with it.
    """

    runs: int
    needing: dict[str, tuple[str, ...]]


def payloads_in(message: Message) -> Iterator[Payload]:
    """Every payload anywhere inside a message."""
    if isinstance(message, Payload):
        yield message
        return
    for descriptor, value in message.ListFields():
        if descriptor.message_type is None:
            continue
        if isinstance(value, Message):
            yield from payloads_in(value)
            continue
        # What is left is a list, or a mapping whose values may be plain.
        for item in value.values() if hasattr(value, "values") else value:
            if isinstance(item, Message):
                yield from payloads_in(item)


def key_ids_in(message: Message) -> set[str]:
    """The IDs of the keys that payloads inside a message are sealed with."""
    return {found.metadata[KEY_ID].decode() for found in payloads_in(message) if KEY_ID in found.metadata}


async def key_use(client: Client) -> KeyUse:
    """Look through every run of the namespace that Temporal still has.

    Raises:
        Unreachable: Temporal does not answer.
    """
    gate = asyncio.Semaphore(RUNS_AT_ONCE)
    needing: dict[str, list[str]] = {}

    async def look(info: WorkflowExecutionInfo) -> bool:
        async with gate:
            try:
                found = {key for message in [info, *await _held(client, info)] for key in key_ids_in(message)}
            except RPCError as error:
                if error.status != RPCStatusCode.NOT_FOUND:
                    raise
                # Its retention has ended since it was listed.
                return False
        for key in found:
            needing.setdefault(key, []).append(f"{info.execution.workflow_id} ({info.execution.run_id})")
        return True

    try:
        listed = [info async for info in runs(client, "", page=_PAGE)]
        looked = await asyncio.gather(*map(look, listed))
    except RPCError as error:
        raise Unreachable(f"Temporal does not show its runs: {error.message}; try again") from error
    return KeyUse(runs=sum(looked), needing={key: tuple(sorted(runs)) for key, runs in needing.items()})


async def _held(client: Client, info: WorkflowExecutionInfo) -> list[Message]:
    """The history of a run and, of an open one, what is not in it: memo and pending activities."""
    execution = WorkflowExecution(workflow_id=info.execution.workflow_id, run_id=info.execution.run_id)
    held: list[Message] = []
    token = b""
    while True:
        page = await client.workflow_service.get_workflow_execution_history(
            GetWorkflowExecutionHistoryRequest(
                namespace=client.namespace, execution=execution, next_page_token=token
            )
        )
        held.append(page)
        token = page.next_page_token
        if not token:
            break
    if info.status == _OPEN:
        request = DescribeWorkflowExecutionRequest(namespace=client.namespace, execution=execution)
        held.append(await client.workflow_service.describe_workflow_execution(request))
    return held
