"""A throw-away installation with emulated members: as many clusters as wanted, Temporal, and worker processes."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from activities.connection import connect, initialise
from argosy.api.cluster_connection import ConnectionReference
from argosy.api.membership import ClusterSettings
from argosy.config import Settings
from benchmarks.installation import NAMESPACE, Cost, polling
from cli.membership import joined
from cli.session import Session
from devcluster.emulated.fleet import EmulatedClusters
from devcluster.process import Identity, cpu_seconds, memory, spawn
from devcluster.temporal import TemporalServer

Figures = dict[str, Any]
JOINING_AT_ONCE = 32
JOIN_SECONDS = 600.0
# Announcements of joins are repeated for a few seconds; they are not what is measured.
SETTLE = 10.0
STARTED = 3.0


@dataclass
class Ground:
    """What is being measured."""

    session: Session
    temporal: TemporalServer
    emulated: EmulatedClusters
    workers: list[Identity]
    directory: Path

    def cost(self) -> Cost:
        """What the parts have cost so far."""
        process = self.emulated.process
        pids = {
            "worker": [worker.pid for worker in self.workers],
            "temporal": [self.temporal.pid or 0],
            "members": [process.pid] if process else [],
        }
        return Cost(
            cpu={part: sum(map(cpu_seconds, found)) for part, found in pids.items()},
            memory={part: sum(map(memory, found)) for part, found in pids.items()},
        )

    def database_bytes(self) -> int:
        """What Temporal's database takes on disk, its write-ahead log included."""
        return sum(
            path.stat().st_size for path in self.temporal.directory.glob(f"{self.temporal.database.name}*")
        )

    async def join(self, names: Sequence[str]) -> None:
        """Join clusters, a few at a time, and return when the lists show them ready."""
        gate = asyncio.Semaphore(JOINING_AT_ONCE)

        async def one(name: str) -> None:
            async with gate:
                kubeconfig = str(self.emulated.kubeconfig(name))
                settings = ClusterSettings(
                    connection=ConnectionReference(kubeconfig=kubeconfig, context=name)
                )
                await joined(self.session, name, settings, timeout=JOIN_SECONDS)

        await asyncio.gather(*(one(name) for name in names))

    async def place(self, clusters: Sequence[str] | None) -> None:
        """A policy for every Deployment of the namespace: to these clusters, or to all."""
        affinity = {} if clusters is None else {"clusterAffinity": {"clusterNames": list(clusters)}}
        policy = {
            "apiVersion": "policy.karmada.io/v1alpha1",
            "kind": "PropagationPolicy",
            "metadata": {"name": "everything", "namespace": NAMESPACE},
            "spec": {
                "resourceSelectors": [
                    {"apiVersion": "apps/v1", "kind": "Deployment", "namespace": NAMESPACE}
                ],
                "placement": affinity,
            },
        }
        await self.session.edit_policies(NAMESPACE, put=[policy])

    def make_namespaces(self) -> None:
        """The namespace of the measurements, in every cluster."""
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
        for name in self.emulated.names:
            status, answer = self.emulated.request(name, "POST", "/api/v1/namespaces", body)
            if status != 201:
                raise RuntimeError(answer.decode())


@asynccontextmanager
async def ground(count: int, *, workers: int = 1) -> AsyncIterator[Ground]:
    """So many emulated clusters, not joined yet, Temporal on a file with a write-ahead log, and worker processes."""
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        emulated = EmulatedClusters(directory / "emulated", count=count)
        temporal = TemporalServer(directory / "temporal", ui=False)
        started: list[Identity] = []
        try:
            emulated.start()
            temporal.start()
            defaults = Settings()
            session = Session(await connect(defaults, address=temporal.address), defaults)
            await initialise(session.client)
            environment = {
                **os.environ,  # noqa: TID251 - handed on
                "TEMPORAL_ADDRESS": temporal.address,
            }
            for number in range(workers):
                log = directory / f"worker{number}.log"
                started.append(spawn([sys.executable, "-m", "worker"], log=log, environment=environment))
            await polling(session)
            # A server that has only just started may not know its namespace everywhere.
            await asyncio.sleep(STARTED)
            yield Ground(session, temporal, emulated, started, directory)
        finally:
            for worker in started:
                worker.stop()
            temporal.stop()
            emulated.stop()


async def quiet(plant: Ground, *, seconds: float = 40) -> None:
    """Wait until Temporal does no more than at rest: its use of the CPU has stopped falling."""
    used = float("inf")
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        before = plant.cost()
        await asyncio.sleep(5)
        now = sum(plant.cost().since(before)[part] for part in ("temporal", "worker"))
        if now > used * 0.9:
            return
        used = now
