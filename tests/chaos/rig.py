"""The installation that is treated badly: every part a process of its own, every member behind a relay."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from activities.connection import connect, initialise
from activities.snapshot import list_clusters
from argosy.api.cluster_connection import ConnectionReference
from argosy.api.membership import ClusterSettings
from argosy.config import Settings
from cli.membership import joined
from cli.session import Session
from devcluster import binaries
from devcluster.member import BARE, Member, start_all, stop_all
from devcluster.ports import LOOPBACK
from devcluster.process import Identity
from devcluster.relay import Relay, kubeconfig_through
from devcluster.temporal import TemporalServer
from tests.chaos import ready
from tests.chaos.kubelet import CONFIG_MAPS, DEPLOYMENTS, SELECTOR
from tests.chaos.script import MEMBERS, WORKERS, Step
from tests.chaos.world import Copy
from tests.cli.runs import Run, unconfigured
from tests.plant import polling

SETTINGS = {
    "ARGOSY_PROBE_INTERVAL": "0.3",
    "ARGOSY_FAILURE_AFTER": "1.5",
    # It doubles with each failure of the last ten minutes, and members fail a lot here.
    "ARGOSY_RECOVERY_AFTER": "0.002",
    "ARGOSY_FAILOVER_AFTER": "1.5",
    # So that the failures of one round do not guard against those of the next.
    "ARGOSY_FLEET_GUARD_LASTS": "10",
}
_LOOK_EVERY = 0.5
FAULTS = {"kill", "revive", "freeze", "thaw", "drop", "cut", "connect"}


class Rig:
    """One installation, which outlives many rounds.

    Args:
        directory: where everything lives; logs stay for whoever looks into a failure.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.members = {name: Member(name, directory / name, parts=BARE) for name in MEMBERS}
        self.temporal = TemporalServer(directory / "temporal", ui=False)
        self.relays: dict[str, Relay] = {}
        self.session: Session
        self._workers: dict[str, Identity] = {}
        self._down: set[str] = set()
        self._supervising: asyncio.Task[None] | None = None
        self._turns: dict[str, asyncio.Lock] = {}
        self._paths: dict[str, Path] = {}

    async def start(self, progress: Callable[[str], None]) -> None:
        """Start everything, and join the members through their relays."""
        self._paths = binaries.ensure(BARE, progress=progress)
        await asyncio.to_thread(start_all, list(self.members.values()), progress=progress)
        await asyncio.to_thread(self.temporal.start)
        settings = Settings()
        self.session = Session(await connect(settings, address=self.temporal.address), settings)
        await initialise(self.session.client)
        self._start_worker(WORKERS[0])
        self._supervising = asyncio.create_task(self._supervise())
        await polling(self.session)
        for name, member in self.members.items():
            self.relays[name] = Relay(int(member.server.rpartition(":")[2])).start()
        await asyncio.gather(*(self._join(name) for name in self.members))

    def stop(self) -> None:
        """End everything."""
        if self._supervising is not None:
            self._supervising.cancel()
        for worker in self._workers.values():
            worker.stop()
        for relay in self.relays.values():
            relay.close()
        self.temporal.stop()
        stop_all(list(self.members.values()))

    async def have_workers(self, count: int) -> None:
        """Have that many of them."""
        for number, name in enumerate(WORKERS):
            worker = self._workers.get(name)
            if number < count and (worker is None or not worker.alive()):
                self._start_worker(name)
            elif number >= count and worker is not None:
                self._down.add(name)
                await asyncio.to_thread(worker.stop)

    async def do(self, step: Step) -> None:
        """Do something to a part; one thing after the other."""
        async with self._turns.setdefault(step.what, asyncio.Lock()):
            await asyncio.to_thread(self._do, step.do, step.what)

    async def heal(self, workers: int) -> None:
        """Undo every fault, and wait until all parts are there."""
        for relay in self.relays.values():
            relay.forward()
        parts = ("temporal", *MEMBERS, *WORKERS[:workers])
        await asyncio.gather(*map(self._healed, parts))

    async def _healed(self, part: str) -> None:
        if part != "temporal":
            await self.do(Step(0, "thaw", part))
        await self.do(Step(0, "revive", part))

    async def phases(self) -> dict[str, str]:
        """Member -> its phase, as the lists have it."""
        return {name: str(one.phase) for name, one in (await list_clusters(self.session.client)).items()}

    async def failed_since(self, moment: datetime) -> frozenset[str]:
        """The members that were on record as not ready at any time since then."""
        statuses = await list_clusters(self.session.client)
        return frozenset(
            name
            for name, one in statuses.items()
            if (one.health.since is not None and one.health.since >= moment)
            or any(step.what == "NotReady" and step.at >= moment for step in one.steps)
        )

    async def copies(self) -> tuple[Copy, ...]:
        """Every object with Argosy's label in any member, asked of the API servers past the relays."""
        found = await asyncio.gather(*(asyncio.to_thread(_copies, one) for one in self.members.values()))
        return tuple(copy for copies in found for copy in copies)

    def _do(self, what: str, part: str) -> None:
        if part in self.members:
            self._to_member(what, self.members[part], self.relays[part])
        elif part == "temporal":
            if what == "kill":
                self.temporal.kill()
            else:
                self.temporal.start()
        else:
            self._to_worker(what, part)

    def _to_member(self, what: str, member: Member, relay: Relay) -> None:
        match what:
            case "kill":
                member.kill()
            case "freeze":
                member.freeze()
            case "thaw":
                member.thaw()
            case "revive":
                member.start(self._paths)
            case "drop":
                relay.black_hole()
            case "cut":
                relay.refuse()
            case _:
                relay.forward()

    def _to_worker(self, what: str, name: str) -> None:
        worker = self._workers[name]
        match what:
            case "kill":
                self._down.add(name)
                worker.kill()
            case "freeze":
                worker.send(signal.SIGSTOP)
            case "thaw":
                worker.send(signal.SIGCONT)
            case _:
                if not worker.alive():
                    self._start_worker(name)

    async def _supervise(self) -> None:
        """Start workers again that have ended by themselves, as whatever runs them anywhere does."""
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            for name, worker in self._workers.items():
                if name not in self._down and not worker.alive():
                    self._start_worker(name)

    def command(self, words: list[str]) -> Run:
        """What a person does with `argosy`."""
        return ready.argosy(words, self._environment())

    def _environment(self) -> dict[str, str]:
        return {**unconfigured(), **SETTINGS, "TEMPORAL_ADDRESS": self.temporal.address}

    def _start_worker(self, name: str) -> None:
        self._down.discard(name)
        self._workers[name] = ready.worker(self._environment(), log=self.directory / f"{name}.log")

    async def _join(self, name: str) -> None:
        member, relay = self.members[name], self.relays[name]
        through = kubeconfig_through(
            relay, kubeconfig=member.kubeconfig, to=self.directory / f"{name}.kubeconfig"
        )
        reference = ConnectionReference(kubeconfig=str(through), context=name)
        await joined(self.session, name, ClusterSettings(connection=reference), timeout=60)


def _copies(member: Member) -> list[Copy]:
    found = []
    for path in (DEPLOYMENTS, CONFIG_MAPS):
        status, body = member.request("GET", f"{path}?labelSelector={SELECTOR}&limit=5000")
        if status != 200:
            raise RuntimeError(f"{member.name} at {LOOPBACK} answers {status}: {body[:200]!r}")
        found += [Copy.of(member.name, item) for item in json.loads(body)["items"]]
    return [copy for copy in found if copy is not None]
