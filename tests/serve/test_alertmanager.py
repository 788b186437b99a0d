"""A real Alertmanager tells a real `argosy serve`, which steers clusters through a real Temporal."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from activities.connection import connect
from argosy.config import Settings
from devcluster.temporal import TemporalServer
from tests.cli.runs import argosy
from tests.plant import Plant
from tests.serve.alertmanager import running, until
from tests.serve.recorder import Recorded, recording


async def test_an_alert_fails_over_once_however_often_it_is_sent_and_its_end_recovers(
    alertmanager_binary: Path, temporal_server: TemporalServer, recorded: Recorded, tmp_path: Path
) -> None:
    name, started = await recorded.cluster(), datetime.now(UTC)
    with running(alertmanager_binary, tmp_path, temporal=temporal_server.address) as (serve, alertmanager):
        await serve.start()
        await alertmanager.ready()
        alertmanager.alert(name, started=started)
        assert await recorded.asked(name, count=1) == ["failover"]
        await until(lambda: serve.logged("known already") >= 2)
        assert await recorded.asked(name, count=1) == ["failover"]
        # A new process knows nothing; what it asks is known to the cluster by its ID.
        serve.kill()
        await serve.start()
        await recorded.asked(name, count=2)
        (_, first), (_, second) = await recorded.steered(name)
        assert first == second
        assert first.reason == f"KubeAPIDown: the API server of {name} does not answer"
        assert first.now
        alertmanager.alert(name, started=started, over=True)
        assert await recorded.asked(name, count=3) == ["failover", "failover", "recover"]


@pytest.mark.timeout(180)
async def test_what_could_not_be_delivered_comes_again(alertmanager_binary: Path, tmp_path: Path) -> None:
    server = TemporalServer(tmp_path / "temporal", ui=False)
    server.start()
    client = await connect(Settings(), address=server.address)
    async with recording(client) as recorded:
        name = await recorded.cluster()
        with running(alertmanager_binary, tmp_path, temporal=server.address) as (serve, alertmanager):
            await serve.start()
            await alertmanager.ready()
            server.kill()
            alertmanager.alert(name, started=datetime.now(UTC))
            # Twice, because Alertmanager takes a 503 for a reason to try again.
            await until(lambda: serve.logged("not delivered") >= 2)
            server.start()
            assert (await recorded.asked(name, count=1))[0] == "failover"
    server.stop()


@pytest.mark.timeout(300)
async def test_the_entity_of_a_cluster_is_steered_by_a_real_alert(
    alertmanager_binary: Path, plant: Plant, tmp_path: Path
) -> None:
    name, started = plant.members[0].name, datetime.now(UTC)

    def taints() -> list[str]:
        got = argosy("cluster", "get", name, "-o", "json", TEMPORAL_ADDRESS=plant.temporal.address)
        assert got.code == 0, got.err
        return [taint["key"] for taint in json.loads(got.out)["settings"]["taints"]]

    def failing_over() -> bool:
        return any(key.startswith("argosy.dev/failover") for key in taints())

    assert not failing_over()
    with running(alertmanager_binary, tmp_path, temporal=plant.temporal.address) as (serve, alertmanager):
        await serve.start()
        await alertmanager.ready()
        alertmanager.alert(name, started=started)
        await until(failing_over)
        # A person ends it; neither the repeated alert nor a new process of `serve` begins it again.
        recovered = argosy("cluster", "recover", name, TEMPORAL_ADDRESS=plant.temporal.address)
        assert recovered.code == 0, recovered.err
        serve.kill()
        signalled = serve.logged("signalled")
        await serve.start()
        await until(lambda: serve.logged("signalled") > signalled)
        await until(lambda: serve.logged("known already") >= 2)
        assert not failing_over()
        alertmanager.alert(name, started=started, over=True)
        # The next time is another alert.
        await until(lambda: serve.logged("signalled") > signalled + 1)
        again = datetime.now(UTC)
        alertmanager.alert(name, started=again)
        await until(failing_over)
        alertmanager.alert(name, started=again, over=True)
        await until(lambda: not failing_over())
