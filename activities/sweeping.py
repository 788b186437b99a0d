"""The observers of a process, and the sweep that compares what they see with what propagations have on record.

A watch tells of changes only while it runs. What happened while no worker was there, and what was lost on the way,
shows in the difference between the clusters and the record; the sweep finds it in the lists, and tells only those
propagations that are behind.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from temporalio.client import Client
from temporalio.service import RPCError

from activities.in_use import KindsInUse
from activities.lists import published
from activities.metrics import OFF, Metrics
from activities.notify import OPEN_PROPAGATIONS
from activities.observing import Observer
from activities.reporting import Reporter
from argosy.api.conditions import ClusterCondition
from argosy.api.health import Assess
from argosy.api.manifest import ResourceRef
from argosy.api.observation import MISSING, CopyObservation, newer
from argosy.api.propagation import PropagationStatus, Target, TargetPhase
from argosy.kube.connect import Member

LOOK_FOR_KINDS = 5.0
"""Seconds between two looks for propagations begun by other processes."""
SWEEP_EVERY = 600.0
SETTLE = 0.5
"""Seconds in which several observers may become ready for one sweep."""
AGAIN = (5.0, 20.0)
"""Seconds after which it is repeated, because lists lag: what was just applied may not be on record there yet."""
ABANDONED_AFTER = 30.0
"""Seconds without a monitor after which an observer ends: another process has the cluster, or it has left."""
_OVERLAP = timedelta(seconds=30)

logger = logging.getLogger(__name__)


@dataclass
class _Running:
    observer: Observer
    task: asyncio.Task[None]
    kept: float


class Observers:
    """One observer for each cluster that a monitor of this process looks after."""

    def __init__(
        self,
        *,
        client: Client,
        kinds: KindsInUse,
        assess: Assess,
        instance: str,
        silence: float = 150.0,
        metrics: Metrics = OFF,
    ) -> None:
        self._client = client
        self._silence = silence
        self._kinds = kinds
        self._assess = assess
        self._instance = instance
        self._reporter = Reporter(client, metrics=metrics)
        self._running: dict[str, _Running] = {}
        self._due = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def keep(self, cluster: str, member: Callable[[], Awaitable[Member]]) -> None:
        """Begin to observe a cluster, or go on; to be called at each probe that found it well."""
        if not self._tasks:
            self._tasks = [
                asyncio.create_task(work()) for work in (self._reporter.run, self._sweeps, self._look)
            ]
        now = asyncio.get_running_loop().time()
        running = self._running.get(cluster)
        if running is None or running.task.done():
            observer = Observer(
                cluster,
                member=member,
                kinds=self._kinds,
                reporter=self._reporter,
                assess=self._assess,
                instance=self._instance,
                on_settled=self._due.set,
                silence=self._silence,
            )
            self._running[cluster] = _Running(observer, asyncio.create_task(observer.run()), now)
        else:
            running.kept = now

    def watching(self, cluster: str) -> ClusterCondition | None:
        """Whether the watches on a cluster are alive; None where this process does not observe it."""
        running = self._running.get(cluster)
        return None if running is None else running.observer.pulses.condition(at=time.monotonic())

    def drop(self, cluster: str) -> None:
        """Stop observing a cluster that does not answer; when it does again, everything is compared anew."""
        running = self._running.pop(cluster, None)
        if running is not None:
            running.task.cancel()

    async def close(self) -> None:
        """End all watches."""
        tasks = [*self._tasks, *(running.task for running in self._running.values())]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._tasks.clear()
        self._running.clear()

    async def _look(self) -> None:
        """Learn which kinds are in use, and let go of clusters that nobody looks after any more."""
        since: datetime | None = None
        while True:
            began = datetime.now(UTC)
            try:
                async for _, status in published(self._client, _open_since(since), dict):
                    ref = ResourceRef.model_validate(status["ref"])
                    self._kinds.note(ref.api_version, ref.kind)
                since = began - _OVERLAP
            except RPCError as error:
                logger.info("kinds in use could not be listed: %s", error)
            self._abandon()
            await asyncio.sleep(LOOK_FOR_KINDS)

    def _abandon(self) -> None:
        now = asyncio.get_running_loop().time()
        for name in [name for name, one in self._running.items() if now - one.kept > ABANDONED_AFTER]:
            self.drop(name)

    async def _sweeps(self) -> None:
        clock = asyncio.get_running_loop().time
        due = [clock() + SWEEP_EVERY]
        while True:
            try:
                async with asyncio.timeout_at(due[0]):
                    await self._due.wait()
                self._due.clear()
                # An earlier one is not put off, however many become ready one after the other.
                now = clock()
                due = [min(due[0], now + SETTLE), *(now + pause for pause in AGAIN)]
            except TimeoutError:
                due = due[1:] or [clock() + SWEEP_EVERY]
                await self._sweep()

    async def _sweep(self) -> None:
        try:
            async for propagation, status in published(self._client, _open_since(None), PropagationStatus):
                self._compare(propagation, status)
        except RPCError as error:
            logger.info("records could not be compared with the clusters: %s", error)
            await asyncio.sleep(LOOK_FOR_KINDS)
            self._due.set()

    def _compare(self, propagation: str, status: PropagationStatus) -> None:
        for cluster, target in status.clusters.items():
            running = self._running.get(cluster)
            if running is None:
                continue
            seen = _seen(running.observer, propagation, status, target)
            if seen is not None and (target.seen is None or not seen.same_as(target.seen)):
                self._reporter.offer(propagation, cluster, seen, urgent=False)


def _open_since(moment: datetime | None) -> str:
    """The query for open propagations whose current run has begun after a moment; for all of them without one."""
    return OPEN_PROPAGATIONS + (f' AND StartTime >= "{moment.isoformat()}"' if moment is not None else "")


def _seen(
    observer: Observer, propagation: str, status: PropagationStatus, target: Target
) -> CopyObservation | None:
    """The copy as its observer knows it, if it does by now; gone where it should be there and is not."""
    seen = observer.known.get(propagation)
    if seen is not None:
        return seen
    settled = observer.settled.get((status.ref.api_version, status.ref.kind))
    there = target.phase in {TargetPhase.APPLIED, TargetPhase.EVICTING}
    if settled is None or observer.holds(propagation) or not there or not newer(settled, target.version):
        return None
    return CopyObservation(uid=target.uid, version=settled, gone=True, assessment=MISSING)
