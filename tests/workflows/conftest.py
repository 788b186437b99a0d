from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client

from activities.connection import connect, initialise
from argosy.config import Settings
from devcluster.temporal import TemporalServer
from tests.workflows.stage import Stage


@pytest.fixture(scope="session")
async def client(temporal_server: TemporalServer) -> Client:
    """A connection with the shared server, set up as an installation is."""
    connected = await connect(Settings(), address=temporal_server.address)
    await initialise(connected)
    return connected


@pytest.fixture
async def stage(client: Client) -> AsyncIterator[Stage]:
    """A worker of the test's own, with scripted activities around the real workflows."""
    async with Stage(client, task_queue=f"stage-{uuid.uuid4().hex}") as made:
        yield made
