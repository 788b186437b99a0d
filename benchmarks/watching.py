"""When an object is really there: a watch on each member, and the moment each event arrives."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from argosy.api.cluster_connection import ConnectionReference
from argosy.kube.connect import Member as Connection
from argosy.kube.connect import connect
from argosy.kube.watch import Change, Snapshot, watch
from benchmarks.installation import NAMESPACE
from devcluster.member import Member

PATH = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"


class Seen:
    """The newest image of every Deployment in every member, with the time it was first seen."""

    def __init__(self, members: list[str]) -> None:
        self._members = members
        self._seen: dict[tuple[str, str, str], float] = {}
        self._changed = asyncio.Event()

    def note(self, member: str, item: dict[str, Any]) -> None:
        """Take an event's object into account."""
        image = item["spec"]["template"]["spec"]["containers"][0]["image"]
        self._seen.setdefault((member, item["metadata"]["name"], image), time.perf_counter())
        self._changed.set()

    def count(self, prefix: str) -> int:
        """How many objects were seen in any member whose names begin like this."""
        return sum(1 for _, name, _ in self._seen if name.startswith(prefix))

    def first_after(self, moment: float) -> float:
        """When the first object was seen after a moment, on the same clock."""
        return min(seen for seen in self._seen.values() if seen > moment)

    async def everywhere(self, name: str, image: str, *, seconds: float = 30) -> float:
        """When the last member got it, on the clock of `time.perf_counter`."""
        async with asyncio.timeout(seconds):
            while True:
                times = [self._seen.get((member, name, image)) for member in self._members]
                if all(times):
                    return max(moment for moment in times if moment is not None)
                self._changed.clear()
                await self._changed.wait()


@asynccontextmanager
async def watching(members: list[Member]) -> AsyncIterator[Seen]:
    """Watch every member while the block runs."""
    seen = Seen([member.name for member in members])
    connections = [
        await connect(
            member.name,
            ConnectionReference(kubeconfig=str(member.kubeconfig), context=member.name),
            allow_exec=False,
        )
        for member in members
    ]
    tasks = [asyncio.create_task(_follow(connection, seen)) for connection in connections]
    await asyncio.sleep(0.5)
    try:
        yield seen
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for connection in connections:
            await connection.close()


async def _follow(connection: Connection, seen: Seen) -> None:
    async for event in watch(connection, PATH, what="watch Deployments", metadata_only=False):
        match event:
            case Snapshot():
                for item in event.items:
                    seen.note(connection.name, item)
            case Change() if event.type in {"ADDED", "MODIFIED"}:
                seen.note(connection.name, event.object)
