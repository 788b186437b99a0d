"""How soon a change in a member shows, and how soon drift is undone."""

from __future__ import annotations

import asyncio
import itertools
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

from argosy.api.manifest import ref_of
from argosy.api.propagation import PropagationStatus
from benchmarks.installation import Installation, deployment
from benchmarks.watching import PATH, Seen
from devcluster.member import Member

Figures = dict[str, Any]
REPLICAS = 2
LOOK_EVERY = 0.01
# Longer than the pause between two observations of one propagation, so that samples do not wait for each other.
PAUSE = 2.2


async def observation(plant: Installation, samples: int) -> Figures:
    """From a write to a member until `argosy status` shows it, or until the member has its own back."""
    template = deployment("observed")
    await plant.session.submit(template)
    show = _Shown(plant, template)
    member = plant.members[0]
    await show.until(lambda status: len(status.clusters) == len(plant.members))
    await asyncio.sleep(PAUSE)
    healths, numbers, drifts = [], [], []
    for _ in range(samples):
        began = await _report(member, available=REPLICAS)
        healths.append(await show.until(lambda s: _copy(s, member) == "Healthy") - began)
        await asyncio.sleep(PAUSE)
        began = await _report(member, available=0)
        healths.append(await show.until(lambda s: _copy(s, member) != "Healthy") - began)
        await asyncio.sleep(PAUSE)
        began = await _report(member, available=1)
        numbers.append(await show.until(lambda s: s.clusters[member.name].assessment.ready == 1) - began)
        await asyncio.sleep(PAUSE)
    # A new object each time: whoever changes the same one again is answered later.
    for number in range(samples):
        name = f"drifting-{number}"
        await plant.session.submit(deployment(name))
        await asyncio.sleep(PAUSE)
        drifts.append(await _drift(member, name))
    return {
        "health": _milliseconds(healths),
        "numbers": _milliseconds(numbers),
        "drift": _milliseconds(drifts),
    }


async def wave(plant: Installation, seen: Seen, count: int) -> Figures:
    """Many objects whose health changes at once: until every propagation shows it, and what that costs."""
    names = [f"wave-{number}" for number in range(count)]
    accepted = await plant.session.submit_all([deployment(name) for name in names])
    for result in accepted:
        if isinstance(result, Exception):
            raise result
    query = 'WorkflowType = "Propagation" AND ExecutionStatus = "Running" AND ArgosyKind = "Deployment"'

    async def well() -> int:
        found = [one async for one in plant.session.propagations(query)]
        return sum(1 for one in found if one.ref.name in wanted and one.health and one.health.is_healthy)

    wanted = set(names)
    await asyncio.gather(*(seen.everywhere(name, "nginx:1.0", seconds=300) for name in names))
    await asyncio.sleep(5)
    before, began = plant.cost(), time.perf_counter()
    await asyncio.to_thread(_report_all, plant.members, names)
    written = time.perf_counter()
    async with asyncio.timeout(300):
        while await well() < count:
            await asyncio.sleep(0.5)
    ended = time.perf_counter()
    return {
        "count": count,
        "writing_seconds": round(written - began, 2),
        "seconds": round(ended - began, 2),
        "cpu_seconds": plant.cost().since(before),
    }


class _Shown:
    """What `argosy status` would show of one template."""

    def __init__(self, plant: Installation, template: dict[str, object]) -> None:
        self._session = plant.session
        self._ref = ref_of(template)

    async def until(self, holds: Callable[[PropagationStatus], bool]) -> float:
        """When it comes true, on the clock of `time.perf_counter`."""
        async with asyncio.timeout(30):
            while True:
                observed = await self._session.observe(self._ref)
                if holds(observed.status):
                    return time.perf_counter()
                await asyncio.sleep(LOOK_EVERY)


def _copy(status: PropagationStatus, member: Member) -> str:
    return str(status.clusters[member.name].assessment.health)


async def _report(member: Member, *, available: int, name: str = "observed") -> float:
    """Write a status as the Deployment controller would; when the write was sent."""
    began = time.perf_counter()
    await asyncio.to_thread(_write_status, member, name, available)
    return began


def _write_status(member: Member, name: str, available: int) -> None:
    status, body = member.request("GET", f"{PATH}/{name}")
    generation = json.loads(body)["metadata"]["generation"]
    found = {
        "observedGeneration": generation,
        "replicas": REPLICAS,
        "updatedReplicas": REPLICAS,
        "availableReplicas": available,
        "readyReplicas": available,
    }
    status, body = member.request(
        "PATCH", f"{PATH}/{name}/status", {"status": found}, content="application/merge-patch+json"
    )
    if status != 200:
        raise RuntimeError(body)


def _report_all(members: list[Member], names: list[str]) -> None:
    for member, name in itertools.product(members, names):
        _write_status(member, name, REPLICAS)


async def _drift(member: Member, name: str) -> float:
    """Seconds until a changed field is back."""
    began = time.perf_counter()
    await asyncio.to_thread(
        member.request,
        "PATCH",
        f"{PATH}/{name}?fieldManager=meddler",
        {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "nginx:9"}]}}}},
        content="application/strategic-merge-patch+json",
    )
    async with asyncio.timeout(60):
        while True:
            _, body = await asyncio.to_thread(member.request, "GET", f"{PATH}/{name}")
            image = json.loads(body)["spec"]["template"]["spec"]["containers"][0]["image"]
            if image == "nginx:1.0":
                return time.perf_counter() - began
            await asyncio.sleep(LOOK_EVERY)


def _milliseconds(times: list[float]) -> Figures:
    ordered = sorted(moment * 1000 for moment in times)
    return {
        "samples": len(ordered),
        "p50": round(statistics.median(ordered), 1),
        "p95": round(ordered[max(0, int(len(ordered) * 0.95) - 1)], 1),
        "max": round(ordered[-1], 1),
    }
