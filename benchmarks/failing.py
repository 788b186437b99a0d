"""A member fails: how soon that is noticed, and how soon its workloads are present, and ready, elsewhere.

python -m benchmarks.failing [--json FILE]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from activities import attributes
from activities.exits import leave_after
from argosy.api.ids import cluster_id
from argosy.api.membership import ClusterPhase, ClusterStatus
from benchmarks.installation import Installation, deployment, installation
from benchmarks.report import machine, verdicts
from devcluster.member import FULL, Member

Figures = dict[str, Any]
NAMESPACE = "failing"
WORKLOADS = 10
REPLICAS = 6
PATH = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"
LOOK_EVERY = 0.05
# Longer than announcements of a cluster's return are repeated.
REST = 8.0
TUNED = {
    "ARGOSY_PROBE_INTERVAL": "0.2",
    "ARGOSY_FAILURE_AFTER": "0.6",
    "ARGOSY_FAILOVER_AFTER": "0",
}


async def failovers() -> Figures:
    """The last of three members fails in three ways, by default and as fast as settings allow, and by hand."""
    figures: Figures = {}
    for name, settings in (("failover", {}), ("tuned", TUNED)):
        async with installation(relayed=True, settings=settings) as plant:
            figures |= {f"{name}_{how}": one for how, one in (await _outages(plant)).items()}
            if not settings:
                figures["failover_forced"] = await _forced(plant)
    async with installation(parts=FULL, relayed=True) as plant:
        figures["failover_ready"] = await _until_ready(plant)
    return figures


async def _outages(plant: Installation) -> Figures:
    dying, relay = plant.members[-1], plant.relays[plant.members[-1].name]
    ways: dict[str, tuple[Callable[[], None], Callable[[], None]]] = {
        "killed": (dying.kill, dying.start),
        "frozen": (dying.freeze, dying.thaw),
        "dropped": (relay.black_hole, relay.forward),
    }
    await _placed(plant)
    figures = {}
    await _divided(plant.members)
    for how, (fail, mend) in ways.items():
        figures[how] = await _measured(plant, fail)
        await asyncio.to_thread(mend)
        await _phase(plant, dying.name, ClusterPhase.READY, time.perf_counter())
        await _returned(plant)
    return figures


async def _returned(plant: Installation) -> None:
    """Let everything return to the last member, and wait until it has."""
    name = plant.members[-1].name
    await plant.session.client.get_workflow_handle(cluster_id(name)).signal("recover", {})
    await _divided(plant.members)


async def _forced(plant: Installation) -> Figures:
    """By a person, of a member that is well; measured from the signal that the command sends."""
    name = plant.members[-1].name
    handle = plant.session.client.get_workflow_handle(cluster_id(name))
    began = time.perf_counter()
    await handle.signal("failover", {"now": True})
    moved = await _moved(plant.members[:-1], began)
    return _seconds(moved.present)


async def _until_ready(plant: Installation) -> Figures:
    """The same on members with controllers and a node, where replicas become ready."""
    await _placed(plant)
    await _divided(plant.members)
    return await _measured(plant, plant.members[-1].kill, ready=True)


async def _measured(plant: Installation, fail: Callable[[], None], *, ready: bool = False) -> Figures:
    began = time.perf_counter()
    await asyncio.to_thread(fail)
    failing = _phase(plant, plant.members[-1].name, ClusterPhase.NOT_READY, began)
    noticed = asyncio.create_task(failing)
    moved = await _moved(plant.members[:-1], began, ready=ready)
    figures = {"noticed": round(await noticed, 2), **_seconds(moved.present)}
    if ready:
        figures["ready_first"] = round(min(moved.ready.values()), 2)
        figures["ready_last"] = round(max(moved.ready.values()), 2)
    return figures


async def _phase(plant: Installation, name: str, phase: ClusterPhase, began: float) -> float:
    """Seconds since `began` until the cluster's entity is in a phase."""
    handle = plant.session.client.get_workflow_handle(cluster_id(name))
    async with asyncio.timeout(60):
        while True:
            described = await handle.describe()
            status = await described.memo_value(attributes.STATUS, None, type_hint=ClusterStatus)
            if status is not None and status.phase == phase:
                return time.perf_counter() - began
            await asyncio.sleep(LOOK_EVERY)


async def _placed(plant: Installation) -> None:
    await plant.session.edit_policies(NAMESPACE, put=[divided_policy(NAMESPACE)])
    templates = [divided_template(f"web-{number}", NAMESPACE) for number in range(WORKLOADS)]
    for result in await plant.session.submit_all(templates):
        if isinstance(result, Exception):
            raise result


def divided_policy(namespace: str) -> dict[str, Any]:
    """Replicas are divided evenly over all clusters."""
    return {
        "apiVersion": "policy.karmada.io/v1alpha1",
        "kind": "PropagationPolicy",
        "metadata": {"name": "divided", "namespace": namespace},
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


def divided_template(name: str, namespace: str) -> dict[str, Any]:
    """A Deployment of six replicas."""
    template: dict[str, Any] = dict(deployment(name))
    template["metadata"] = {"name": name, "namespace": namespace}
    template["spec"] = {**template["spec"], "replicas": REPLICAS}
    return template


async def _divided(members: list[Member]) -> None:
    """Wait until every workload is everywhere again, and all announcements are over."""
    share = REPLICAS // len(members)
    async with asyncio.timeout(180):
        while True:
            # Copies are left, and followed by the next, when the others are well: on bare members nobody else says so.
            for member in members:
                await asyncio.to_thread(_all_well, member)
            found = [await asyncio.to_thread(_shares, member) for member in members]
            if all(len(one) == WORKLOADS and {n for n, _ in one.values()} == {share} for one in found):
                await asyncio.sleep(REST)
                return
            await asyncio.sleep(0.5)


@dataclass
class _Moved:
    """Seconds after which each workload had all its replicas on the members that are left."""

    present: dict[str, float] = field(default_factory=dict)
    ready: dict[str, float] = field(default_factory=dict)


async def _moved(members: list[Member], began: float, *, ready: bool = False) -> _Moved:
    moved = _Moved()
    async with asyncio.timeout(120):
        while len(moved.ready if ready else moved.present) < WORKLOADS:
            found = await asyncio.gather(*(asyncio.to_thread(_shares, member) for member in members))
            now = time.perf_counter() - began
            for name in found[0]:
                shares = [one.get(name, (0, 0)) for one in found]
                if sum(wanted for wanted, _ in shares) == REPLICAS:
                    moved.present.setdefault(name, now)
                    if sum(there for _, there in shares) == REPLICAS:
                        moved.ready.setdefault(name, now)
            await asyncio.sleep(LOOK_EVERY)
    return moved


def _seconds(moments: dict[str, float]) -> Figures:
    return {
        "workloads": len(moments),
        "first": round(min(moments.values()), 2),
        "last": round(max(moments.values()), 2),
    }


def _shares(member: Member) -> dict[str, tuple[int, int]]:
    """Workload -> replicas that are wanted in this member, and those that are available."""
    status, body = member.request("GET", PATH)
    if status != 200:
        return {}
    return {
        one["metadata"]["name"]: (one["spec"]["replicas"], one["status"].get("availableReplicas", 0))
        for one in json.loads(body)["items"]
    }


def _all_well(member: Member) -> None:
    for one in json.loads(member.request("GET", PATH)[1])["items"]:
        count = one["spec"]["replicas"]
        counters = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
        status = {"observedGeneration": one["metadata"]["generation"], **dict.fromkeys(counters, count)}
        if any(one["status"].get(name) != value for name, value in status.items()):
            url = f"{PATH}/{one['metadata']['name']}/status"
            member.request("PATCH", url, {"status": status}, content="application/merge-patch+json")


def main() -> None:
    """Measure, print, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    figures = {**asyncio.run(failovers()), "load_before": round(load, 2)}
    sys.stdout.write("\n".join(verdicts(figures)) + "\n")
    if arguments.json:
        text = json.dumps({"machine": machine(), "figures": figures}, indent=2)
        arguments.json.write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    leave_after(main)
