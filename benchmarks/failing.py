"""A member is killed, or frozen: how soon its workloads are present elsewhere."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

from benchmarks.installation import Installation, deployment
from devcluster.member import Member

Figures = dict[str, Any]
NAMESPACE = "failing"
WORKLOADS = 10
REPLICAS = 6
PATH = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"
LOOK_EVERY = 0.05


async def failover(plant: Installation) -> Figures:
    """Ten Deployments of six replicas, divided over three members, of which the last one fails in two ways."""
    await _placed(plant)
    dying = plant.members[-1]
    figures: Figures = {}
    for how in ("killed", "frozen"):
        await _divided(plant.members, over=3)
        began = time.perf_counter()
        await asyncio.to_thread(dying.kill if how == "killed" else dying.freeze)
        moved = await _moved(plant.members[:-1], began)
        figures[how] = {
            "workloads": WORKLOADS,
            "first": round(min(moved), 2),
            "last": round(max(moved), 2),
        }
        await asyncio.to_thread(dying.start if how == "killed" else dying.thaw)
        # The copies left behind go when the others are well, which nobody else says of bare members.
        await asyncio.to_thread(_all_well, plant.members[:-1])
    return figures


async def _placed(plant: Installation) -> None:
    policy = {
        "apiVersion": "policy.karmada.io/v1alpha1",
        "kind": "PropagationPolicy",
        "metadata": {"name": "divided", "namespace": NAMESPACE},
        "spec": {
            "resourceSelectors": [{"apiVersion": "apps/v1", "kind": "Deployment"}],
            "placement": {
                "replicaScheduling": {
                    "replicaSchedulingType": "Divided",
                    "replicaDivisionPreference": "Weighted",
                }
            },
        },
    }
    await plant.session.edit_policies(NAMESPACE, put=[policy])
    templates = [deployment(f"web-{number}") for number in range(WORKLOADS)]
    for template in templates:
        template["metadata"] = {"name": template["metadata"]["name"], "namespace": NAMESPACE}  # type: ignore[index]  # a template is plain JSON
        template["spec"] = {**template["spec"], "replicas": REPLICAS}  # type: ignore[dict-item]  # as above
    for result in await plant.session.submit_all(templates):
        if isinstance(result, Exception):
            raise result


async def _divided(members: list[Member], *, over: int) -> None:
    """Wait until every workload is everywhere again."""
    async with asyncio.timeout(120):
        while True:
            found = [await asyncio.to_thread(_replicas, member) for member in members]
            if all(len(one) == WORKLOADS and set(one.values()) == {REPLICAS // over} for one in found):
                await asyncio.sleep(3)
                return
            await asyncio.sleep(0.2)


async def _moved(members: list[Member], began: float) -> list[float]:
    """Seconds after which each workload had all its replicas on these members."""
    seconds: dict[str, float] = {}
    async with asyncio.timeout(120):
        while len(seconds) < WORKLOADS:
            found = [await asyncio.to_thread(_replicas, member) for member in members]
            for name in found[0]:
                if sum(one.get(name, 0) for one in found) == REPLICAS:
                    seconds.setdefault(name, time.perf_counter() - began)
            await asyncio.sleep(LOOK_EVERY)
    return list(seconds.values())


def _replicas(member: Member) -> dict[str, int]:
    status, body = member.request("GET", PATH)
    if status != 200:
        return {}
    return {one["metadata"]["name"]: one["spec"]["replicas"] for one in json.loads(body)["items"]}


def _all_well(members: list[Member]) -> None:
    for member in members:
        for one in json.loads(member.request("GET", PATH)[1])["items"]:
            count = one["spec"]["replicas"]
            counters = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
            status = {"observedGeneration": one["metadata"]["generation"], **dict.fromkeys(counters, count)}
            url = f"{PATH}/{one['metadata']['name']}/status"
            member.request("PATCH", url, {"status": status}, content="application/merge-patch+json")
