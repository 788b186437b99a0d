"""The measurements: latency of create and update, bursts, their cost, and the floor without a control plane."""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from typing import Any

from argosy.api.cluster_connection import ConnectionReference
from argosy.api.manifest import canonical_json
from argosy.kube.connect import APPLY, METADATA, connect
from benchmarks.installation import NAMESPACE, Installation, deployment, installation
from benchmarks.observing import observation, wave
from benchmarks.watching import PATH, Seen, watching

Figures = dict[str, Any]
PAUSE = 0.1


async def measure_all(*, quick: bool) -> Figures:
    """Every figure of the table, in the order in which they disturb each other least."""
    samples, bursts = (20, (100,)) if quick else (60, (300, 1000))
    figures: Figures = {"load_before": os.getloadavg()[0]}
    async with installation() as plant, watching(plant.members) as seen:
        figures["memory_idle"] = plant.cost().memory
        figures["floor_latency"] = await floor_latency(plant, seen, samples)
        figures["create"] = await creates(plant, seen, samples)
        figures["update"] = await updates(plant, seen, samples)
        figures |= {
            f"observed_{name}": found for name, found in (await observation(plant, samples // 10)).items()
        }
        for count in bursts:
            figures[f"burst_{count}"] = await burst(plant, seen, count)
        figures["floor_burst"] = await floor_burst(plant, seen, bursts[0])
        figures["wave"] = await wave(plant, seen, bursts[0])
        figures["memory_after"] = plant.cost().memory
    return figures


async def creates(plant: Installation, seen: Seen, samples: int) -> Figures:
    """From the submission of a new template to the event of the last member."""
    times = []
    for number in range(samples + 3):
        name = f"create-{number}"
        began = time.perf_counter()
        await plant.session.submit(deployment(name))
        times.append(await seen.everywhere(name, "nginx:1.0") - began)
        await asyncio.sleep(PAUSE)
    return _milliseconds(times[3:])


async def updates(plant: Installation, seen: Seen, samples: int) -> Figures:
    """From the submission of a changed template to the event of the last member."""
    times = []
    for number in range(samples + 3):
        image = f"nginx:2.{number}"
        began = time.perf_counter()
        await plant.session.submit(deployment("create-0", image=image))
        times.append(await seen.everywhere("create-0", image) - began)
        await asyncio.sleep(PAUSE)
    return _milliseconds(times[3:])


async def burst(plant: Installation, seen: Seen, count: int) -> Figures:
    """Many templates at once, submitted in windows of 32; until the last one is in the last member."""
    names = [f"burst-{count}-{number}" for number in range(count)]
    before, began = plant.cost(), time.perf_counter()
    accepted = await plant.session.submit_all([deployment(name) for name in names])
    submitted = time.perf_counter()
    failures = [result for result in accepted if isinstance(result, Exception)]
    if failures:
        raise failures[0]
    ends = await asyncio.gather(*(seen.everywhere(name, "nginx:1.0", seconds=300) for name in names))
    wall = max(ends) - began
    after = plant.cost()
    return {
        "count": count,
        "accepted_seconds": round(submitted - began, 2),
        "seconds": round(wall, 2),
        "per_second": round(count / wall, 1),
        "cpu_seconds": after.since(before),
        "memory_peak": after.memory,
    }


async def floor_latency(plant: Installation, seen: Seen, samples: int) -> Figures:
    """The same objects by an asynchronous client alone."""
    times = []
    async with _clients(plant) as clients:
        for number in range(samples):
            name = f"floor-{number}"
            began = time.perf_counter()
            await asyncio.gather(*(_apply(client, name) for client in clients))
            times.append(await seen.everywhere(name, "nginx:1.0") - began)
            await asyncio.sleep(PAUSE / 2)
    return _milliseconds(times)


async def floor_burst(plant: Installation, seen: Seen, count: int) -> Figures:
    """A burst by an asynchronous client alone."""
    names = [f"floor-burst-{number}" for number in range(count)]
    gate = asyncio.Semaphore(32)
    async with _clients(plant) as clients:

        async def one(name: str) -> None:
            async with gate:
                await asyncio.gather(*(_apply(client, name) for client in clients))

        began = time.perf_counter()
        await asyncio.gather(*(one(name) for name in names))
        ends = await asyncio.gather(*(seen.everywhere(name, "nginx:1.0", seconds=60) for name in names))
    wall = max(ends) - began
    return {"count": count, "seconds": round(wall, 2), "per_second": round(count / wall, 1)}


class _clients:  # noqa: N801 - reads as a function
    def __init__(self, plant: Installation) -> None:
        self._plant = plant

    async def __aenter__(self) -> list[Any]:
        self._open = [
            await connect(
                member.name,
                ConnectionReference(kubeconfig=str(member.kubeconfig), context=member.name),
                allow_exec=False,
            )
            for member in self._plant.members
        ]
        return self._open

    async def __aexit__(self, *_: object) -> None:
        for client in self._open:
            await client.close()


async def _apply(client: Any, name: str) -> None:
    await client.request(
        "PATCH",
        f"{PATH}/{name}",
        what=f"apply {name} in {NAMESPACE}",
        query={"fieldManager": "floor", "force": "true"},
        body=deployment(name),
        content_type=APPLY,
        accept=METADATA,
    )


def _milliseconds(times: list[float]) -> Figures:
    ordered = sorted(moment * 1000 for moment in times)
    return {
        "samples": len(ordered),
        "p50": round(statistics.median(ordered), 1),
        "p95": round(ordered[int(len(ordered) * 0.95) - 1], 1),
        "max": round(ordered[-1], 1),
        "bytes": len(canonical_json(deployment("create-0"))),
    }
