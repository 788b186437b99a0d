"""What Temporal's lists show of runs; nothing is decoded that nobody asks for.

The client's own iterator decodes the search attributes of a whole page, which takes a worker a third of a second for a
thousand runs, all at once.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, TypeVar

from temporalio.api.common.v1 import Payload
from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import ListWorkflowExecutionsRequest
from temporalio.client import Client

from activities import attributes

PAGE = 1000

Status = TypeVar("Status")


async def runs(client: Client, query: str, *, page: int = PAGE) -> AsyncIterator[WorkflowExecutionInfo]:
    """The runs that a query finds.

    Args:
        page: how many are read at a time.

    Raises:
        RPCError: Temporal does not list them.
    """
    token = b""
    while True:
        request = ListWorkflowExecutionsRequest(
            namespace=client.namespace, query=query, page_size=page, next_page_token=token
        )
        answer = await client.workflow_service.list_workflow_executions(request, retry=True)
        for info in answer.executions:
            yield info
        token = answer.next_page_token
        if not token:
            return


async def published(client: Client, query: str, kind: type[Status]) -> AsyncIterator[tuple[str, Status]]:
    """Workflow ID and published status of the runs that a query finds and that have one.

    Args:
        kind: what the status is read as; a `dict` where there may be many, and little of each is of interest.

    Raises:
        RPCError: Temporal does not list them.
    """
    async for info in runs(client, query):
        payload = published_by(info)
        if payload is not None:
            yield info.execution.workflow_id, await decoded(client, payload, kind)


def published_by(info: WorkflowExecutionInfo) -> Payload | None:
    """The status that a run publishes, as it is stored; None where it has none."""
    return info.memo.fields.get(attributes.STATUS)


async def decoded(client: Client, payload: Payload, kind: type[Status]) -> Status:
    """A published status."""
    values: list[Any] = await client.data_converter.decode([payload], [kind])
    status: Status = values[0]
    return status
