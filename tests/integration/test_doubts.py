"""What entities and the heartbeats of their monitors show of clusters that are not confirmed to fail yet."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio import activity, workflow
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.connection import connect
from activities.doubts import ASKED_AT_MOST, Doubts
from argosy.api.ids import cluster_id
from argosy.config import Settings
from devcluster.temporal import TemporalServer

OK = {"ok": True, "at": datetime.now(UTC).isoformat()}
FAILS = OK | {"ok": False, "change": "fails", "since": datetime.now(UTC).isoformat()}
RECOVERS = FAILS | {"ok": True, "change": "recovers"}


@workflow.defn(name="Entity")
class Entity:
    """An entity with a monitor that tells this; None: it has just told something else and ended."""

    @workflow.run
    async def run(self, told: dict[str, Any] | None) -> None:
        if told is not None:
            await workflow.execute_activity(
                watch,
                told,
                start_to_close_timeout=timedelta(minutes=1),
                heartbeat_timeout=timedelta(minutes=1),
            )
        await workflow.wait_condition(lambda: False)


@activity.defn
async def watch(told: dict[str, Any]) -> None:
    if told:
        activity.heartbeat(told)
    await asyncio.Event().wait()


async def test_a_cluster_is_doubted_while_its_monitor_is_about_to_tell(
    temporal_server: TemporalServer,
) -> None:
    client = await connect(Settings(), address=temporal_server.address)
    told = {"calm": OK, "fails": FAILS, "recovers": RECOVERS, "begins": {}, "told": None}
    names = sorted([*told, "unknown"])
    queue = "doubts"
    async with Worker(
        client,
        task_queue=queue,
        workflows=[Entity],
        activities=[watch],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        handles = [
            await client.start_workflow("Entity", said, id=cluster_id(name), task_queue=queue)
            for name, said in told.items()
        ]
        async with asyncio.timeout(30):
            while await Doubts(client).among(names) != ("fails", "told"):
                await asyncio.sleep(0.1)
        doubts = Doubts(client)
        assert await doubts.among(names) == ("fails", "told")
        for handle in handles:
            await handle.terminate()
        assert await doubts.among(["calm"]) == ()
        assert await doubts.among([f"m{number}" for number in range(ASKED_AT_MOST + 1)]) == ()
