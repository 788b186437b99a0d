"""Applying what a cluster learns of only later: custom resources."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from argosy.api.manifest import ref_of
from argosy.api.ownership import stamp
from argosy.errors import InvalidInput, NotEstablished
from argosy.kube.apply import AppliedObject, Outcome, apply
from argosy.kube.connect import Member
from tests.cluster import OWNER, Cluster, Manifest, widget_crd


class TestCustomResources:
    async def test_a_kind_becomes_known_without_a_restart(self, cluster: Cluster, namespace: str) -> None:
        group = f"g{uuid4().hex[:8]}.example.com"
        widget = stamp(
            {
                "apiVersion": f"{group}/v1",
                "kind": "Widget",
                "metadata": {"name": "w", "namespace": namespace},
                "spec": {"size": 3},
            },
            OWNER,
        )
        with pytest.raises(NotEstablished, match="kind Widget of"):
            await apply(cluster.member, widget, expect_uid=None, takeover=False)
        crd = await apply(cluster.member, stamp(widget_crd(group), OWNER), expect_uid=None, takeover=False)
        assert crd.outcome == Outcome.CREATED
        done = await eventually_applied(cluster.member, widget)
        assert done.outcome == Outcome.CREATED
        again = await apply(
            cluster.member, widget, expect_uid="11111111-1111-1111-1111-111111111111", takeover=False
        )
        assert (again.uid, again.outcome) == (done.uid, Outcome.UNCHANGED)
        cluster.delete(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.{group}")

    async def test_a_kind_that_changes_its_scope_is_found_again(
        self, cluster: Cluster, namespace: str
    ) -> None:
        group = f"g{uuid4().hex[:8]}.example.com"
        crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        plain: Manifest = {"apiVersion": f"{group}/v1", "kind": "Widget", "metadata": {"name": "w"}}
        inside: Manifest = {**plain, "metadata": {"name": "w", "namespace": namespace}}
        cluster.post(crds, widget_crd(group))
        await eventually_applied(cluster.member, stamp(inside, OWNER))
        cluster.delete(f"{crds}/widgets.{group}")
        while cluster.get(f"{crds}/widgets.{group}"):
            await asyncio.sleep(0.05)
        cluster.post(crds, widget_crd(group, scope="Cluster"))
        done = await eventually_applied(cluster.member, stamp(plain, OWNER))
        assert done.outcome == Outcome.CREATED
        assert ref_of(plain).namespace is None
        cluster.delete(f"{crds}/widgets.{group}")


async def eventually_applied(member: Member, manifest: Manifest) -> AppliedObject:
    """Apply, tried again as Temporal would while the kind is not established."""
    for _ in range(100):
        try:
            return await apply(member, manifest, expect_uid=None, takeover=False)
        except (NotEstablished, InvalidInput):
            await asyncio.sleep(0.1)
    raise AssertionError("the kind was never established")
