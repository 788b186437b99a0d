"""Placement on real clusters: what the tables say happens, with the reason on record."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from devcluster.member import Member
from tests.cli.placing import BY_ROOM, DIVIDED, Fleet, Runner, policy, workload
from tests.cli.runs import until, write
from tests.plant import Plant

pytestmark = pytest.mark.timeout(200)


@pytest.fixture
def nodes(plant: Plant) -> Iterator[None]:
    """Nodes as a kubelet would register them: one with 4, 8 and 12 CPUs in the members, in this order."""
    for size, member in enumerate(plant.members, start=1):
        _node(member, cpu=4 * size)
    yield
    for member in plant.members:
        member.request("DELETE", "/api/v1/nodes/node")


def _node(member: Member, *, cpu: int) -> None:
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node"}}
    assert member.request("POST", "/api/v1/nodes", node)[0] == 201
    # What the server puts on new nodes until a controller takes it off.
    untainted = {"spec": {"taints": None}}
    code, _ = member.request("PATCH", "/api/v1/nodes/node", untainted, content="application/merge-patch+json")
    assert code == 200
    amounts = {"cpu": str(cpu), "memory": "64Gi", "pods": "110"}
    ready = [{"type": "Ready", "status": "True"}]
    status = {"status": {"allocatable": amounts, "capacity": amounts, "conditions": ready}}
    code, _ = member.request(
        "PATCH", "/api/v1/nodes/node/status", status, content="application/merge-patch+json"
    )
    assert code == 200


def test_ordered_groups_fall_over_and_return(plant: Plant, run: Runner, tmp_path: Path) -> None:
    fleet = Fleet(plant, run, "groups")
    gold = {"affinityName": "gold", "labelSelector": {"matchLabels": {"tier": "gold"}}}
    rest = {"affinityName": "rest", "clusterNames": ["member3"]}
    assert run("cluster", "label", "member1", "tier=gold").code == 0
    files = write(
        tmp_path / "all.yaml", policy("groups", {"clusterAffinities": [gold, rest]}), workload("groups", 2)
    )
    assert run("apply", "-f", files, "--wait").code == 0
    fleet.becomes(member1=2)
    assert fleet.explained()["plan"]["affinity"] == "gold"

    run("cluster", "label", "member1", "tier-")
    fleet.becomes(member3=2)
    plan = fleet.explained()["plan"]
    assert plan["affinity"] == "rest"
    assert plan["reasons"][0]["error"]["kind"] == "FitError"
    assert fleet.reasons(0)["member1"] == "ClusterAffinity"

    run("cluster", "label", "member2", "tier=gold")
    fleet.becomes(member2=2)
    assert fleet.explained()["plan"]["affinity"] == "gold"
    assert run("cluster", "label", "member2", "tier-").code == 0
    assert run("delete", "deployment", "web", "-n", "groups").code == 0


def test_scaling_taints_and_weights(plant: Plant, run: Runner, tmp_path: Path) -> None:
    fleet = Fleet(plant, run, "weights")
    weights = [
        {"targetCluster": {"clusterNames": [name]}, "weight": weight}
        for name, weight in (("member1", 2), ("member2", 1))
    ]
    placement = {"replicaScheduling": {**DIVIDED, "weightPreference": {"staticWeightList": weights}}}
    files = write(tmp_path / "all.yaml", policy("weights", placement), workload("weights", 3))
    assert run("apply", "-f", files, "--wait").code == 0
    fleet.becomes(member1=2, member2=1)

    assert run("apply", "-f", write(tmp_path / "web.yaml", workload("weights", 9))).code == 0
    fleet.becomes(member1=6, member2=3)
    assert fleet.explained()["revision"] == 2
    assert fleet.explained("--revision", "1")["plan"]["targets"][0]["replicas"] == 2

    # Who is there already stays when its cluster is cordoned; who comes anew goes elsewhere.
    assert run("cluster", "cordon", "member1").code == 0
    assert run("apply", "-f", write(tmp_path / "web.yaml", workload("weights", 6))).code == 0
    fleet.becomes(member1=4, member2=2)
    other = Fleet(plant, run, "anew")
    files = write(tmp_path / "anew.yaml", policy("anew", {}), workload("anew", 1))

    def repelled() -> bool:
        run("delete", "deployment", "web", "-n", "anew", "--ignore-not-found")
        assert run("apply", "-f", files, "--wait").code == 0
        return other.replicas() == {"member2": 1, "member3": 1}

    asyncio.run(until(repelled))
    assert other.reasons()["member1"] == "TaintToleration"
    assert run("cluster", "uncordon", "member1").code == 0
    other.becomes(member1=1, member2=1, member3=1)
    for namespace in ("weights", "anew"):
        assert run("delete", "deployment", "web", "-n", namespace).code == 0


def test_where_nothing_fits_it_says_so_and_recovers(plant: Plant, run: Runner, tmp_path: Path) -> None:
    fleet = Fleet(plant, run, "nofit")
    nowhere = {"clusterAffinity": {"clusterNames": ["nobody"]}}
    files = write(tmp_path / "all.yaml", policy("nofit", nowhere), workload("nofit", 1))
    failed = run("apply", "-f", files, "--wait", "--timeout", "3")
    assert failed.code != 0
    status = fleet.status()
    assert status["phase"] == "Unschedulable"
    assert status["message"] == (
        "0/3 clusters are available: 3 cluster(s) did not match the placement cluster affinity constraint."
    )
    everywhere = policy("nofit", {"clusterAffinity": {"clusterNames": ["member2"]}})
    assert run("apply", "-f", write(tmp_path / "p.yaml", everywhere)).code == 0
    fleet.becomes(member2=1)
    # What runs stays where it is when a later edit fits nowhere.
    assert run("apply", "-f", write(tmp_path / "p.yaml", policy("nofit", nowhere))).code == 0
    asyncio.run(until(lambda: fleet.status()["phase"] == "Unschedulable"))
    assert fleet.replicas() == {"member2": 1}
    assert run("delete", "deployment", "web", "-n", "nofit").code == 0


def test_spreading_over_regions(plant: Plant, run: Runner, tmp_path: Path) -> None:
    fleet = Fleet(plant, run, "spread")
    constraints = [
        {"spreadByField": "region", "minGroups": 2, "maxGroups": 2},
        {"spreadByField": "cluster", "minGroups": 2, "maxGroups": 2},
    ]
    files = write(
        tmp_path / "all.yaml", policy("spread", {"spreadConstraints": constraints}), workload("spread", 1)
    )
    assert run("apply", "-f", files, "--wait").code == 0
    fleet.becomes(member1=1, member3=1)
    groups = fleet.explained()["plan"]["reasons"][-1]["groups"]
    assert {(group["name"], group["chosen"]) for group in groups} == {("eu", True), ("us", True)}
    shown = run("explain", "deployment/web", "-n", "spread").out
    assert "SPREAD BY" in shown
    assert run("delete", "deployment", "web", "-n", "spread").code == 0


@pytest.mark.usefixtures("nodes")
def test_replicas_follow_the_room_and_are_divided_anew_on_request(
    plant: Plant, run: Runner, tmp_path: Path
) -> None:
    fleet = Fleet(plant, run, "room")
    for member in plant.members:
        kubeconfig, region = str(member.kubeconfig), "us" if member.name == "member3" else "eu"
        # Joining again reads the facts, among them the nodes, at once.
        assert run("cluster", "join", member.name, "--kubeconfig", kubeconfig, "--region", region).code == 0
    files = write(
        tmp_path / "all.yaml",
        policy("room", {"replicaScheduling": BY_ROOM}),
        workload("room", 12, cpu="1"),
    )
    assert run("apply", "-f", files, "--wait", "--timeout", "40").code == 0
    fleet.becomes(member1=2, member2=4, member3=6)
    clusters = fleet.explained()["plan"]["reasons"][-1]["clusters"]
    assert {one["cluster"]: one["capacity"] for one in clusters} == {
        "member1": 4,
        "member2": 8,
        "member3": 12,
    }

    too_many = write(tmp_path / "web.yaml", workload("room", 100, cpu="1"))
    assert run("apply", "-f", too_many).code == 0
    asyncio.run(until(lambda: fleet.status()["phase"] == "Unschedulable"))
    assert "available" in fleet.status()["message"] or "room" in fleet.status()["message"]
    assert fleet.replicas() == {"member1": 2, "member2": 4, "member3": 6}

    # A request to divide anew looks at the room alone: what was placed by hand of another policy moves.
    fixed = policy("room", {"clusterAffinity": {"clusterNames": ["member1"]}, "replicaScheduling": BY_ROOM})
    small = write(tmp_path / "small.yaml", fixed, workload("room", 3, cpu="1"))
    assert run("apply", "-f", small).code == 0
    fleet.becomes(member1=3)
    free = policy("room", {"replicaScheduling": BY_ROOM})
    assert run("apply", "-f", write(tmp_path / "free.yaml", free)).code == 0
    rebalancer = {
        "apiVersion": "apps.karmada.io/v1alpha1",
        "kind": "WorkloadRebalancer",
        "metadata": {"name": "now"},
        "spec": {
            "workloads": [
                {"apiVersion": "apps/v1", "kind": "Deployment", "namespace": "room", "name": "web"},
                {"apiVersion": "apps/v1", "kind": "Deployment", "namespace": "room", "name": "nobody"},
            ]
        },
    }
    done = run("apply", "-f", write(tmp_path / "now.yaml", rebalancer))
    assert done.code == 2
    assert "Deployment room/web is placed anew" in done.out
    assert "nobody is not propagated" in done.error
    fleet.becomes(member1=1, member2=1, member3=1)
    assert fleet.explained()["plan"]["trigger"] == "a new division was asked for"
    assert fleet.status()["reason"] == "Reschedule"
    assert run("reschedule", "deployment", "web", "-n", "room").code == 0
    assert run("delete", "deployment", "web", "-n", "room").code == 0


def test_a_cluster_that_joins_gets_its_share(plant: Plant, run: Runner, tmp_path: Path) -> None:
    everywhere, weighted = Fleet(plant, run, "joined"), Fleet(plant, run, "joined2")
    everyone = {"replicaScheduling": {**DIVIDED, "weightPreference": {}}}
    files = write(
        tmp_path / "all.yaml",
        policy("joined", {}),
        workload("joined", 1),
        policy("joined2", everyone),
        workload("joined2", 6),
    )
    assert run("cluster", "unjoin", "member3", "--timeout", "60").code == 0
    assert run("apply", "-f", files, "--wait").code == 0
    everywhere.becomes(member1=1, member2=1)
    weighted.becomes(member1=3, member2=3)
    kubeconfig = str(plant.members[2].kubeconfig)
    assert run("cluster", "join", "member3", "--kubeconfig", kubeconfig, "--region", "us").code == 0
    everywhere.becomes(member1=1, member2=1, member3=1)
    weighted.becomes(member1=2, member2=2, member3=2)
    history = run("history", "deployment", "web", "-n", "joined2", "-o", "json")
    assert json.loads(history.out)["revisions"][-1]["reason"] == "ClusterChanged"
    for namespace in ("joined", "joined2"):
        assert run("delete", "deployment", "web", "-n", namespace).code == 0


def test_a_list_of_ten_thousand_clusters_is_taken_or_refused_clearly(
    plant: Plant, run: Runner, tmp_path: Path
) -> None:
    fleet = Fleet(plant, run, "long")
    names = [f"cluster-{number:05}" for number in range(10_000)]
    long = policy("long", {"clusterAffinity": {"clusterNames": [*names, "member2"]}})
    files = write(tmp_path / "all.yaml", long, workload("long", 1))
    assert run("apply", "-f", files, "--wait").code == 0
    fleet.becomes(member2=1)
    noise = [secrets.token_hex(31) for _ in range(60_000)]
    huge = policy("long", {"clusterAffinity": {"clusterNames": noise}})
    refused = run("apply", "-f", write(tmp_path / "huge.yaml", huge))
    assert refused.code == 2
    assert "after compression" in refused.error
    # Many that are each small enough are refused when they would not fit together.
    for number in range(4):
        part = policy("long", {"clusterAffinity": {"clusterNames": noise[:20_000]}}, name=f"part-{number}")
        noise = noise[20_000:] or [secrets.token_hex(31) for _ in range(20_000)]
        last = run("apply", "-f", write(tmp_path / "part.yaml", part))
    assert last.code == 2
    assert "spread them over namespaces" in last.error
    assert run("apply", "-f", files, "--wait").code == 0
    assert run("delete", "deployment", "web", "-n", "long").code == 0


def test_a_cluster_that_does_not_serve_the_kind_is_left_out(
    plant: Plant, run: Runner, tmp_path: Path
) -> None:
    crd = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "boats.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "boats", "singular": "boat", "kind": "Boat"},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": {"type": "object"}},
                }
            ],
        },
    }
    first = plant.members[0]
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    assert first.request("POST", path, crd)[0] == 201
    asyncio.run(until(lambda: first.request("GET", "/apis/example.com/v1/boats")[0] == 200))
    kubeconfig = str(first.kubeconfig)
    assert run("cluster", "join", "member1", "--kubeconfig", kubeconfig, "--region", "eu").code == 0
    rule = policy("boats", {})
    rule["spec"]["resourceSelectors"] = [{"apiVersion": "example.com/v1", "kind": "Boat"}]
    boat = {"apiVersion": "example.com/v1", "kind": "Boat", "metadata": {"name": "b", "namespace": "boats"}}
    files = write(tmp_path / "all.yaml", rule, boat)

    def reasons() -> dict[str, str]:
        shown = run("explain", "Boat.example.com", "b", "-n", "boats", "-o", "json")
        clusters = json.loads(shown.out)["plan"]["reasons"][-1]["clusters"] if shown.code == 0 else []
        return {one["cluster"]: one["rejected_by"] for one in clusters}

    def placed() -> bool:
        # What the members serve is looked at anew when they join again, and in between now and then.
        assert run("apply", "-f", files).code == 0
        found = reasons() == {"member1": "", "member2": "APIEnablement", "member3": "APIEnablement"}
        if not found:
            run("delete", "Boat.example.com", "b", "-n", "boats", "--ignore-not-found", "--timeout", "20")
        return found

    asyncio.run(until(placed))
    assert run("delete", "Boat.example.com", "b", "-n", "boats").code == 0
    first.request("DELETE", f"{path}/boats.example.com")
