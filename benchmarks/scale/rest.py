"""Open propagations at rest: what holding them costs, and that nothing happens while nothing happens."""

from __future__ import annotations

import asyncio
import time

from activities.notify import OPEN_PROPAGATIONS
from argosy.api.ids import id_of
from argosy.api.manifest import ResourceRef
from argosy.api.propagation import Phase
from benchmarks.installation import NAMESPACE, deployment
from benchmarks.scale.ground import SETTLE, Figures, Ground, ground, quiet

MEMBERS = 3
WATCHED = 90.0
"""Seconds of rest that are measured."""
SAMPLED = 200
BATCH = 500
PATIENCE = 900.0


async def measure(counts: list[int]) -> list[Figures]:
    """Fill one installation up to each of the counts in turn, and look at it each time."""
    async with ground(MEMBERS) as plant:
        await plant.join(plant.emulated.names)
        await asyncio.to_thread(plant.make_namespaces)
        await plant.place(None)
        await asyncio.sleep(SETTLE)
        await quiet(plant)
        empty, database = plant.cost(), plant.database_bytes()
        points, made, spent = [], 0, 0.0
        for count in sorted(counts):
            spent += await _filled(plant, made, count)
            made = count
            point = await _at_rest(plant, count)
            memory = {part: point["memory"][part] - held for part, held in empty.memory.items()}
            point |= {
                "create_seconds": round(spent, 1),
                "create_per_second": round(count / spent, 1),
                "memory_empty": empty.memory,
                "kilobytes_each": {part: round(held / count / 1000, 1) for part, held in memory.items()},
                "database_bytes": plant.database_bytes(),
                "database_bytes_each": round((plant.database_bytes() - database) / count),
            }
            points.append(point)
        return points


async def _filled(plant: Ground, made: int, count: int) -> float:
    """Submit until there are so many, and wait for the last copy; the seconds that took."""
    began = time.perf_counter()
    for start in range(made, count, BATCH):
        names = [f"rest-{number}" for number in range(start, min(start + BATCH, count))]
        for result in await plant.session.submit_all([deployment(name) for name in names]):
            if isinstance(result, Exception):
                raise result
    async with asyncio.timeout(PATIENCE):
        while True:
            found = await asyncio.to_thread(plant.emulated.summary)
            if found["objects"].get("deployments.apps", 0) >= count * MEMBERS:
                break
            await asyncio.sleep(0.2)
    return time.perf_counter() - began


async def _at_rest(plant: Ground, count: int) -> Figures:
    await asyncio.sleep(SETTLE)
    await quiet(plant)
    before, events = plant.cost(), await _events(plant, count)
    began = time.monotonic()
    await asyncio.sleep(WATCHED)
    after, rested = plant.cost(), time.monotonic() - began
    grown = await _events(plant, count) - events
    return {
        "count": count,
        "sampled": min(SAMPLED, count),
        "events_each": round(events / min(SAMPLED, count), 1),
        "events_at_rest": grown,
        "rested_seconds": round(rested),
        "idle_cpu_per_second": {part: round(used / rested, 3) for part, used in after.since(before).items()},
        "memory": after.memory,
        "sweep": await _sweep(plant),
    }


async def _events(plant: Ground, count: int) -> int:
    """Events of a sample of the propagations, all of which have to be applied."""
    total = 0
    for number in range(0, count, max(1, count // SAMPLED)):
        ref = ResourceRef(
            api_version="apps/v1", kind="Deployment", namespace=NAMESPACE, name=f"rest-{number}"
        )
        described = await plant.session.describe(id_of(ref))
        if described is None:
            raise RuntimeError(f"{ref} is gone")
        total += described.history_length
    return total


async def _sweep(plant: Ground) -> Figures:
    """Reading all records, as a sweep does every ten minutes."""
    before, began, cpu = plant.cost(), time.perf_counter(), time.process_time()
    phases = [status.phase async for status in plant.session.propagations(OPEN_PROPAGATIONS)]
    return {
        "records": len(phases),
        "applied": phases.count(Phase.APPLIED),
        "seconds": round(time.perf_counter() - began, 2),
        "reader_cpu": round(time.process_time() - cpu, 2),
        "temporal_cpu": plant.cost().since(before)["temporal"],
    }
