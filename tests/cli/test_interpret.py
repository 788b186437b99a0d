"""What objects mean: asked offline, and acted upon by a whole installation."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.runs import ROOT, Run, argosy, until, write
from tests.plant import Plant

Runner = Callable[..., Run]
EXAMPLE = ROOT / "examples" / "interpreter"
CRAWLER = str(EXAMPLE / "crawler.yaml")
DRAFT = ("--customization", str(EXAMPLE / "customization.yaml"))


def asked(*words: str, code: int = 0) -> Any:
    run = argosy("interpret", *words, "-o", "json")
    assert run.code == code, run.err
    return json.loads(run.out)


def test_a_kind_is_explained_by_argosys_own_rules(tmp_path: Path) -> None:
    pod = {"containers": [{"name": "web", "image": "nginx", "envFrom": [{"secretRef": {"name": "keys"}}]}]}
    web = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "generation": 1},
        "spec": {"replicas": 3, "template": {"spec": pod}},
        "status": {"observedGeneration": 1, "updatedReplicas": 3, "availableReplicas": 2},
    }
    found = {one["operation"]: one for one in asked("-f", write(tmp_path / "web.yaml", web))}
    assert found["InterpretReplica"]["answer"]["replicas"] == 3
    assert found["InterpretHealth"]["answer"]["message"] == "2 of 3 replicas are available"
    assert [one["name"] for one in found["InterpretDependency"]["answer"]] == ["keys"]
    assert {one["by"] for one in found.values()} == {"argosy", None}


def test_a_draft_is_tried_without_a_server() -> None:
    found = {one["operation"]: one for one in asked("-f", CRAWLER, *DRAFT)}
    assert found["InterpretReplica"]["by"] == "customization"
    assert found["InterpretReplica"]["answer"]["replicas"] == 4
    assert [one["name"] for one in found["InterpretDependency"]["answer"]] == ["news-seeds"]
    revised = asked("-f", CRAWLER, *DRAFT, "--operation", "ReviseReplica", "--replicas", "7")
    assert revised["answer"]["spec"]["workers"] == 7
    reports = str(EXAMPLE / "reports.yaml")
    summed = asked("-f", CRAWLER, *DRAFT, "--operation", "AggregateStatus", "--items", reports)
    assert summed["answer"] == {"busy": 3, "failed": 1}


def test_what_nobody_defines_and_what_is_missing_is_said(tmp_path: Path) -> None:
    assert asked("-f", CRAWLER, "--operation", "InterpretReplica", code=1)["by"] is None
    missing = argosy("interpret", "-f", CRAWLER, *DRAFT, "--operation", "ReviseReplica")
    assert missing.code == 2
    assert missing.error == "ReviseReplica needs a number; give --replicas"
    broken = yaml.safe_load((EXAMPLE / "customization.yaml").read_text())
    broken["spec"]["customizations"]["replicaResource"]["luaScript"] = "function GetReplicas(obj) return"
    refused = argosy("interpret", "-f", CRAWLER, "--customization", write(tmp_path / "broken.yaml", broken))
    assert refused.code == 2
    assert "spec.customizations.replicaResource.luaScript does not load" in refused.error
    broken["spec"]["customizations"]["replicaResource"]["luaScript"] = (
        "function GetReplicas(obj) error('no') end"
    )
    failed = argosy(
        *("interpret", "-f", CRAWLER, "--operation", "InterpretReplica"),
        *("--customization", write(tmp_path / "failing.yaml", broken)),
    )
    assert failed.code == 1
    assert "failed: crawlers, replicaResource:" in failed.out


@pytest.mark.timeout(200)
def test_a_customized_kind_is_divided_and_what_it_needs_follows(
    plant: Plant, run: Runner, tmp_path: Path
) -> None:
    namespace = f"crawl-{secrets.token_hex(4)}"
    files = []
    for name in ("crd", "customization", "crawler", "propagation"):
        text = (EXAMPLE / f"{name}.yaml").read_text().replace("namespace: default", f"namespace: {namespace}")
        (tmp_path / f"{name}.yaml").write_text(text)
        files += ["-f", str(tmp_path / f"{name}.yaml")]
    applied = run("apply", *files, "--wait")
    assert applied.code == 0, applied.out + applied.err

    def workers() -> dict[str, int]:
        found = plant.objects("crawlers", namespace, api="apis/example.com/v1")
        return {name: items["news"]["spec"]["workers"] for name, items in found.items() if "news" in items}

    assert sorted(workers().values()) == [1, 1, 2]
    seeds = plant.objects("configmaps", namespace, api="api/v1")
    assert all("news-seeds" in items for items in seeds.values())
    listed = run("get", "interpreters")
    assert "Crawler (example.com/v1)" in listed.out
    shown = run("status", "Crawler", "news", "-n", namespace, "-o", "json")
    assert json.loads(shown.out)["health"]["health"] in {"Degraded", "Progressing"}
    # Whoever lists the live objects is told the same.
    live = json.loads(run("get", "crawlers", "-n", namespace, "-C", "*", "-o", "json").out)
    known = json.loads(shown.out)["clusters"]
    assert {one["cluster"]: one["health"] for one in live} == {
        name: target["seen"]["assessment"]["health"] for name, target in known.items()
    }

    # A changed customization concerns the templates of its kind: a crawler is now twice as large as it says.
    changed = yaml.safe_load((EXAMPLE / "customization.yaml").read_text())
    scripts = changed["spec"]["customizations"]
    scripts["replicaResource"]["luaScript"] = "function GetReplicas(obj) return obj.spec.workers * 2 end"
    assert run("apply", "-f", write(tmp_path / "changed.yaml", changed)).code == 0
    asyncio.run(until(lambda: sum(workers().values()) == 8))
    run("delete", "-f", str(tmp_path / "crawler.yaml"), "-n", namespace)
    assert run("delete", "-f", str(tmp_path / "customization.yaml")).code == 0
    assert run("delete", "-f", str(tmp_path / "propagation.yaml")).code == 0


KEEPING = """
function Retain(desired, observed)
  desired.data = desired.data or {}
  desired.data.member = observed.data.member
  return desired
end
"""


@pytest.mark.timeout(200)
def test_what_a_rule_retains_stays_the_members(plant: Plant, run: Runner, tmp_path: Path) -> None:
    namespace = f"retain-{secrets.token_hex(4)}"
    rule = {
        "apiVersion": "config.karmada.io/v1alpha1",
        "kind": "ResourceInterpreterCustomization",
        "metadata": {"name": namespace},
        "spec": {
            "target": {"apiVersion": "v1", "kind": "ConfigMap"},
            "customizations": {"retention": {"luaScript": KEEPING}},
        },
    }
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "c", "namespace": namespace},
        "data": {"member": "template", "version": "1"},
    }
    policy = {
        "apiVersion": "policy.karmada.io/v1alpha1",
        "kind": "PropagationPolicy",
        "metadata": {"name": "p", "namespace": namespace},
        "spec": {"resourceSelectors": [{"apiVersion": "v1", "kind": "ConfigMap"}]},
    }
    applied = run("apply", "-f", write(tmp_path / "a.yaml", rule, config, policy), "--wait")
    assert applied.code == 0, applied.err
    try:
        member = plant.members[0]
        url = f"/api/v1/namespaces/{namespace}/configmaps/c"
        patch = {"data": {"member": "own"}}
        assert member.request("PATCH", url, patch, content="application/merge-patch+json")[0] == 200
        config["data"] = {"member": "template", "version": "2"}
        assert run("apply", "-f", write(tmp_path / "b.yaml", config), "--wait").code == 0
        found = plant.objects("configmaps", namespace, api="api/v1")
        assert found["member1"]["c"]["data"] == {"member": "own", "version": "2"}
        assert found["member2"]["c"]["data"] == {"member": "template", "version": "2"}
    finally:
        run("delete", "-f", str(tmp_path / "a.yaml"))
