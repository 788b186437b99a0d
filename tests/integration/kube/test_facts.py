"""What a real cluster says of itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from argosy.api.cluster_connection import ConnectionReference
from argosy.api.conditions import NOT_READY_MESSAGE
from argosy.kube import read
from argosy.kube.connect import connect
from argosy.kube.facts import collect, probe
from devcluster.member import Member as LocalMember
from tests.cluster import Cluster


@pytest.fixture
async def lone(member: LocalMember) -> AsyncIterator[Cluster]:
    connection = await connect("m1", ConnectionReference(kubeconfig=str(member.kubeconfig)), allow_exec=False)
    yield Cluster(member, connection)
    await connection.close()


def node(cluster: Cluster, name: str, *, ready: bool, cpu: str, memory: str) -> None:
    cluster.post("/api/v1/nodes", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}})
    status = {
        "allocatable": {"cpu": cpu, "memory": memory, "pods": "110"},
        "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
    }
    cluster.merge(f"/api/v1/nodes/{name}/status", {"status": status})


def pod(cluster: Cluster, name: str, *, cpu: str, on: str | None = None, phase: str = "Running") -> None:
    container = {"name": "c", "image": "i", "resources": {"requests": {"cpu": cpu}}}
    spec: dict[str, Any] = {"containers": [container], **({"nodeName": on} if on else {})}
    path = "/api/v1/namespaces/default/pods"
    cluster.post(path, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec})
    cluster.merge(f"{path}/{name}/status", {"status": {"phase": phase}})


async def test_an_empty_cluster(lone: Cluster) -> None:
    collected = await collect(lone.member)
    facts = collected.facts
    assert facts.uid == lone.there("/api/v1/namespaces/kube-system")["metadata"]["uid"]
    assert facts.server == lone.local.server
    assert facts.version == json.loads(lone.local.request("GET", "/version")[1])["gitVersion"]
    assert (facts.nodes, facts.ready_nodes, facts.resources, facts.notes) == (0, 0, {}, ())
    assert facts.enablements_complete
    versions = [entry["groupVersion"] for entry in collected.enablements]
    assert versions == sorted(versions)
    apps = next(entry for entry in collected.enablements if entry["groupVersion"] == "apps/v1")
    assert {"name": "deployments", "kind": "Deployment"} in apps["resources"]
    assert not any(
        "/" in resource["name"] for entry in collected.enablements for resource in entry["resources"]
    )


async def test_nodes_and_pods_are_summed(lone: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "PAGE", 1)
    node(lone, "n1", ready=True, cpu="1500m", memory="1Gi")
    node(lone, "n2", ready=False, cpu="2", memory="512Mi")
    pod(lone, "running", cpu="250m", on="n1")
    pod(lone, "another", cpu="1", on="n2")
    pod(lone, "waiting", cpu="3", phase="Pending")
    pod(lone, "done", cpu="8", on="n1", phase="Succeeded")
    pod(lone, "failed", cpu="8", on="n1", phase="Failed")
    facts = (await collect(lone.member)).facts
    assert (facts.nodes, facts.ready_nodes) == (2, 1)
    assert facts.resources == {
        "allocatable": {"cpu": "3500m", "memory": "1536Mi", "pods": "220"},
        "allocated": {"cpu": "1250m", "pods": "2"},
        "allocating": {"cpu": "3", "pods": "1"},
    }


async def test_facts_that_do_not_change_are_equal(lone: Cluster) -> None:
    assert await collect(lone.member) == await collect(lone.member)


async def test_a_server_without_its_store_is_not_ready(lone: Cluster) -> None:
    """It answers, and says itself that it is of no use; it remembers its store's health for a moment."""
    lone.local.freeze("etcd")
    try:
        async with asyncio.timeout(60):
            while (seen := await probe(lone.member, timeout=10)).ok:
                await asyncio.sleep(0.2)
    finally:
        lone.local.thaw("etcd")
    assert seen.reason == "ClusterNotReady"
    assert seen.message.startswith(f"{NOT_READY_MESSAGE}: 500: ")
    assert "etcd" in seen.message
