"""Which worker reaches which cluster."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import pytest

from activities.members import Inside, MemberPool
from activities.snapshot import ClusterSnapshot
from argosy.api.cluster_connection import NOT_FROM_HERE, ConnectionReference
from argosy.api.membership import ClusterPhase, ClusterSettings, ClusterStatus, SyncMode
from argosy.config import pod_api_server
from argosy.errors import InvalidInput, OutOfReach
from argosy.kube.connect import Members

PULLED = ClusterSettings(connection=NOT_FROM_HERE, sync_mode=SyncMode.PULL)


class Known:
    """A snapshot that has one cluster in pull mode."""

    async def cluster(self, name: str) -> ClusterStatus:
        return ClusterStatus(name=name, phase=ClusterPhase.READY, settings=PULLED)


def reference(path: Path, server: str) -> ConnectionReference:
    content = {
        "current-context": "x",
        "clusters": [{"name": "x", "cluster": {"server": server}}],
        "users": [{"name": "x", "user": {"token": "t"}}],
        "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
    }
    path.write_text(json.dumps(content), encoding="utf-8")
    return ConnectionReference(kubeconfig=str(path))


def pool(members: Members, inside: Inside | None) -> MemberPool:
    return MemberPool(snapshot=cast("ClusterSnapshot", Known()), members=members, inside=inside)


async def test_a_central_worker_leaves_a_cluster_in_pull_mode_alone() -> None:
    central = pool(Members(allow_exec=False), None)
    for asked in (central.get("a"), central.by_settings("a", PULLED), central.renewed("a", PULLED)):
        with pytest.raises(OutOfReach, match="argosy worker run --cluster a"):
            await asked


async def test_a_worker_inside_goes_by_its_own_credentials_and_touches_nothing_else(tmp_path: Path) -> None:
    members = Members(allow_exec=False)
    inside = pool(members, Inside("a", reference(tmp_path / "own", "http://own")))
    elsewhere = ClusterSettings(connection=reference(tmp_path / "other", "http://other"))
    try:
        # Whatever Temporal says of it.
        for member in (
            await inside.get("a"),
            await inside.by_settings("a", elsewhere),
            await inside.renewed("a", elsewhere),
        ):
            assert member.server == "http://own"
        for asked in (inside.get("b"), inside.by_settings("b", elsewhere), inside.renewed("b", elsewhere)):
            with pytest.raises(OutOfReach, match="runs inside a and touches no other"):
                await asked
    finally:
        await members.close()


@pytest.mark.parametrize(
    ("host", "url"), [("10.0.0.1", "https://10.0.0.1:6443"), ("fd00::1", "https://[fd00::1]:6443")]
)
def test_a_pod_is_told_where_its_api_server_is(host: str, url: str) -> None:
    assert pod_api_server({"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": "6443"}) == url


def test_what_is_no_pod_is_told_what_to_do() -> None:
    with pytest.raises(InvalidInput, match="--kubeconfig"):
        pod_api_server({})
