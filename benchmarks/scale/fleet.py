"""A fleet that grows: how long joining takes, and what watching over it costs while nothing happens."""

from __future__ import annotations

import asyncio
import json
import time

from activities.snapshot import list_clusters
from benchmarks.scale.fanout import spread
from benchmarks.scale.ground import SETTLE, Figures, Ground, ground, quiet

LOOKED_AT = 40.0
"""Seconds of rest that are measured."""


async def measure(count: int) -> Figures:
    """Join, rest, list, and send one template everywhere."""
    async with ground(count) as plant:
        grown_to = await grown(plant)
        # What is known so far, should the rest not come to an end.
        print(json.dumps(grown_to), flush=True)
        return grown_to | {"fanout": await spread(plant)}


async def grown(plant: Ground) -> Figures:
    """Join all clusters of an installation, and measure it at rest."""
    names = plant.emulated.names
    before, began = plant.cost(), time.perf_counter()
    await plant.join(names)
    seconds = time.perf_counter() - began
    joined = plant.cost()
    # Announcements of joins, and monitors that take up their pace.
    await asyncio.sleep(SETTLE)
    await quiet(plant)
    idle, writes = plant.cost(), plant.emulated.summary()["writes"]
    await asyncio.sleep(LOOKED_AT)
    after = plant.cost()
    return {
        "count": len(names),
        "join_seconds": round(seconds, 1),
        "join_cpu": joined.since(before),
        "idle_cpu_per_second": {part: round(used / LOOKED_AT, 3) for part, used in after.since(idle).items()},
        "memory": after.memory,
        "writes_at_rest": plant.emulated.summary()["writes"] - writes,
        **await _listing(plant),
    }


async def _listing(plant: Ground) -> Figures:
    """What one reading of all clusters costs the process that reads, and Temporal."""
    before, began, cpu = plant.cost(), time.perf_counter(), time.process_time()
    rounds = 5
    for _ in range(rounds):
        found = await list_clusters(plant.session.client)
    spent = {
        "seconds": (time.perf_counter() - began) / rounds,
        "reader_cpu": (time.process_time() - cpu) / rounds,
        "temporal_cpu": plant.cost().since(before)["temporal"] / rounds,
    }
    return {"listed": len(found), "list": {name: round(value, 3) for name, value in spent.items()}}
