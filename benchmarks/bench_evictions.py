"""Many propagations leave one member at the configured rate (`ARGOSY_EVICTION_RATE`): how soon, and at what cost.

python -m benchmarks.bench_evictions [--count 1000] [--json FILE]

Three bare members, a real Temporal and one worker; Deployments of six replicas are divided evenly, and then somebody
runs `argosy cluster failover member3 --now`. A propagation has moved when the other two members have all its replicas.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest

from activities import attributes
from activities.exits import leave_after
from argosy.api.cluster_connection import ConnectionReference
from argosy.kube.connect import connect
from argosy.kube.watch import Change, Snapshot, watch
from benchmarks.failing import REPLICAS, divided_policy, divided_template
from benchmarks.installation import Cost, Installation, installation
from benchmarks.report import machine
from devcluster.member import Member

Figures = dict[str, Any]
NAMESPACE = "leaving"
PATH = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"
PROPAGATIONS = (
    f'WorkflowType = "Propagation" AND ExecutionStatus = "Running" AND ArgosyNamespace = "{NAMESPACE}"'
)
LOOK_EVERY = 1.0
# Announcements of the clusters that have joined are over, and what was seen of new copies was told.
REST = 5.0
PATIENCE = 600.0


class Shares:
    """How many replicas each member is asked for, of every Deployment, and when the last ones were elsewhere."""

    def __init__(self, leaving: str) -> None:
        self._leaving = leaving
        self._shares: dict[str, dict[str, int]] = {}
        self._changed = asyncio.Event()
        self.moved: dict[str, float] = {}

    def note(self, member: str, item: dict[str, Any]) -> None:
        """Take an event's object into account."""
        name = item["metadata"]["name"]
        shares = self._shares.setdefault(name, {})
        shares[member] = item["spec"]["replicas"]
        if sum(count for where, count in shares.items() if where != self._leaving) == REPLICAS:
            self.moved.setdefault(name, time.perf_counter())
        self._changed.set()

    def placed(self) -> int:
        """How many are in all members."""
        return sum(1 for shares in self._shares.values() if len(shares) == 3)

    async def until(self, count: int, *, moved: bool) -> None:
        """Wait until so many are placed, or moved.

        Raises:
            TimeoutError: they are not in ten minutes.
        """
        async with asyncio.timeout(PATIENCE):
            while (len(self.moved) if moved else self.placed()) < count:
                self._changed.clear()
                await self._changed.wait()


@dataclass
class Samples:
    """What was pending, by a look a second at most.

    Attributes:
        untold: propagations with a copy there of which no plan knows the failover yet.
        timers: propagations that wait durably for their slot.
        under_way: evictions that are decided, and whose replicas are not all elsewhere.
        backlog: workflow and activity tasks that wait for the worker.
        memory: the most that each part has held.
    """

    untold: int = 0
    timers: int = 0
    under_way: int = 0
    backlog: int = 0
    memory: dict[str, int] = field(default_factory=dict)

    def take(self, *, untold: int, timers: int, under_way: int, backlog: int, cost: Cost) -> None:
        """Keep the largest of each."""
        self.untold = max(self.untold, untold)
        self.timers = max(self.timers, timers)
        self.under_way = max(self.under_way, under_way)
        self.backlog = max(self.backlog, backlog)
        self.memory = {part: max(held, self.memory.get(part, 0)) for part, held in cost.memory.items()}


async def measure(count: int) -> Figures:
    """Place, fail over, and look until the last one has moved."""
    load = os.getloadavg()[0]
    async with installation() as plant:
        leaving = plant.members[-1]
        async with watching(plant.members, leaving.name) as shares:
            await placed(plant, shares, count)
            before = plant.cost()
            samples, began = Samples(), time.perf_counter()
            looking = asyncio.create_task(look(plant, leaving.name, shares, samples))
            try:
                await failover(plant, leaving.name)
                answered = time.perf_counter()
                await shares.until(count, moved=True)
            finally:
                looking.cancel()
                with suppress(asyncio.CancelledError):
                    await looking
            after = plant.cost()
    moments = sorted(moment - answered for moment in shares.moved.values())
    span = moments[-1] - moments[0]
    return {
        "count": count,
        "rate_setting": float(os.environ.get("ARGOSY_EVICTION_RATE", "20")),  # noqa: TID251 - the worker inherits it
        "command_seconds": round(answered - began, 2),
        "first": round(moments[0], 2),
        "tenth": round(moments[min(9, count - 1)], 2),
        "half": round(moments[count // 2], 2),
        "last": round(moments[-1], 2),
        "per_second": round((count - 1) / span, 1) if span else 0.0,
        "busiest_second": max(Counter(int(moment) for moment in moments).values()),
        "most": {
            "untold": samples.untold,
            "timers": samples.timers,
            "under_way": samples.under_way,
            "backlog": samples.backlog,
        },
        "cpu_seconds": after.since(before),
        "memory_before": before.memory,
        "memory_peak": samples.memory or after.memory,
        "load_before": round(load, 2),
        "load_after": round(os.getloadavg()[0], 2),
    }


async def placed(plant: Installation, shares: Shares, count: int) -> None:
    """Have so many Deployments in every member."""
    await plant.session.edit_policies(NAMESPACE, put=[divided_policy(NAMESPACE)])
    templates = [divided_template(f"web-{number}", NAMESPACE) for number in range(count)]
    for result in await plant.session.submit_all(templates):
        if isinstance(result, Exception):
            raise result
    await shares.until(count, moved=False)
    await asyncio.sleep(REST)


async def failover(plant: Installation, member: str) -> None:
    """As a person asks for it."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", "cluster", "failover", member, "--now"),
        env={**os.environ, "TEMPORAL_ADDRESS": plant.temporal.address},  # noqa: TID251 - handed on
    )
    if await process.wait() != 0:
        raise RuntimeError("the failover was not accepted")


async def look(plant: Installation, member: str, shares: Shares, samples: Samples) -> None:
    """Sample what is pending until cancelled."""
    while True:
        began = time.perf_counter()
        untold = timers = under_way = 0
        async for execution in plant.session.client.list_workflows(PROPAGATIONS):
            status = await execution.memo_value(attributes.STATUS, None)
            if not isinstance(status, dict):
                continue
            if (status.get("left") or {}).get(member):
                under_way += status["ref"]["name"] not in shares.moved
            elif (status.get("evict_at") or {}).get(member):
                timers += 1
            else:
                untold += 1
        samples.take(
            untold=untold,
            timers=timers,
            under_way=under_way,
            backlog=await backlog(plant),
            cost=plant.cost(),
        )
        # Looking costs as well, so it does not take more than a tenth of the time.
        await asyncio.sleep(max(LOOK_EVERY, 9 * (time.perf_counter() - began)))


async def backlog(plant: Installation) -> int:
    """How many tasks wait for the worker, as the server estimates."""
    client, queue, found = plant.session.client, plant.session.settings.task_queue, 0
    for kind in (TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY):
        described = await client.workflow_service.describe_task_queue(
            DescribeTaskQueueRequest(
                namespace=client.namespace,
                task_queue=TaskQueue(name=queue),
                task_queue_type=kind,
                report_stats=True,
            )
        )
        found += described.stats.approximate_backlog_count
    return found


@asynccontextmanager
async def watching(members: list[Member], leaving: str) -> AsyncIterator[Shares]:
    """Watch the Deployments of every member while the block runs."""
    shares = Shares(leaving)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(follow(member, shares)) for member in members]
        try:
            yield shares
        finally:
            for task in tasks:
                task.cancel()


async def follow(member: Member, shares: Shares) -> None:
    """Note every event of one member until cancelled."""
    reference = ConnectionReference(kubeconfig=str(member.kubeconfig), context=member.name)
    connection = await connect(member.name, reference, allow_exec=False)
    try:
        async for event in watch(connection, PATH, what="watch Deployments"):
            match event:
                case Snapshot():
                    for item in event.items:
                        shares.note(member.name, item)
                case Change() if event.type in {"ADDED", "MODIFIED"}:
                    shares.note(member.name, event.object)
    finally:
        await connection.close()


def table(figures: Figures) -> str:
    """The figures in rows."""
    most, memory = figures["most"], figures["memory_peak"]
    cpu = ", ".join(
        f"{part} {1000 * used / figures['count']:.1f}" for part, used in figures["cpu_seconds"].items()
    )
    held = ", ".join(
        f"{part} {figures['memory_before'][part] >> 20} → {size >> 20} MB" for part, size in memory.items()
    )
    moved = ", ".join(f"{name} {figures[name]} s" for name in ("first", "tenth", "half", "last"))
    pending = f"{most['untold']} not told yet, {most['timers']} waiting for their slot"
    working = f"{most['under_way']} under way, {most['backlog']} tasks waiting for the worker"
    load = f"{figures['load_before']} before, {figures['load_after']} after"
    return "\n".join(
        [
            f"{figures['count']} propagations left a member, at most {figures['rate_setting']:g} a second:",
            f"  moved, after the command was answered: {moved}",
            f"  rate: {figures['per_second']} a second; in the busiest second {figures['busiest_second']}",
            f"  at most at once: {pending}, {working}",
            f"  CPU ms per propagation: {cpu}",
            f"  memory: {held}",
            f"  load average: {load}; {sys.platform}, {os.cpu_count()} cores",
        ]
    )


def main() -> None:
    """Measure, print, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments = parser.parse_args()
    figures = asyncio.run(measure(arguments.count))
    print(table(figures))
    if arguments.json:
        text = json.dumps({"machine": machine(), "figures": figures}, indent=2)
        arguments.json.write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    leave_after(main)
