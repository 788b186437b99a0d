"""A rule that cannot be applied concerns one cluster: the others get theirs, and what runs there stays as it was."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.runs import Run, until, write
from tests.plant import Plant

pytestmark = pytest.mark.timeout(200)


def settings(namespace: str, value: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "settings", "namespace": namespace},
        "data": {"value": value, "config.yaml": "port: 80\n"},
    }


def policies(namespace: str, path: str) -> list[dict[str, Any]]:
    base = {"apiVersion": "policy.karmada.io/v1alpha1"}
    patch = {"subPath": path, "operator": "replace", "value": 8080}
    rule = {
        "targetCluster": {"clusterNames": ["member3"]},
        "overriders": {"fieldOverrider": [{"fieldPath": "/data/config.yaml", "yaml": [patch]}]},
    }
    return [
        {
            **base,
            "kind": "PropagationPolicy",
            "metadata": {"name": "everywhere", "namespace": namespace},
            "spec": {"resourceSelectors": [{"apiVersion": "v1", "kind": "ConfigMap"}]},
        },
        {
            **base,
            "kind": "OverridePolicy",
            "metadata": {"name": "ports", "namespace": namespace},
            "spec": {"overrideRules": [rule]},
        },
    ]


async def test_a_rule_that_does_not_apply_fails_its_cluster_alone_until_it_is_mended(
    plant: Plant, run: Callable[..., Run], tmp_path: Path
) -> None:
    namespace = f"overrides-{secrets.token_hex(4)}"

    def apply(value: str, path: str) -> Run:
        files = write(tmp_path / "all.yaml", settings(namespace, value), *policies(namespace, path))
        return run("apply", "-f", files, "--wait")

    def data(part: str) -> dict[str, str]:
        found = plant.objects("configmaps", namespace, api="api/v1")
        return {member: items["settings"]["data"][part] for member, items in found.items()}

    assert apply("first", "/port").code == 0
    assert data("config.yaml") == {
        "member1": "port: 80\n",
        "member2": "port: 80\n",
        "member3": "port: 8080\n",
    }

    assert apply("second", "/ports/0").code == 1
    assert data("value") == {"member1": "second", "member2": "second", "member3": "first"}
    shown = json.loads(run("status", "configmap", "settings", "-n", namespace, "-o", "json").out)
    failed = shown["clusters"]["member3"]
    assert (failed["phase"], failed["category"]) == ("Failed", "OverrideError")
    assert failed["message"].startswith("OverridePolicy ports, rule 1: replace /ports/0 does not apply")
    assert {shown["clusters"][name]["phase"] for name in ("member1", "member2")} == {"Applied"}

    mended = write(tmp_path / "mended.yaml", *policies(namespace, "/port"))
    assert run("apply", "-f", mended).code == 0
    await until(lambda: data("value") == dict.fromkeys(("member1", "member2", "member3"), "second"))
    assert data("config.yaml")["member3"] == "port: 8080\n"
