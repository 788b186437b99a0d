from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client

from activities.connection import connect
from argosy.config import Settings
from devcluster.temporal import TemporalServer
from tests.serve.recorder import Recorded, recording


@pytest.fixture(scope="module")
async def client(temporal_server: TemporalServer) -> Client:
    """A connection with the shared server."""
    return await connect(Settings(), address=temporal_server.address)


@pytest.fixture(scope="module")
async def recorded(client: Client) -> AsyncIterator[Recorded]:
    """Clusters that record how they are steered."""
    async with recording(client) as made:
        yield made
