"""A workflow of the type and ID of a cluster's entity that records how it is steered."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from uuid import uuid4

from temporalio import workflow
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError
from temporalio.worker import Worker

from argosy.api.ids import cluster_id
from argosy.api.messages import Steer
from worker.sandbox import production_runner


@workflow.defn(name="Cluster")
class RecordingCluster:
    def __init__(self) -> None:
        self._steered: list[tuple[str, Steer]] = []

    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: False)

    @workflow.signal
    def failover(self, steer: Steer) -> None:
        self._steered.append(("failover", steer))

    @workflow.signal
    def hold(self, steer: Steer) -> None:
        self._steered.append(("hold", steer))

    @workflow.signal
    def resume(self, steer: Steer) -> None:
        self._steered.append(("resume", steer))

    @workflow.signal
    def recover(self, steer: Steer) -> None:
        self._steered.append(("recover", steer))

    @workflow.query
    def steered(self) -> list[tuple[str, Steer]]:
        return self._steered


class Recorded:
    """Clusters that record."""

    def __init__(self, client: Client, queue: str) -> None:
        self._client = client
        self._queue = queue
        self._handles: list[WorkflowHandle[RecordingCluster, None]] = []

    async def cluster(self, name: str = "") -> str:
        """The name of a fresh one."""
        name = name or f"c-{uuid4().hex[:12]}"
        self._handles.append(
            await self._client.start_workflow(
                RecordingCluster.run, id=cluster_id(name), task_queue=self._queue
            )
        )
        return name

    async def steered(self, name: str) -> list[tuple[str, Steer]]:
        """What it has been asked, in order."""
        handle: WorkflowHandle[RecordingCluster, None] = self._client.get_workflow_handle(cluster_id(name))
        return await handle.query(RecordingCluster.steered)

    async def asked(self, name: str, *, count: int) -> list[str]:
        """The names of the signals it got, once there are as many."""
        async with asyncio.timeout(30):
            while len(found := await self.steered(name)) < count:
                await asyncio.sleep(0.1)
        return [signal for signal, _ in found]

    async def end(self) -> None:
        for handle in self._handles:
            with contextlib.suppress(RPCError):
                await handle.terminate()


@contextlib.asynccontextmanager
async def recording(client: Client) -> AsyncIterator[Recorded]:
    """A worker for such clusters."""
    queue = f"recording-{uuid4().hex}"
    recorded = Recorded(client, queue)
    runner = production_runner()
    async with Worker(client, task_queue=queue, workflows=[RecordingCluster], workflow_runner=runner):
        yield recorded
        await recorded.end()
