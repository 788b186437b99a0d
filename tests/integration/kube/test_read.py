"""Discovering, reading, sweeping and watching a real API server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any
from uuid import uuid4

import pytest

from argosy.api.manifest import ResourceRef, ref_of
from argosy.api.ownership import OWNER as OWNER_LABEL
from argosy.api.ownership import owner_label, stamp
from argosy.errors import NotEstablished
from argosy.kube import discovery, read
from argosy.kube import watch as watch_module
from argosy.kube.apply import apply
from argosy.kube.connect import JSON, Member, Response
from argosy.kube.discovery import discover, served
from argosy.kube.read import get, pages, sweep
from argosy.kube.watch import Change, Snapshot, watch
from tests.cluster import OWNER, Cluster, Manifest, config_map, path_of


class TestDiscovery:
    async def test_everything_is_found_and_nothing_asked_twice(
        self, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        catalog = await discover(cluster.member)
        assert catalog.complete
        assert catalog.served["apps/v1", "Deployment"].plural == "deployments"
        assert not catalog.served["v1", "Node"].namespaced
        answers: list[int] = []
        send = Member.send

        async def noted(self: Member, *arguments: Any, **others: Any) -> Response:
            response = await send(self, *arguments, **others)
            answers.append(response.status)
            return response

        monkeypatch.setattr(Member, "send", noted)
        assert (await discover(cluster.member)).digest == catalog.digest
        assert answers == [304, 304]

    async def test_older_servers_say_the_same(
        self, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        modern = await discover(cluster.member)
        cluster.member.catalog = None
        monkeypatch.setattr(discovery, "_AGGREGATED", JSON)
        older = await discover(cluster.member)
        assert older.enablements == modern.enablements
        assert older.served == modern.served
        assert older.digest == modern.digest

    async def test_what_is_taken_for_granted_is_so(self, cluster: Cluster) -> None:
        catalog = await discover(cluster.member)
        for key, taken in discovery._UNIVERSAL.items():
            real = catalog.served[key]
            assert (taken.plural, taken.namespaced) == (real.plural, real.namespaced)

    async def test_callers_share_one_reading(self, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[str] = []
        send = Member.send

        async def noted(self: Member, method: str, path: str, **others: Any) -> Response:
            asked.append(path)
            return await send(self, method, path, **others)

        monkeypatch.setattr(Member, "send", noted)
        monkeypatch.setattr(discovery, "REFRESH_EVERY", 60)
        ref = ResourceRef(api_version="v9", kind="Nothing", name="x")

        async def miss() -> None:
            with pytest.raises(NotEstablished, match="kind Nothing of v9"):
                await served(cluster.member, ref)

        await asyncio.gather(*(miss() for _ in range(10)))
        await miss()
        # One may have begun before the others asked; a second one answers all of those.
        assert asked in (["/api", "/apis"], ["/api", "/apis"] * 2)

    async def test_a_group_that_does_not_answer_makes_it_incomplete(self, cluster: Cluster) -> None:
        """An aggregated API whose service does not exist, as after a metrics server that was removed by half."""
        name = f"v1.g{uuid4().hex[:8]}.example.com"
        path = "/apis/apiregistration.k8s.io/v1/apiservices"
        spec = {
            "group": name.removeprefix("v1."),
            "version": "v1",
            "groupPriorityMinimum": 1,
            "versionPriority": 1,
            "insecureSkipTLSVerify": True,
            "service": {"namespace": "default", "name": "missing"},
        }
        cluster.post(
            path,
            {
                "apiVersion": "apiregistration.k8s.io/v1",
                "kind": "APIService",
                "metadata": {"name": name},
                "spec": spec,
            },
        )
        try:
            catalog = await discover(cluster.member)
            for _ in range(100):
                if not catalog.complete:
                    break
                await asyncio.sleep(0.1)
                catalog = await discover(cluster.member)
            assert not catalog.complete
            assert ("apps/v1", "Deployment") in catalog.served
            swept = await sweep(cluster.member)
            assert any("API groups does not answer" in note for note in swept.unread)
        finally:
            cluster.delete(f"{path}/{name}")


class TestReading:
    async def test_one(self, cluster: Cluster, namespace: str) -> None:
        wanted = config_map(namespace)
        assert await get(cluster.member, ref_of(wanted)) is None
        assert await get(cluster.member, ref_of(config_map("no-such-namespace"))) is None
        await apply(cluster.member, wanted, expect_uid=None, takeover=False)
        assert await get(cluster.member, ref_of(wanted)) == cluster.there(path_of(wanted))
        with pytest.raises(NotEstablished):
            await get(cluster.member, ResourceRef(api_version="v9", kind="Nothing", name="x"))

    @pytest.mark.parametrize("metadata_only", [False, True])
    async def test_many_by_the_page(
        self, cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch, metadata_only: bool
    ) -> None:
        monkeypatch.setattr(read, "PAGE", 2)
        for number in range(5):
            await apply(cluster.member, config_map(namespace, f"c{number}"), expect_uid=None, takeover=False)
        path = f"/api/v1/namespaces/{namespace}/configmaps"
        found = [
            page
            async for page in pages(
                cluster.member, path, what="list", selector=read.MANAGED_SELECTOR, metadata_only=metadata_only
            )
        ]
        assert [len(page.items) for page in found] == [2, 2, 1]
        assert len({page.resource_version for page in found}) == 1
        assert [item["metadata"]["name"] for page in found for item in page.items] == [
            f"c{n}" for n in range(5)
        ]
        assert all(("data" in item) is not metadata_only for page in found for item in page.items)


class TestSweep:
    async def test_what_carries_the_label_is_found(self, cluster: Cluster, namespace: str) -> None:
        owner = OWNER.model_copy(update={"propagation": f"propagation/{namespace}"})
        other = OWNER.model_copy(update={"propagation": "propagation/other"})
        role: Manifest = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": namespace},
            "rules": [],
        }
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
        scaler: Manifest = {
            "apiVersion": "autoscaling/v1",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "h", "namespace": namespace},
            "spec": {"maxReplicas": 3, "scaleTargetRef": target},
        }
        for wanted in (
            config_map(namespace, "a", owner=owner),
            config_map(namespace, "b", owner=other),
            stamp(role, owner),
            stamp(scaler, owner),
        ):
            await apply(cluster.member, wanted, expect_uid=None, takeover=False)
        foreign = config_map(namespace, "c", owner=None)
        cluster.apply_as("kubectl", path_of(foreign), foreign)

        mine = await sweep(cluster.member, propagation=owner.propagation)
        assert mine.unread == ()
        assert sorted((item["kind"], item["metadata"]["name"]) for item in mine.objects) == [
            ("ClusterRole", namespace),
            ("ConfigMap", "a"),
            ("HorizontalPodAutoscaler", "h"),
        ]
        everything = await sweep(cluster.member, [("v1", "ConfigMap"), ("no.example/v1", "Such")])
        names = {i["metadata"]["name"] for i in everything.objects if i["metadata"]["namespace"] == namespace}
        assert names == {"a", "b"}
        assert {item["apiVersion"] for item in everything.objects} == {"v1"}
        cluster.delete(f"/apis/rbac.authorization.k8s.io/v1/clusterroles/{namespace}")


Events = AsyncGenerator[Snapshot | Change]


async def following(events: Events) -> Change:
    """The next event that is a change and no bookmark."""
    async with asyncio.timeout(20):
        while True:
            event = await anext(events)
            assert isinstance(event, Change)
            if event.type != "BOOKMARK":
                return event


class TestWatch:
    def open(self, cluster: Cluster, namespace: str, **others: Any) -> Events:
        path = f"/api/v1/namespaces/{namespace}/configmaps"
        return watch(cluster.member, path, what="watch", selector=read.MANAGED_SELECTOR, **others)

    async def test_a_snapshot_and_then_every_change(self, cluster: Cluster, namespace: str) -> None:
        first = config_map(namespace)
        await apply(cluster.member, first, expect_uid=None, takeover=False)
        events = self.open(cluster, namespace)
        snapshot = await anext(events)
        assert isinstance(snapshot, Snapshot)
        assert [item["metadata"]["name"] for item in snapshot.items] == ["settings"]
        await apply(cluster.member, config_map(namespace, key="b"), expect_uid=None, takeover=False)
        changed = await following(events)
        foreign = config_map(namespace, "unlabelled", owner=None)
        cluster.apply_as("kubectl", path_of(foreign), foreign)
        cluster.delete(path_of(first))
        deleted = await following(events)
        assert (changed.type, changed.object["data"]) == ("MODIFIED", {"key": "b"})
        assert (deleted.type, deleted.object["metadata"]["name"]) == ("DELETED", "settings")
        await events.aclose()

    async def test_it_goes_on_where_an_earlier_one_ended(self, cluster: Cluster, namespace: str) -> None:
        events = self.open(cluster, namespace)
        snapshot = await anext(events)
        await events.aclose()
        await apply(cluster.member, config_map(namespace), expect_uid=None, takeover=False)
        resumed = self.open(
            cluster, namespace, resource_version=snapshot.resource_version, metadata_only=True
        )
        added = await following(resumed)
        assert added.type == "ADDED"
        assert added.object["metadata"]["labels"][OWNER_LABEL] == owner_label(OWNER.propagation)
        assert "data" not in added.object
        await resumed.aclose()

    async def test_the_server_ends_it_and_nothing_is_missed(
        self, cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(watch_module, "WATCH_SECONDS", 1)
        events = self.open(cluster, namespace)
        await anext(events)
        seen = []
        for number in range(3):
            await apply(cluster.member, config_map(namespace, f"c{number}"), expect_uid=None, takeover=False)
            seen.append((await following(events)).object["metadata"]["name"])
            await asyncio.sleep(1.2)
        assert seen == ["c0", "c1", "c2"]
        await events.aclose()
