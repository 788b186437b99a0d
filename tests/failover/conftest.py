from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from devcluster.member import FULL, Member, start_all, stop_all
from tests.failover.ground import Ground, ticker_health, ticker_kind
from tests.health.plants import planted

SETTINGS = {
    "PROBE_INTERVAL": "0.3",
    "FAILURE_AFTER": "2",
    "RECOVERY_AFTER": "1",
    "FAILOVER_AFTER": "2",
    "WAVE_PATIENCE": "8",
}


@pytest.fixture(scope="package")
def running_members(
    member_binaries: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[Member]]:
    """Three members whose workloads run; they may be killed, and are to be started again."""
    assert member_binaries
    directory = tmp_path_factory.mktemp("running")
    started = [Member(name, directory / name, parts=FULL) for name in ("ams", "ber", "cdg")]
    start_all(started, progress=lambda _: None)
    for member in started:
        path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        assert member.request("POST", path, ticker_kind())[0] == 201
    yield started
    stop_all(started)


@pytest.fixture(scope="package")
async def ground(
    running_members: list[Member], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Ground]:
    directory = tmp_path_factory.mktemp("ground")
    with pytest.MonkeyPatch.context() as patch:
        async with planted(directory, running_members, patch, **SETTINGS) as plant:
            made = Ground(plant, await plant.session(), directory)
            await made.apply(ticker_health())
            yield made
