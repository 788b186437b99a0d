"""The room that a real cluster has: nodes, pods and quotas as an API server holds them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from argosy.api.cluster_connection import ConnectionReference
from argosy.api.meta import LabelSelector, Taint
from argosy.api.requirements import ReplicaRequirements
from argosy.errors import Forbidden, InvalidInput
from argosy.kube import read
from argosy.kube.capacity import Rooms, read_pods_of, read_quotas, read_room
from argosy.kube.connect import Member, Response, connect
from argosy.scheduling.fitting import replicas_that_fit, stuck
from argosy.scheduling.room import NodeRoom
from devcluster.member import Member as LocalMember
from tests.account import Account, eventually_allowed, rule
from tests.cluster import Cluster, Manifest

PODS = "/api/v1/namespaces/default/pods"

ONE_GPU = ReplicaRequirements.model_validate({"resourceRequest": {"nvidia.com/gpu": "1"}})


def needs(claim: Manifest | None = None, priority: str = "", **resources: str) -> ReplicaRequirements:
    return ReplicaRequirements.model_validate(
        {"resourceRequest": resources, "nodeClaim": claim, "priorityClassName": priority}
    )


def node(cluster: Cluster, name: str, allocatable: Manifest, *, taints: list[Manifest] | None = None) -> None:
    """A ready node; new ones are tainted by the server until somebody says that they are ready."""
    meta = {"name": name, "labels": {"kubernetes.io/hostname": name, "disk": "ssd"}}
    cluster.post("/api/v1/nodes", {"apiVersion": "v1", "kind": "Node", "metadata": meta})
    cluster.merge(f"/api/v1/nodes/{name}", {"spec": {"taints": taints}})
    status = {"allocatable": allocatable, "conditions": [{"type": "Ready", "status": "True"}]}
    cluster.merge(f"/api/v1/nodes/{name}/status", {"status": status})


def container(cpu: str, memory: str = "64Mi", **others: str) -> Manifest:
    requests = {"cpu": cpu, "memory": memory}
    return {"name": f"c{cpu}", "image": "i", "resources": {"requests": requests}, **others}


def pod(
    cluster: Cluster, name: str, *, on: str = "", phase: str = "Running", path: str = PODS, **spec: Any
) -> None:
    spec.setdefault("containers", [container("1")])
    content = {**spec, **({"nodeName": on} if on else {})}
    meta = {"name": name, "labels": {"app": "web"}}
    cluster.post(path, {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": content})
    cluster.merge(f"{path}/{name}/status", {"status": {"phase": phase}})


@pytest.fixture(scope="module")
def fleet(member: LocalMember) -> LocalMember:
    """Three nodes and the pods on them; every test reads, none changes them."""
    cluster = Cluster(member, None)  # type: ignore[arg-type] # only its plain way is used
    node(cluster, "large", {"cpu": "4", "memory": "8Gi", "pods": "10", "nvidia.com/gpu": "2"})
    node(cluster, "small", {"cpu": "1500m", "memory": "2Gi", "pods": "3"})
    repelling = [
        {"key": "dedicated", "value": "db", "effect": "NoSchedule"},
        {"key": "slow", "effect": "PreferNoSchedule"},
    ]
    node(cluster, "tainted", {"cpu": "8", "memory": "16Gi", "pods": "110"}, taints=repelling)
    cluster.merge("/api/v1/nodes/small", {"spec": {"unschedulable": True}})
    cluster.post(
        "/apis/node.k8s.io/v1/runtimeclasses",
        {
            "apiVersion": "node.k8s.io/v1",
            "kind": "RuntimeClass",
            "metadata": {"name": "boxed"},
            "handler": "boxed",
            "overhead": {"podFixed": {"cpu": "100m"}},
        },
    )
    pod(cluster, "plain", on="large", containers=[container("500m"), container("250m")])
    pod(
        cluster,
        "with-sidecar",
        on="large",
        containers=[container("100m")],
        initContainers=[container("200m", restartPolicy="Always"), container("700m")],
    )
    pod(cluster, "overhead", on="large", containers=[container("50m")], runtimeClassName="boxed")
    pod(cluster, "starting", on="large", containers=[container("50m")], phase="Pending")
    pod(cluster, "waiting", phase="Pending")
    pod(cluster, "ended", on="large", phase="Succeeded")
    pod(cluster, "failed", on="large", phase="Failed")
    pod(cluster, "elsewhere", on="a-node-that-has-gone")
    pod(cluster, "greedy", on="small", containers=[container("2", "1Gi")])
    return member


@pytest.fixture
async def there(fleet: LocalMember) -> AsyncIterator[Cluster]:
    connection = await connect("m1", ConnectionReference(kubeconfig=str(fleet.kubeconfig)), allow_exec=False)
    yield Cluster(fleet, connection)
    await connection.close()


def free(room: NodeRoom) -> dict[str, str]:
    return {name: str(amount) for name, amount in room.free.items()}


class TestNodes:
    @pytest.mark.parametrize("page", [1, 500])
    async def test_what_pods_leave(self, there: Cluster, monkeypatch: pytest.MonkeyPatch, page: int) -> None:
        monkeypatch.setattr(read, "PAGE", page)
        nodes = {one.name: one for one in (await read_room(there.member)).nodes}
        assert sorted(nodes) == ["large", "small", "tainted"]
        # 4 - 750m - 900m (beside its sidecar, the init container needs the most) - 150m with overhead - 50m
        assert free(nodes["large"]) == {"cpu": "2150m", "memory": "7808Mi", "nvidia.com/gpu": "2"}
        assert free(nodes["small"]) == {"cpu": "-500m", "memory": "1Gi"}
        assert [nodes[name].free_pods for name in ("large", "small", "tainted")] == [6, 2, 110]
        assert nodes["small"].unschedulable
        assert nodes["tainted"].taints == (Taint(key="dedicated", value="db", effect="NoSchedule"),)
        assert nodes["large"].labels["disk"] == "ssd"
        assert all(one.ready for one in nodes.values())

    @pytest.mark.parametrize(
        ("requirements", "fitting"),
        [
            (None, 6),
            (needs(cpu="500m"), 4),
            (needs(cpu="500m", memory="3Gi"), 2),
            (needs(cpu="100m"), 6),
            (ONE_GPU, 2),
            (needs({"tolerations": [{"key": "dedicated", "operator": "Exists"}]}, cpu="1"), 10),
            (needs({"tolerations": [{"operator": "Exists"}]}, memory="1Gi"), 23),
            (needs({"nodeSelector": {"disk": "hdd"}}), 0),
            (needs({"nodeSelector": {"kubernetes.io/hostname": "large"}}, cpu="1"), 2),
            (
                needs(
                    {
                        "hardNodeAffinity": {
                            "nodeSelectorTerms": [
                                {
                                    "matchFields": [
                                        {"key": "metadata.name", "operator": "NotIn", "values": ["large"]}
                                    ]
                                }
                            ]
                        }
                    }
                ),
                0,
            ),
        ],
    )
    async def test_replicas_that_fit(
        self, there: Cluster, requirements: ReplicaRequirements | None, fitting: int
    ) -> None:
        assert replicas_that_fit(requirements, (await read_room(there.member)).nodes) == fitting

    async def test_a_node_that_has_just_joined_has_no_room_yet(self, cluster: Cluster) -> None:
        name = "newcomer"
        cluster.post("/api/v1/nodes", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}})
        try:
            cluster.merge(f"/api/v1/nodes/{name}/status", {"status": {"allocatable": {"pods": "10"}}})
            (found,) = [one for one in (await read_room(cluster.member)).nodes if one.name == name]
            assert not found.ready
            assert found.free_pods == 10
            assert replicas_that_fit(None, [found]) == 0
        finally:
            cluster.delete(f"/api/v1/nodes/{name}")


def quota(cluster: Cluster, namespace: str, name: str, hard: dict[str, str], **spec: Any) -> None:
    """A quota that counts from now on; this is what a controller would write first."""
    path = f"/api/v1/namespaces/{namespace}/resourcequotas"
    kind = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": name}}
    cluster.post(path, {**kind, "spec": {"hard": hard, **spec}})
    status = {"status": {"hard": hard, "used": dict.fromkeys(hard, "0")}}
    cluster.merge(f"{path}/{name}/status", status)


class TestQuotas:
    async def test_as_many_fit_as_the_server_admits(self, cluster: Cluster, namespace: str) -> None:
        quota(cluster, namespace, "compute", {"requests.cpu": "1", "memory": "1Gi", "pods": "9"})
        quota(cluster, namespace, "objects", {"count/configmaps": "0"})
        quota(cluster, namespace, "careless", {"pods": "1"}, scopes=["BestEffort"])
        important = {"scopeName": "PriorityClass", "operator": "In", "values": ["system-node-critical"]}
        scoped = {"scopeSelector": {"matchExpressions": [important]}}
        quota(cluster, namespace, "important", {"pods": "0"}, **scoped)
        asked = needs(cpu="300m", memory="128Mi")
        nodes = [NodeRoom(name="n", free_pods=50, free=needs(cpu="90", memory="1Ti").resource_request)]
        assert replicas_that_fit(asked, nodes, await read_quotas(cluster.member, namespace)) == 3
        urgent = asked.model_copy(update={"priority_class_name": "system-node-critical"})
        assert replicas_that_fit(urgent, nodes, await read_quotas(cluster.member, namespace)) == 0
        admitted = await self._admitted(cluster, namespace, container("300m", "128Mi"))
        assert admitted == 3
        left = await read_quotas(cluster.member, namespace)
        compute = next(one for one in left if one.name == "compute")
        assert {name: str(amount) for name, amount in compute.free.items()} == {
            "memory": "640Mi",
            "pods": "6",
            "requests.cpu": "100m",
        }
        assert replicas_that_fit(asked, nodes, left) == 0

    async def test_what_has_not_been_counted_yet_bounds_nothing(
        self, cluster: Cluster, namespace: str
    ) -> None:
        path = f"/api/v1/namespaces/{namespace}/resourcequotas"
        kind = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "new"}}
        cluster.post(path, {**kind, "spec": {"hard": {"pods": "0"}}})
        (found,) = await read_quotas(cluster.member, namespace)
        assert found.free == {}

    async def test_a_namespace_without_any(self, cluster: Cluster, namespace: str) -> None:
        assert await read_quotas(cluster.member, namespace) == ()
        assert await read_quotas(cluster.member, "no-such-namespace") == ()
        assert await read_quotas(cluster.member, "") == ()

    @staticmethod
    async def _admitted(cluster: Cluster, namespace: str, wanted: Manifest) -> int:
        """How many pods the server lets in; it takes a moment to learn what a quota has counted."""
        path, count = f"/api/v1/namespaces/{namespace}/pods", 0
        async with asyncio.timeout(30):
            while True:
                content = {"metadata": {"name": f"p{count}"}, "spec": {"containers": [wanted]}}
                status, answer = cluster.local.request("POST", path, content)
                if status == 403 and "exceeded quota" in json.loads(answer)["message"]:
                    return count
                if status == 201:
                    count += 1
                else:
                    assert "status unknown for quota" in json.loads(answer)["message"]
                    await asyncio.sleep(0.1)


class TestPodsOfAWorkload:
    async def test_stuck(self, cluster: Cluster, namespace: str) -> None:
        path = f"/api/v1/namespaces/{namespace}/pods"
        now = datetime.now(UTC).replace(microsecond=0)
        pod(cluster, "running", on="n", path=path)
        pod(cluster, "ended", path=path, phase="Failed")
        for name, reason, minutes in (
            ("long", "Unschedulable", 10),
            ("short", "Unschedulable", 1),
            ("gated", "SchedulingGated", 10),
        ):
            since = (now - timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")
            condition = {
                "type": "PodScheduled",
                "status": "False",
                "reason": reason,
                "lastTransitionTime": since,
            }
            pod(cluster, name, path=path, phase="Pending")
            cluster.merge(f"{path}/{name}/status", {"status": {"conditions": [condition]}})
        selector = LabelSelector(match_labels={"app": "web"})
        pods = await read_pods_of(cluster.member, namespace, selector)
        assert {one.name for one in pods} == {"running", "long", "short", "gated"}
        assert stuck(pods, older_than_seconds=300, now=now) == 1
        assert stuck(pods, older_than_seconds=30, now=now) == 2

    @pytest.mark.parametrize(
        ("selector", "found"),
        [
            ({"matchLabels": {"app": "web"}}, {"a", "b"}),
            ({"matchLabels": {"app": "db"}}, set()),
            ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["db", "web"]}]}, {"a", "b"}),
            ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["db", "web"]}]}, set()),
            ({"matchExpressions": [{"key": "app", "operator": "Exists"}]}, {"a", "b"}),
            (
                {
                    "matchLabels": {"app": "web"},
                    "matchExpressions": [{"key": "app", "operator": "DoesNotExist"}],
                },
                set(),
            ),
        ],
    )
    async def test_selectors(
        self, cluster: Cluster, namespace: str, selector: Manifest, found: set[str]
    ) -> None:
        for name in ("a", "b"):
            pod(cluster, name, path=f"/api/v1/namespaces/{namespace}/pods")
        pods = await read_pods_of(cluster.member, namespace, LabelSelector.model_validate(selector))
        assert {one.name for one in pods} == found

    @pytest.mark.parametrize("selector", [{}, {"matchLabels": {"not a key": "x"}}])
    async def test_a_selector_that_means_nothing(
        self, cluster: Cluster, namespace: str, selector: Manifest
    ) -> None:
        with pytest.raises(InvalidInput, match=r"correct its spec\.selector"):
            await read_pods_of(cluster.member, namespace, LabelSelector.model_validate(selector))


class TestRights:
    async def test_what_may_not_be_read_is_named(
        self, account: Account, namespace: str, kubeconfig_for: Callable[..., ConnectionReference]
    ) -> None:
        reference = kubeconfig_for({"token": account.token()})
        member = await connect("m1", reference, allow_exec=False)
        rooms = Rooms()
        try:
            with pytest.raises(Forbidden, match="may not list nodes"):
                await rooms.room(member)
            with pytest.raises(Forbidden, match="may not list resourcequotas"):
                await rooms.quotas(member, namespace)
            with pytest.raises(Forbidden, match="may not list pods"):
                await read_pods_of(member, namespace, LabelSelector(match_labels={"app": "web"}))
            account.may(rule("nodes", verbs=("list",)))
            await eventually_allowed(lambda: member.request("GET", "/api/v1/nodes", what="list nodes"))
            with pytest.raises(Forbidden, match="may not list pods"):
                await rooms.room(member)
            account.may(rule("pods", "resourcequotas", verbs=("list",)))
            await eventually_allowed(lambda: rooms.room(member))
            await eventually_allowed(lambda: rooms.quotas(member, namespace))
        finally:
            await rooms.close()
            await member.close()


class TestRooms:
    async def test_many_ask_once(self, there: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[str] = []
        send = Member.send

        async def noted(self: Member, method: str, path: str, **others: Any) -> Response:
            asked.append(path)
            return await send(self, method, path, **others)

        monkeypatch.setattr(Member, "send", noted)
        rooms = Rooms(max_age=60)
        found = await asyncio.gather(*(rooms.room(there.member) for _ in range(20)))
        assert asked == ["/api/v1/nodes", "/api/v1/pods"]
        assert all(one is found[0] for one in found)
        assert await rooms.room(there.member) is found[0]
        for _ in range(2):
            await asyncio.gather(*(rooms.quotas(there.member, name) for name in ("a", "b")))
        assert sorted(asked[2:]) == [f"/api/v1/namespaces/{name}/resourcequotas" for name in ("a", "b")]
        await rooms.close()
