"""A throw-away installation to measure: bare members, Temporal, one worker process, all of them real."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from activities.connection import connect, initialise
from argosy.api.cluster_connection import ConnectionReference
from argosy.api.membership import ClusterSettings
from argosy.config import Settings
from argosy.errors import ArgosyError
from cli.membership import joined
from cli.session import Session
from devcluster.member import BARE, Member, start_all, stop_all
from devcluster.process import Identity, cpu_seconds, memory, spawn
from devcluster.relay import Relay, kubeconfig_through
from devcluster.temporal import TemporalServer

NAMESPACE = "bench"


@dataclass(frozen=True)
class Cost:
    """CPU seconds spent and memory held, by part."""

    cpu: dict[str, float]
    memory: dict[str, int]

    def since(self, before: Cost) -> dict[str, float]:
        """CPU seconds spent since an earlier look."""
        return {part: round(seconds - before.cpu[part], 2) for part, seconds in self.cpu.items()}


@dataclass
class Installation:
    """What is being measured."""

    session: Session
    temporal: TemporalServer
    members: list[Member]
    workers: list[Identity]
    command: Callable[[], Identity]
    relays: dict[str, Relay] = field(default_factory=dict)

    @property
    def worker(self) -> Identity:
        """The first worker process, or the one that took its place."""
        return self.workers[0]

    def start_worker(self) -> None:
        """Start another worker in the place of the first, which has ended."""
        self.workers[0] = self.command()

    def cost(self) -> Cost:
        """What the parts have cost so far."""
        members = [identity.pid for member in self.members for identity in member.processes.values()]
        pids = {
            "worker": [worker.pid for worker in self.workers],
            "temporal": [self.temporal.pid or 0],
            "members": members,
        }
        return Cost(
            cpu={part: sum(map(cpu_seconds, found)) for part, found in pids.items()},
            memory={part: sum(map(memory, found)) for part, found in pids.items()},
        )


@asynccontextmanager
async def installation(
    *,
    parts: Sequence[str] = BARE,
    relayed: bool = False,
    settings: Mapping[str, str] | None = None,
    workers: int = 1,
) -> AsyncIterator[Installation]:
    """Three members, Temporal on a file with a write-ahead log, and worker processes.

    Args:
        parts: what each member consists of.
        relayed: whether a relay stands in front of each member.
        settings: of the workers, besides the defaults.
        workers: how many there are.
    """
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        members = [Member(name, directory / name, parts=parts) for name in ("member1", "member2", "member3")]
        temporal = TemporalServer(directory / "temporal", ui=False)
        await asyncio.to_thread(start_all, members, progress=print)
        temporal.start()
        started: list[Identity] = []
        relays: dict[str, Relay] = {}
        try:
            defaults = Settings()
            session = Session(await connect(defaults, address=temporal.address), defaults)
            await initialise(session.client)
            environment = {
                **os.environ,  # noqa: TID251 - handed on
                **(settings or {}),
                "TEMPORAL_ADDRESS": temporal.address,
            }

            def start() -> Identity:
                log = directory / "worker.log"
                return spawn([sys.executable, "-m", "worker"], log=log, environment=environment)

            started += [start() for _ in range(workers)]
            await polling(session)
            if relayed:
                relays = {one.name: Relay(int(one.server.rpartition(":")[2])).start() for one in members}
            await asyncio.gather(*(_join(session, one, relays.get(one.name)) for one in members))
            await _place_everything(session, members)
            yield Installation(
                session=session,
                temporal=temporal,
                members=members,
                workers=started,
                command=start,
                relays=relays,
            )
        finally:
            for worker in started:
                worker.stop()
            for relay in relays.values():
                relay.close()
            temporal.stop()
            stop_all(members)


def deployment(name: str, *, image: str = "nginx:1.0") -> dict[str, object]:
    """The template of every measurement, about 0.6 KB."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"app": name}},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {
                    "containers": [
                        {
                            "name": "web",
                            "image": image,
                            "ports": [{"containerPort": 80}],
                            "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}},
                        }
                    ]
                },
            },
        },
    }


async def _place_everything(session: Session, members: list[Member]) -> None:
    selector = {"apiVersion": "apps/v1", "kind": "Deployment", "namespace": NAMESPACE}
    policy = {
        "apiVersion": "policy.karmada.io/v1alpha1",
        "kind": "PropagationPolicy",
        "metadata": {"name": "everything", "namespace": NAMESPACE},
        "spec": {"resourceSelectors": [selector]},
    }
    await session.edit_policies(NAMESPACE, put=[policy])
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    for member in members:
        status, answer = member.request("POST", "/api/v1/namespaces", body)
        if status != 201:
            raise RuntimeError(json.loads(answer)["message"])
    # Announcements of joins and policies are repeated for a few seconds; they are not what is measured.
    await asyncio.sleep(10)


async def polling(session: Session) -> None:
    """Wait until a worker polls."""
    async with asyncio.timeout(60):
        while True:
            try:
                await session.require_worker()
            except ArgosyError:
                await asyncio.sleep(0.1)
            else:
                return


async def _join(session: Session, member: Member, relay: Relay | None) -> None:
    kubeconfig = member.kubeconfig
    if relay is not None:
        kubeconfig = kubeconfig_through(
            relay, kubeconfig=member.kubeconfig, to=member.directory / "relayed.kubeconfig"
        )
    connection = ConnectionReference(kubeconfig=str(kubeconfig), context=member.name)
    await joined(session, member.name, ClusterSettings(connection=connection), timeout=60)
