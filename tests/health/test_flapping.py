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
# By default no three seconds are a failure; where each of them is, the cluster soon has to stay well for longer.
@pytest.mark.parametrize("settings", [{}, {"FAILURE_AFTER": "1"}], ids=["default", "hasty"])
async def test_a_flapping_cluster_causes_one_failover_at_most(
    members: list[Member],
    flapping: Member,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    seconds: float,
    settings: dict[str, str],
) -> None:
    async with planted(tmp_path / "plant", members, monkeypatch, **settings) as plant:
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
        failures = [step for step in status.steps if step.what == "NotReady"]
        assert failovers <= 1
        if not settings:
            assert failures == []
            assert sorted(replicas(plant, "deployments", namespace, "web").values()) == [2, 2, 2]
        else:
            # It was seen to fail, and less often than it did.
            assert 1 <= len(failures) <= seconds / PERIOD / 2
        await became(session, flapping.name, ready=True, seconds=100)
        await session.delete(ref, orphan=(), preserve=False)
