"""The worker is killed amid a thousand propagations and started again: how soon work goes on, and when all is done."""

from __future__ import annotations

import asyncio
import os
import time

from benchmarks.installation import deployment, installation
from benchmarks.measures import Figures
from benchmarks.watching import watching

KILLED_AT = 0.3
"""The share that is done when the worker is killed."""
PATIENCE = 300.0


async def measure(count: int) -> Figures:
    """Submit, kill, start again, and wait for the last copy in the last of three real members."""
    load = os.getloadavg()[0]
    names = [f"crash-{number}" for number in range(count)]
    async with installation() as plant, watching(plant.members) as seen:
        submitting = asyncio.create_task(plant.session.submit_all([deployment(name) for name in names]))
        async with asyncio.timeout(PATIENCE):
            while seen.count("crash-") < KILLED_AT * count * len(plant.members):
                await asyncio.sleep(0.02)
        plant.worker.kill()
        killed = time.perf_counter()
        # What was under way to the members has arrived.
        await asyncio.sleep(0.5)
        had = seen.count("crash-")
        restarted = time.perf_counter()
        plant.start_worker()
        results = await submitting
        failures = [result for result in results if isinstance(result, Exception)]
        if failures:
            raise failures[0]
        ends = [await seen.everywhere(name, "nginx:1.0", seconds=PATIENCE) for name in names]
        first = seen.first_after(restarted)
        return {
            "count": count,
            "load_before": load,
            "done_when_killed": had,
            "restart_after": round(restarted - killed, 2),
            "resumes_seconds": round(first - restarted, 2),
            "all_seconds": round(max(ends) - restarted, 2),
            "per_second": round((count - had / len(plant.members)) / (max(ends) - restarted), 1),
        }
