"""Counting replicas that find no node, on a member whose scheduler says so."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

from argosy.api.cluster_connection import ConnectionReference
from argosy.api.ownership import Ownership, stamp
from argosy.kube.connect import connect
from argosy.kube.stuck import stuck_replicas
from devcluster.member import Member
from tests.plant import deployment

OURS = "propagation/default/Deployment.apps/stuck"


async def test_replicas_without_a_node_are_told_by_propagation(full_member: Member) -> None:
    reference = ConnectionReference(kubeconfig=str(full_member.kubeconfig), context=full_member.name)
    path = "/apis/apps/v1/namespaces/default/deployments"
    for name, instance in (("stuck", "ours"), ("theirs", "another"), ("fits", "ours")):
        manifest = deployment(name, "default")
        manifest["spec"]["replicas"] = 3
        if name != "fits":
            manifest["spec"]["template"]["spec"]["nodeSelector"] = {"no": "such-node"}
        propagation = OURS if name == "stuck" else f"propagation/default/Deployment.apps/{name}"
        stamped = stamp(manifest, Ownership(propagation=propagation, instance=instance))
        assert full_member.request("POST", path, stamped)[0] == 201
    member = await connect("full", reference, allow_exec=False)
    try:

        async def found(older_than: float) -> dict[str, int]:
            now = datetime.now(UTC)
            return await stuck_replicas(member, instance="ours", older_than_seconds=older_than, now=now)

        deadline = time.monotonic() + 40
        while (counted := await found(0)) != {OURS: 3}:
            assert time.monotonic() < deadline, counted
            await asyncio.sleep(0.2)
        assert await found(3600) == {}
    finally:
        await member.close()
        for name in ("stuck", "theirs", "fits"):
            full_member.request("DELETE", f"{path}/{name}")
