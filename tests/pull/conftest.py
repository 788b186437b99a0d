"""An installation one of whose members is in pull mode, with a worker of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest

from devcluster.member import Member
from devcluster.temporal import TemporalServer
from tests.cli.runs import Run, argosy
from tests.plant import Plant

PULLED = "member2"


@pytest.fixture(scope="module")
def plant(members: list[Member], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    """An installation of the module's own, which takes the place of the one where every member is in push mode."""
    directory = tmp_path_factory.mktemp("pull")
    server = TemporalServer(directory / "temporal", ui=False)
    server.start()
    made = Plant(
        directory=directory,
        temporal=server,
        members=members,
        pulled=frozenset({PULLED}),
        # What serves others, such as a ConfigMap, otherwise stays for ten minutes.
        environment={"ARGOSY_EVICTION_GRACE": "2"},
    )
    try:
        asyncio.run(made.set_up())
        yield made
    finally:
        made.stop_workers()
        server.stop()


@pytest.fixture
def run(plant: Plant) -> Callable[..., Run]:
    """`argosy` with the installation's Temporal."""

    def started(*words: str, **environment: str) -> Run:
        return argosy(*words, **{"TEMPORAL_ADDRESS": plant.temporal.address, **environment})

    return started
