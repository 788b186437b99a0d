"""What Temporal's lists show, page by page, as it was published."""

from __future__ import annotations

import asyncio
import secrets

import pytest
from temporalio.client import Client

from activities import attributes
from activities.connection import connect, initialise
from activities.lists import published, runs
from argosy.api.manifest import ResourceRef
from argosy.api.propagation import Phase, PropagationStatus
from argosy.config import Settings
from devcluster.temporal import TemporalServer

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
async def client(temporal_server: TemporalServer) -> Client:
    """A connection whose payloads are sealed by nothing and compressed where they are large."""
    connected = await connect(Settings(), address=temporal_server.address)
    await initialise(connected)
    return connected


async def listed(client: Client, query: str, count: int) -> None:
    async with asyncio.timeout(20):
        while len([one async for one in runs(client, query)]) < count:
            await asyncio.sleep(0.1)


async def test_every_page_is_read_and_only_what_publishes_is_shown(client: Client) -> None:
    kind = f"Listed{secrets.token_hex(4)}"
    statuses = {
        f"{kind}-{number}": PropagationStatus(
            ref=ResourceRef(api_version="v1", kind="ConfigMap", namespace="x", name=str(number)),
            revision=number,
            pass_number=0,
            phase=Phase.APPLIED,
            # Large enough for the codec to compress it.
            message="é" * 20_000 if number == 3 else "",
        )
        for number in range(5)
    }
    for identifier, status in statuses.items():
        await client.start_workflow(
            kind,
            id=identifier,
            task_queue=kind,
            memo={attributes.STATUS: status} if status.revision else None,
        )
    query = f'WorkflowType = "{kind}" AND ExecutionStatus = "Running"'
    await listed(client, query, 5)
    found = [run.execution.workflow_id async for run in runs(client, query, page=2)]
    assert sorted(found) == sorted(statuses)
    shown = {name: status async for name, status in published(client, query, PropagationStatus)}
    silent = f"{kind}-0"
    assert shown == {name: status for name, status in statuses.items() if name != silent}
    plain = {name: raw["revision"] async for name, raw in published(client, query, dict)}
    assert plain == {name: status.revision for name, status in shown.items()}
    for identifier in statuses:
        await client.get_workflow_handle(identifier).terminate()
