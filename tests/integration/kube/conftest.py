"""Connections to real members, and a namespace for each test."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import uuid4

import pytest

from argosy.api.cluster_connection import ConnectionReference
from argosy.kube.connect import connect
from devcluster.member import Member as LocalMember
from tests.account import Account
from tests.cluster import Cluster, Manifest


@pytest.fixture
async def cluster(members: list[LocalMember]) -> AsyncIterator[Cluster]:
    """The first of the shared members."""
    local = members[0]
    member = await connect("m1", ConnectionReference(kubeconfig=str(local.kubeconfig)), allow_exec=False)
    yield Cluster(local, member)
    await member.close()


@pytest.fixture
def namespace(cluster: Cluster) -> str:
    """One of the test's own; it stays in the API server, where no controller would empty it."""
    name = f"test-{uuid4().hex[:10]}"
    cluster.post("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    return name


@pytest.fixture
def kubeconfig_for(cluster: Cluster, tmp_path: Path) -> Callable[..., ConnectionReference]:
    """Make a kubeconfig for the same server with another user section, and changes to the cluster's."""

    def make(user: Manifest, cluster_changes: Manifest | None = None) -> ConnectionReference:
        content = json.loads(cluster.local.kubeconfig.read_text(encoding="utf-8"))
        content["users"][0]["user"] = user
        content["clusters"][0]["cluster"] |= cluster_changes or {}
        path = tmp_path / "kubeconfig"
        path.write_text(json.dumps(content), encoding="utf-8")
        return ConnectionReference(kubeconfig=str(path))

    return make


@pytest.fixture
def account(cluster: Cluster, namespace: str) -> Account:
    """A service account without any rights yet."""
    return Account(cluster, namespace)
