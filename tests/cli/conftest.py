from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from cli.session import Session
from devcluster.member import Member
from devcluster.temporal import TemporalServer
from tests.plant import Plant


@pytest.fixture(scope="module")
def plant(members: list[Member], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    """An installation of the module's own: its Temporal and worker may die."""
    directory = tmp_path_factory.mktemp("plant")
    server = TemporalServer(directory / "temporal", ui=False)
    server.start()
    made = Plant(directory=directory, temporal=server, members=members)
    asyncio.run(made.set_up())
    yield made
    if made.worker is not None:
        made.worker.stop()
    server.stop()


@pytest.fixture
async def session(plant: Plant) -> Session:
    return await plant.session()
