"""One template of 20 KB to every cluster of a fleet: from its submission until the last cluster has it."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

from argosy.api.ids import id_of
from argosy.api.manifest import ResourceRef, canonical_json
from benchmarks import bench_render
from benchmarks.installation import NAMESPACE
from benchmarks.scale.ground import SETTLE, Figures, Ground, quiet

SAMPLES = 3
# The members note when they were written to; looking often would only cost them time.
LOOK_EVERY = 0.5
PATIENCE = 120.0
_DEPLOYMENTS = "deployments.apps"


async def spread(plant: Ground) -> Figures:
    """Submit to all clusters of an installation, each time another template."""
    await asyncio.to_thread(plant.make_namespaces)
    await plant.place(None)
    await asyncio.sleep(SETTLE)
    await quiet(plant)
    samples = []
    for number in range(SAMPLES):
        samples.append(await _one(plant, f"web-{number}"))
        print(json.dumps(samples[-1]), flush=True)
    samples.sort(key=lambda one: one["seconds"])
    return {
        "bytes": len(canonical_json(_template("web-0"))),
        **samples[len(samples) // 2],
        "all_seconds": [one["seconds"] for one in samples],
        "memory": plant.cost().memory,
    }


async def _one(plant: Ground, name: str) -> Figures:
    had = plant.emulated.summary()["objects"].get(_DEPLOYMENTS, 0)
    before, began = plant.cost(), time.time()
    await plant.session.submit(_template(name))
    async with asyncio.timeout(PATIENCE):
        while True:
            found = await asyncio.to_thread(plant.emulated.summary)
            if found["objects"].get(_DEPLOYMENTS, 0) == had + plant.emulated.count:
                break
            await asyncio.sleep(LOOK_EVERY)
    seconds = found["written_at"] - began
    # The last results are recorded after the last object is there.
    await asyncio.sleep(3)
    ref = ResourceRef(api_version="apps/v1", kind="Deployment", namespace=NAMESPACE, name=name)
    described = await plant.session.describe(id_of(ref))
    if described is None:
        raise RuntimeError(f"{ref} is gone")
    used = plant.cost().since(before)
    await asyncio.sleep(SETTLE / 2)
    return {
        "seconds": round(seconds, 2),
        "events": described.history_length,
        "history_bytes": described.raw_info.history_size_bytes,
        "cpu_seconds": used,
    }


def _template(name: str) -> dict[str, Any]:
    template = bench_render.template()
    return {**template, "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"app": "web"}}}
