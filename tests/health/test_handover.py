"""Two workers, one cluster: when the worker that watches it ends, the other goes on where that one was."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from devcluster.member import Member
from tests.health.plants import another_worker, became, described, monitored_by, planted

pytestmark = [pytest.mark.timeout(180), pytest.mark.crash]

FAILURE_AFTER = 12.0
HANDED_OVER_AFTER = 5.0


@pytest.fixture
def frozen_later(member: Member) -> Iterator[Member]:
    yield member
    member.thaw()


@pytest.mark.parametrize(
    ("how", "at_most"),
    # Anew it would take 17 s and 21 s at least: until the other one looks, and the whole time from there.
    [("stopped", 16.9), ("killed", 20.0)],
)
async def test_what_is_being_confirmed_is_not_begun_anew(
    frozen_later: Member,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
    at_most: float,
) -> None:
    settings = {"FAILURE_AFTER": str(FAILURE_AFTER)}
    async with planted(tmp_path / "plant", [frozen_later], monkeypatch, **settings) as plant:
        other = another_worker(plant, tmp_path / "other")
        session = await plant.session()
        assert plant.worker is not None
        assert other.worker is not None
        try:
            # The first worker has the monitor, because it was alone when the cluster joined.
            assert await monitored_by(session, frozen_later.name) == plant.worker.pid
            # Until the other one polls.
            await asyncio.sleep(3)
            frozen_later.freeze()
            clock = asyncio.get_running_loop().time
            began = clock()
            await asyncio.sleep(HANDED_OVER_AFTER)
            await asyncio.to_thread(plant.worker.stop if how == "stopped" else plant.worker.kill)
            await became(session, frozen_later.name, ready=False, seconds=60)
            took = clock() - began
            assert await monitored_by(session, frozen_later.name) == other.worker.pid
            assert FAILURE_AFTER - 1 <= took <= at_most
            if how == "stopped":
                log = (plant.directory / "worker.log").read_text(encoding="utf-8")
                assert "handed over: this worker shuts down" in log
                assert "Traceback" not in log
            frozen_later.thaw()
            await became(session, frozen_later.name, ready=True, seconds=30)
            _, status = await described(session, frozen_later.name)
            assert [step.what for step in status.steps] == ["Joined", "NotReady", "Ready"]
        finally:
            other.worker.stop()
