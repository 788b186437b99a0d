"""An installation of a test's own, with settings, that may have several workers and members that fail."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowExecutionDescription

from activities import attributes
from argosy.api.ids import cluster_id
from argosy.api.membership import ClusterStatus
from cli.session import Session
from devcluster.member import Member
from devcluster.temporal import TemporalServer
from tests.plant import Plant, deployment


def stateful(name: str, namespace: str) -> dict[str, Any]:
    """A StatefulSet of one replica."""
    made = deployment(name, namespace)
    made["kind"] = "StatefulSet"
    made["spec"] |= {"replicas": 1, "serviceName": name}
    return made


def placing(namespace: str, kind: str, *, to_one: bool = False) -> dict[str, Any]:
    """A policy that divides every workload of a kind evenly over all members, or gives it to one of them."""
    division = {
        "replicaSchedulingType": "Divided",
        "replicaDivisionPreference": "Aggregated" if to_one else "Weighted",
    }
    selector = {"apiVersion": "apps/v1", "kind": kind, "namespace": namespace}
    return {
        "apiVersion": "policy.karmada.io/v1alpha1",
        "kind": "PropagationPolicy",
        "metadata": {"name": f"{kind.lower()}s", "namespace": namespace},
        "spec": {"resourceSelectors": [selector], "placement": {"replicaScheduling": division}},
    }


def replicas(plant: Plant, plural: str, namespace: str, name: str) -> dict[str, int]:
    """Member -> replicas of its copy; members without one, or that do not answer, are left out."""
    found = {}
    for member in plant.members:
        with contextlib.suppress(OSError):
            path = f"/apis/apps/v1/namespaces/{namespace}/{plural}/{name}"
            status, body = member.request("GET", path, timeout=2)
            if status == 200:
                found[member.name] = int(json.loads(body)["spec"]["replicas"])
    return found


@contextlib.asynccontextmanager
async def planted(
    directory: Path, members: list[Member], monkeypatch: pytest.MonkeyPatch, **settings: str
) -> AsyncIterator[Plant]:
    """Real Temporal and a real worker with these settings (`FAILURE_AFTER="1"`), and the members joined."""
    for name, value in settings.items():
        monkeypatch.setenv(f"ARGOSY_{name}", value)
    await asyncio.to_thread(directory.mkdir, parents=True, exist_ok=True)
    server = TemporalServer(directory / "temporal", ui=False)
    await asyncio.to_thread(server.start)
    made = Plant(directory=directory, temporal=server, members=members)
    try:
        await made.set_up()
        yield made
    finally:
        made.stop_workers()
        server.stop()


def another_worker(plant: Plant, directory: Path) -> Plant:
    """A second worker of the same installation; stop or kill it yourself."""
    directory.mkdir(parents=True, exist_ok=True)
    other = replace(plant, directory=directory, worker=None, inside={})
    other.start_worker()
    return other


async def described(session: Session, name: str) -> tuple[WorkflowExecutionDescription, ClusterStatus]:
    """A cluster's entity and what it publishes."""
    found = await session.describe(cluster_id(name))
    assert found is not None
    status = await found.memo_value(attributes.STATUS, type_hint=ClusterStatus)
    return found, status


async def monitored_by(session: Session, name: str) -> int:
    """The process that runs a cluster's monitor, once it has said something."""
    async with asyncio.timeout(30):
        while True:
            found, _ = await described(session, name)
            for pending in found.raw_description.pending_activities:
                if pending.activity_type.name == "watch" and pending.HasField("last_heartbeat_time"):
                    return int(pending.last_worker_identity.partition("@")[0])
            await asyncio.sleep(0.2)


async def became(session: Session, name: str, *, ready: bool, seconds: float) -> float:
    """Wait until a cluster is confirmed to be ready, or not; the seconds it took."""
    clock = asyncio.get_running_loop().time
    began = clock()
    async with asyncio.timeout(seconds):
        while (await described(session, name))[1].health.ready is not ready:
            await asyncio.sleep(0.1)
    return clock() - began
