"""`argosy render`: what each cluster would get, offline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from tests.cli.runs import ROOT, argosy, write

EXAMPLE = ROOT / "examples" / "scheduling"
CLUSTERS = ("--clusters", str(EXAMPLE / "clusters.yaml"))
FILES = ("-f", str(EXAMPLE / "web.yaml"), "-f", str(EXAMPLE / "overrides.yaml"))


def override(**overriders: Any) -> dict[str, Any]:
    return {
        "apiVersion": "policy.karmada.io/v1alpha1",
        "kind": "OverridePolicy",
        "metadata": {"name": "o", "namespace": "default"},
        "spec": {"overrideRules": [{"targetCluster": {"clusterNames": ["paris"]}, "overriders": overriders}]},
    }


def test_each_cluster_gets_its_share_and_its_overrides() -> None:
    run = argosy("render", *FILES, *CLUSTERS)
    assert run.code == 0, run.err
    manifests = {
        text.splitlines()[1].rpartition(" for ")[2]: yaml.safe_load(text)
        for text in run.out.split("\n---\n")
        for text in ["---\n" + text.removeprefix("---\n")]
    }
    assert {name: one["spec"]["replicas"] for name, one in manifests.items()} == {"berlin": 7, "paris": 4}
    pods = {name: one["spec"]["template"]["spec"]["containers"][0] for name, one in manifests.items()}
    assert {one["image"] for one in pods.values()} == {"registry.eu.example.com/example/web:1.0"}
    assert pods["paris"]["env"] == [{"name": "THREADS", "value": "2"}]


def test_a_difference_names_the_rule_and_both_values() -> None:
    run = argosy("render", *FILES, *CLUSTERS, "--diff")
    assert run.code == 0, run.err
    assert "  OverridePolicy per-region (rule 2)\n    /metadata/labels/tier: (absent) → small" in run.out
    assert "/spec/replicas: 11 → 7" in run.out


def test_without_a_policy_every_cluster_is_rendered_and_secrets_are_masked(tmp_path: Path) -> None:
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s", "namespace": "default"},
        "data": {"key": "c2VjcmV0"},
    }
    files = write(
        tmp_path / "s.yaml",
        secret,
        override(plaintext=[{"path": "/data/key", "operator": "replace", "value": "b3RoZXI="}]),
    )
    run = argosy("render", "-f", files, *CLUSTERS, "-o", "json")
    assert run.code == 0, run.err
    found = {one["cluster"]: one for one in json.loads(run.out)}
    assert set(found) == {"berlin", "paris", "oregon"}
    assert found["paris"]["changes"] == [
        {"rule": "OverridePolicy o (rule 1)", "path": "/data/key", "before": "***", "after": "***"}
    ]
    assert "c2VjcmV0" not in run.out
    assert "b3RoZXI=" not in run.out


def test_an_override_that_does_not_apply_is_an_error_of_that_cluster_alone(tmp_path: Path) -> None:
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "default"}}
    wrong = override(plaintext=[{"path": "/data/key", "operator": "remove"}])
    run = argosy("render", "-f", write(tmp_path / "c.yaml", config, wrong), *CLUSTERS, "--diff")
    assert run.code == 1
    assert (
        "ConfigMap default/c for paris: OverridePolicy o, rule 1: remove /data/key does not apply" in run.err
    )
    assert "ConfigMap default/c for oregon\n  as in the template" in run.out
