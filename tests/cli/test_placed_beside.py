"""Placement that looks at other templates: what waits, what goes first, and what belongs together."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.cli.placing import Fleet, Runner, policy, workload
from tests.cli.runs import until, write
from tests.plant import Plant, deployment

pytestmark = pytest.mark.timeout(200)


def test_policies_that_wait_and_that_preempt(plant: Plant, run: Runner, tmp_path: Path) -> None:
    fleet = Fleet(plant, run, "rules")
    first = {"clusterAffinity": {"clusterNames": ["member1"]}}
    dependent = policy("rules", first, dependentOverrides=["needed"])
    files = write(tmp_path / "all.yaml", dependent, workload("rules", 1))
    assert run("apply", "-f", files).code == 0
    asyncio.run(until(lambda: "needed" in fleet.status()["message"]))
    assert fleet.status()["phase"] == "Waiting"
    override = {
        "apiVersion": "policy.karmada.io/v1alpha1",
        "kind": "OverridePolicy",
        "metadata": {"name": "needed", "namespace": "rules"},
        "spec": {
            "overrideRules": [{"overriders": {"labelsOverrider": [{"operator": "add", "value": {"a": "b"}}]}}]
        },
    }
    assert run("apply", "-f", write(tmp_path / "override.yaml", override)).code == 0
    fleet.becomes(member1=1)

    second = {"clusterAffinity": {"clusterNames": ["member2"]}}
    taker = policy("rules", second, name="taker", preemption="Always", priority=5)
    taker["spec"]["resourceSelectors"][0]["name"] = "web"
    assert run("apply", "-f", write(tmp_path / "taker.yaml", taker)).code == 0
    fleet.becomes(member2=1)
    assert fleet.status()["policy"]["name"] == "taker"

    lazy = policy("rules", {"clusterAffinity": {"clusterNames": ["member3"]}}, name="taker", priority=5)
    lazy["spec"] |= {"activationPreference": "Lazy"}
    assert run("apply", "-f", write(tmp_path / "lazy.yaml", lazy)).code == 0
    changed = workload("rules", 2)
    assert run("apply", "-f", write(tmp_path / "changed.yaml", changed)).code == 0
    fleet.becomes(member3=2)
    again = policy("rules", first, name="taker", priority=5)
    again["spec"] |= {"activationPreference": "Lazy"}
    assert run("apply", "-f", write(tmp_path / "again.yaml", again)).code == 0
    asyncio.run(asyncio.sleep(4))
    assert fleet.replicas() == {"member3": 2}
    assert run("apply", "-f", write(tmp_path / "changed.yaml", workload("rules", 3))).code == 0
    fleet.becomes(member1=3)
    assert run("delete", "deployment", "web", "-n", "rules").code == 0


def test_what_a_workload_needs_follows_it(plant: Plant, run: Runner, tmp_path: Path) -> None:
    web = workload("needs", 1)
    web["spec"]["template"]["spec"]["containers"][0]["envFrom"] = [{"configMapRef": {"name": "settings"}}]
    rule = policy("needs", {"clusterAffinity": {"clusterNames": ["member1"]}}, propagateDeps=True)
    assert run("apply", "-f", write(tmp_path / "all.yaml", rule, web), "--wait").code == 0
    waiting = run("get", "propagations", "-n", "needs").out
    assert "ConfigMap" in waiting
    assert "Waiting" in waiting

    settings = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "settings", "namespace": "needs"},
        "data": {"a": "b"},
    }
    done = run("apply", "-f", write(tmp_path / "settings.yaml", settings), "--wait")
    assert done.code == 0, done.out
    assert "settings created (revision 1)" in done.out

    def holders() -> list[str]:
        found = plant.objects("configmaps", "needs", api="api/v1")
        return [name for name, items in found.items() if "settings" in items]

    assert holders() == ["member1"]
    assert "Deployment.apps/web" in run("explain", "configmap", "settings", "-n", "needs").out
    moved = policy("needs", {"clusterAffinity": {"clusterNames": ["member3"]}}, propagateDeps=True)
    assert run("apply", "-f", write(tmp_path / "moved.yaml", moved)).code == 0
    asyncio.run(until(lambda: holders() == ["member3"]))
    assert run("delete", "deployment", "web", "-n", "needs").code == 0
    asyncio.run(until(lambda: holders() == []))
    assert run("delete", "configmap", "settings", "-n", "needs").code == 0


def test_workloads_keep_together_and_apart(plant: Plant, run: Runner, tmp_path: Path) -> None:
    def labelled(name: str, **labels: str) -> dict[str, Any]:
        made = deployment(name, "apart")
        made["metadata"]["labels"] = labels
        return made

    one = [{"spreadByField": "cluster", "minGroups": 1, "maxGroups": 1}]
    together = {"affinity": {"groupByLabelKey": "team"}}
    apart = {"antiAffinity": {"groupByLabelKey": "alone"}}
    rules = [
        policy("apart", {"spreadConstraints": one, "workloadAffinity": affinity}, name=name)
        for name, affinity in (("together", together), ("apart", apart))
    ]
    for rule, label in zip(rules, ("team", "alone"), strict=True):
        rule["spec"]["resourceSelectors"][0]["labelSelector"] = {
            "matchExpressions": [{"key": label, "operator": "Exists"}]
        }
    # All at once: those that must not meet are decided upon within moments of each other.
    webs = [labelled(f"web-{number}", alone="web") for number in range(3)]
    assert run("apply", "-f", write(tmp_path / "all.yaml", *rules, *webs), "--wait").code == 0

    def where(name: str) -> list[str]:
        return [member for member, items in plant.objects("deployments", "apart").items() if name in items]

    assert sorted(where(web["metadata"]["name"])[0] for web in webs) == ["member1", "member2", "member3"]
    crowded = run("apply", "-f", write(tmp_path / "more.yaml", labelled("web-3", alone="web")), "--wait")
    assert crowded.code == 1
    assert "anti-affinity" in crowded.out

    assert run("cluster", "label", "member2", "home=yes").code == 0
    home = policy(
        "apart", {"clusterAffinity": {"labelSelector": {"matchLabels": {"home": "yes"}}}}, name="home"
    )
    home["spec"]["placement"] |= {"workloadAffinity": together}
    home["spec"]["resourceSelectors"][0]["name"] = "first"
    first, second = labelled("first", team="a"), labelled("second", team="a")
    asyncio.run(asyncio.sleep(2))
    assert run("apply", "-f", write(tmp_path / "first.yaml", home, first), "--wait").code == 0
    assert run("apply", "-f", write(tmp_path / "second.yaml", second), "--wait").code == 0
    assert where("first") == where("second") == ["member2"]
    assert run("cluster", "label", "member2", "home-").code == 0
    for name in ("first", "second", *(f"web-{number}" for number in range(4))):
        assert run("delete", "deployment", name, "-n", "apart").code == 0


def test_a_priority_class_has_to_be_there_and_is_on_record(plant: Plant, run: Runner, tmp_path: Path) -> None:
    fleet = Fleet(plant, run, "first")
    wish = {"priorityClassSource": "KubePriorityClass", "priorityClassName": "gold"}
    rule = policy("first", {"clusterAffinity": {"clusterNames": ["member1"]}}, schedulePriority=wish)
    files = write(tmp_path / "all.yaml", rule, workload("first", 1))
    assert run("apply", "-f", files).code == 0
    asyncio.run(until(lambda: fleet.status()["phase"] == "Waiting"))
    assert "waiting for PriorityClass gold" in fleet.status()["message"]
    gold = {
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": {"name": "gold"},
        "value": 1000,
    }
    assert run("apply", "-f", write(tmp_path / "gold.yaml", gold)).code == 0
    assert run("reschedule", "deployment", "web", "-n", "first").code == 0
    fleet.becomes(member1=1)
    assert fleet.explained()["plan"]["priority"] == 1000
    assert run("delete", "deployment", "web", "-n", "first").code == 0
    assert run("delete", "priorityclass", "gold").code == 0
