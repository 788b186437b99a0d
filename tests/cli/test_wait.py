"""What `--wait` waits for, and what it does not wait for."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from argosy.api.names import spellings
from tests.cli.runs import Run, write
from tests.cluster import widget_crd
from tests.plant import Plant, deployment, placing_everything

Runner = Callable[..., Run]


def policy(namespace: str, *clusters: str, kind: str = "Deployment", api: str = "apps/v1") -> dict[str, Any]:
    return {
        "apiVersion": "policy.karmada.io/v1alpha1",
        "kind": "PropagationPolicy",
        "metadata": {"name": "some", "namespace": namespace},
        "spec": {
            "resourceSelectors": [{"apiVersion": api, "kind": kind}],
            "placement": {"clusterAffinity": {"clusterNames": list(clusters)}},
        },
    }


def holding(plant: Plant, namespace: str) -> dict[str, set[str]]:
    return {name: set(found) for name, found in plant.objects("deployments", namespace).items()}


@pytest.fixture
def namespace() -> str:
    return f"wait-{secrets.token_hex(4)}"


def test_a_change_of_policies_alone_is_waited_for(
    plant: Plant, run: Runner, tmp_path: Path, namespace: str
) -> None:
    templates = write(tmp_path / "web.yaml", *(deployment(name, namespace) for name in ("a", "b")))
    first = write(tmp_path / "policy.yaml", policy(namespace, "member1"))
    assert run("apply", "-f", templates).code == 0
    placed = run("apply", "-f", first, "--wait")
    assert placed.code == 0, placed.err
    assert holding(plant, namespace) == {"member1": {"a", "b"}, "member2": set(), "member3": set()}
    moved = run("apply", "-f", write(tmp_path / "policy.yaml", policy(namespace, "member2")), "--wait")
    assert moved.code == 0, moved.err
    assert holding(plant, namespace) == {"member1": set(), "member2": {"a", "b"}, "member3": set()}
    assert "member2" in moved.out
    _, override = placing_everything(namespace)
    override["spec"]["overrideRules"][0]["targetCluster"]["clusterNames"] = ["member2"]
    changed = run("apply", "-f", write(tmp_path / "override.yaml", override), "--wait")
    assert changed.code == 0, changed.err
    images = {
        one["spec"]["template"]["spec"]["containers"][0]["image"]
        for one in plant.objects("deployments", namespace)["member2"].values()
    }
    assert images == {"us.example.com/nginx:1"}
    assert run("delete", "-f", templates).code == 0


def test_a_policy_that_concerns_nobody_is_said(run: Runner, tmp_path: Path, namespace: str) -> None:
    done = run("apply", "-f", write(tmp_path / "policy.yaml", policy(namespace, "member1")), "--wait")
    assert (done.code, done.err) == (0, "")
    assert "no template is placed or applied otherwise" in done.out


def test_where_no_policy_matches_it_is_said_at_once(run: Runner, tmp_path: Path, namespace: str) -> None:
    known = run(
        "apply",
        "-f",
        write(tmp_path / "policy.yaml", policy(namespace, "member1", kind="StatefulSet")),
        "-f",
        write(tmp_path / "web.yaml", deployment("a", namespace), deployment("b", namespace)),
        "--wait",
        "--timeout",
        "600",
    )
    assert known.code == 1
    assert f"no policy matches Deployment {namespace}/a, Deployment {namespace}/b; apply one" in known.error
    # One that arrives is found by those who wait, and by whoever waits for them.
    found = run(
        "apply",
        "-f",
        write(tmp_path / "policy.yaml", policy(namespace, "member1")),
        "-f",
        str(tmp_path / "web.yaml"),
        "--wait",
    )
    assert found.code == 0, found.err
    assert run("delete", "-f", str(tmp_path / "web.yaml")).code == 0


def test_what_follows_a_workload_needs_no_policy(
    plant: Plant, run: Runner, tmp_path: Path, namespace: str
) -> None:
    following = policy(namespace, "member3")
    following["spec"]["propagateDeps"] = True
    web = deployment("web", namespace)
    web["spec"]["template"]["spec"]["containers"][0]["envFrom"] = [{"configMapRef": {"name": "web"}}]
    settings = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "web", "namespace": namespace},
        "data": {"a": "b"},
    }
    files = write(tmp_path / "all.yaml", settings, following, web)
    done = run("apply", "-f", files, "--wait")
    assert done.code == 0, done.err
    assert "web" in plant.objects("configmaps", namespace, api="api/v1")["member3"]
    assert run("delete", "-f", files).code == 0


def test_a_definition_and_what_it_defines_arrive_in_one_go(
    run: Runner, tmp_path: Path, namespace: str
) -> None:
    group = f"{namespace}.example.com"
    definition = widget_crd(group)
    everywhere = {
        "apiVersion": "policy.karmada.io/v1alpha1",
        "kind": "ClusterPropagationPolicy",
        "metadata": {"name": namespace},
        "spec": {
            "resourceSelectors": [
                {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
            ],
            "placement": {"clusterAffinity": {"clusterNames": ["member1"]}},
        },
    }
    widgets = [
        {
            "apiVersion": f"{group}/v1",
            "kind": "Widget",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"size": 1},
        }
        for name in ("small", "large")
    ]
    placing = policy(namespace, "member1", kind="Widget", api=f"{group}/v1")
    files = write(tmp_path / "all.yaml", *widgets, definition, everywhere, placing)
    done = run("apply", "-f", files, "--wait", "--timeout", "90")
    assert done.code == 0, done.out + done.err
    for word in ("widget", "widgets", f"widget.{group}", "Widget"):
        shown = run("status", f"{word}/small", "-n", namespace)
        assert (shown.code, "Applied" in shown.out) == (0, True), word
    assert run("status", "wodget/small", "-n", namespace).code == 2
    near = run("status", "deplyoment/small", "-n", namespace)
    assert "write deployment, or a custom one" in near.error
    assert run("delete", "-f", files, "--timeout", "90").code == 0


def test_the_guard_that_is_told_of_is_the_worker_s(plant: Plant, run: Runner) -> None:
    """The command line has a setting of its own, which does not count."""
    page = run("cluster", "get", "member1", "-o", "json", ARGOSY_FLEET_GUARD="0.01")
    assert '"fleet_guard": 0.5' in page.out
    assert plant.settings.fleet_guard == 0.5


@pytest.mark.parametrize(
    ("kind", "plural"),
    [("Widget", "widgets"), ("Proxy", "proxies"), ("Gateway", "gateways"), ("Mesh", "meshes")],
)
def test_a_custom_kind_has_the_plural_that_definitions_give_it(kind: str, plural: str) -> None:
    assert spellings(kind) == (kind.lower(), plural)
