"""A cluster that comes and goes: every few seconds it does not answer."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from argosy.api.manifest import ref_of
from devcluster.member import Member
from tests.health.plants import became, described, placing, planted, replicas
from tests.plant import deployment, settled

pytestmark = pytest.mark.timeout(300)

PERIOD = 3.0
LONG = pytest.mark.skipif(
    not os.environ.get("LONG_TESTS"),  # noqa: TID251 - of the tests alone, no setting of ours
    reason="two minutes; set LONG_TESTS=1",
)


@pytest.fixture
def flapping(members: list[Member]) -> Iterator[Member]:
    yield members[2]
    members[2].thaw()


@pytest.mark.parametrize(
    "seconds", [pytest.param(24.0, id="24s"), pytest.param(120.0, id="120s", marks=[LONG, pytest.mark.crash])]
)
async def test_a_flapping_cluster_causes_no_failover(
    members: list[Member],
    flapping: Member,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    seconds: float,
) -> None:
    async with planted(tmp_path / "plant", members, monkeypatch) as plant:
        session = await plant.session()
        namespace = f"flap-{secrets.token_hex(4)}"
        template = deployment("web", namespace)
        template["spec"]["replicas"] = 6
        await session.edit_policies(namespace, put=[placing(namespace, "Deployment")])
        await session.submit(template)
        await settled(session, ["web"], namespace, seconds=30)
        ref, failovers, evicting = ref_of(template), 0, False
        clock = asyncio.get_running_loop().time
        began = clock()
        while (passed := clock() - began) < seconds:
            if int(passed / PERIOD) % 2 == 0:
                flapping.freeze()
            else:
                flapping.thaw()
            now = "Evicting" in (await session.observe(ref)).status.counts
            failovers += now and not evicting
            evicting = now
            await asyncio.sleep(0.2)
        flapping.thaw()
        _, status = await described(session, flapping.name)
        # Three seconds are not even a failure.
        assert failovers == 0
        assert [step.what for step in status.steps] == ["Joined"]
        assert sorted(replicas(plant, "deployments", namespace, "web").values()) == [2, 2, 2]
        await became(session, flapping.name, ready=True, seconds=100)
        await session.delete(ref, orphan=(), preserve=False)


async def test_a_cluster_that_fails_again_needs_twice_as_long_to_be_well(
    flapping: Member, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"FAILURE_AFTER": "1", "RECOVERY_AFTER": "2", "PROBE_INTERVAL": "0.3"}
    async with planted(tmp_path / "plant", [flapping], monkeypatch, **settings) as plant:
        session = await plant.session()
        for needed in (2.0, 4.0, 8.0):
            flapping.freeze()
            await became(session, flapping.name, ready=False, seconds=30)
            flapping.thaw()
            took = await became(session, flapping.name, ready=True, seconds=60)
            # What was asked for before the thaw may be answered only afterwards.
            assert needed - 0.5 <= took <= needed + 5
