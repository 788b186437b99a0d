"""Members whose workloads run: running applications are promoted, and copies whose fields cannot be changed are
replaced.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from devcluster.member import Member
from tests.cli.runs import Run, until, write
from tests.plant import deployment

pytestmark = pytest.mark.timeout(300)

Runner = Callable[..., Run]


def get(member: Member, path: str) -> Any:
    status, body = member.request("GET", path)
    return json.loads(body) if status == 200 else None


def pods(member: Member, namespace: str) -> set[str]:
    found = get(member, f"/api/v1/namespaces/{namespace}/pods")["items"]
    return {one["metadata"]["uid"] for one in found if not one["metadata"].get("deletionTimestamp")}


def only_there(namespace: str, *kinds: tuple[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": "policy.karmada.io/v1alpha1",
        "kind": "PropagationPolicy",
        "metadata": {"name": "there", "namespace": namespace},
        "spec": {
            "resourceSelectors": [{"apiVersion": version, "kind": kind} for version, kind in kinds],
            "placement": {"clusterAffinity": {"clusterNames": ["full"]}},
        },
    }


def test_a_running_application_is_promoted_without_a_restart(
    run: Runner, joined: Member, namespace: str, tmp_path: Path
) -> None:
    url = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    template = deployment("web", namespace)
    container = template["spec"]["template"]["spec"]["containers"][0]
    container["envFrom"] = [{"configMapRef": {"name": "settings"}}]
    settings = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "settings", "namespace": namespace},
        "data": {"a": "1"},
    }
    maps = f"/api/v1/namespaces/{namespace}/configmaps"
    assert joined.request("POST", f"{maps}?fieldManager=kubectl-create", settings)[0] == 201
    assert joined.request("POST", f"{url}?fieldManager=kubectl-client-side-apply", template)[0] == 201
    asyncio.run(until(lambda: (get(joined, f"{url}/web")["status"].get("availableReplicas") or 0) == 2))
    before, running = get(joined, f"{url}/web"), pods(joined, namespace)

    tried = run("promote", "deployment", "web", "-n", namespace, "-C", "full", "--dry-run")
    assert tried.code == 0, tried.err
    assert "kind: PropagationPolicy" in tried.out
    assert "argosy.dev/managed" not in get(joined, f"{url}/web")["metadata"]["labels"]

    done = run("promote", "deployment", "web", "-n", namespace, "-C", "full", "--with-dependencies")
    assert done.code == 0, done.out + done.err
    assert f"Deployment {namespace}/web of full is promoted, placed by promoted-deployment-web" in done.out
    after = get(joined, f"{url}/web")
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["spec"] == before["spec"]
    assert after["metadata"]["labels"]["argosy.dev/managed"] == "true"
    assert pods(joined, namespace) == running
    assert get(joined, f"{maps}/settings")["metadata"]["labels"]["argosy.dev/managed"] == "true"

    # From now on it is edited like any template: a variable that the template leaves out goes.
    del container["envFrom"]
    edited = run("apply", "-f", write(tmp_path / "web.yaml", template), "--wait")
    assert edited.code == 0, edited.err
    live = get(joined, f"{url}/web")["spec"]["template"]["spec"]["containers"][0]
    assert "envFrom" not in live
    again = run("promote", "deployment", "web", "-n", namespace, "-C", "full")
    assert again.code == 4
    assert "is a copy already" in again.error


def test_replicas_that_an_autoscaler_sets_stay_its_own(run: Runner, joined: Member, namespace: str) -> None:
    url = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    scaler = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "maxReplicas": 9,
        },
    }
    assert joined.request("POST", url, deployment("web", namespace))[0] == 201
    scalers = f"/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers"
    assert joined.request("POST", scalers, scaler)[0] == 201
    assert run("promote", "deployment", "web", "-n", namespace, "-C", "full").code == 0
    scale = {"spec": {"replicas": 6}}
    content = "application/merge-patch+json"
    assert joined.request("PATCH", f"{url}/web/scale", scale, content=content)[0] == 200

    def seen() -> Any:
        shown = run("status", "deployment", "web", "-n", namespace, "-o", "json")
        return json.loads(shown.out)["clusters"]["full"]

    asyncio.run(until(lambda: seen()["seen"]["assessment"]["ready"] == 6))
    assert get(joined, f"{url}/web")["spec"]["replicas"] == 6
    assert seen()["drifts"] == 0


def test_what_cannot_be_promoted_is_said(run: Runner, joined: Member, namespace: str) -> None:
    url = f"/apis/apps/v1/namespaces/{namespace}"
    assert joined.request("POST", f"{url}/deployments", deployment("web", namespace))[0] == 201
    asyncio.run(until(lambda: bool(get(joined, f"{url}/replicasets")["items"])))
    name = get(joined, f"{url}/replicasets")["items"][0]["metadata"]["name"]
    made = run("promote", "replicaset", name, "-n", namespace, "-C", "full")
    assert made.code == 4
    assert "was made by Deployment web; promote that instead" in made.error
    absent = run("promote", "deployment", "nothing", "-n", namespace, "-C", "full")
    assert absent.code == 2


def test_a_copy_whose_field_cannot_change_is_replaced_only_with_leave(
    run: Runner, joined: Member, namespace: str, tmp_path: Path
) -> None:
    url = f"/apis/apps/v1/namespaces/{namespace}/deployments/web"
    template = deployment("web", namespace)
    policy = only_there(namespace, ("apps/v1", "Deployment"))
    assert run("apply", "-f", write(tmp_path / "a.yaml", policy, template), "--wait").code == 0
    before = get(joined, url)["metadata"]["uid"]
    template["spec"]["selector"] = {"matchLabels": {"app": "web", "tier": "new"}}
    template["spec"]["template"]["metadata"]["labels"]["tier"] = "new"
    refused = run("apply", "-f", write(tmp_path / "b.yaml", template), "--wait")
    assert refused.code == 1
    status = json.loads(run("status", "deployment", "web", "-n", namespace, "-o", "json").out)
    assert status["clusters"]["full"]["category"] == "Immutable"
    assert "argosy.dev/replace" in status["clusters"]["full"]["message"]
    template["metadata"]["annotations"] = {"argosy.dev/replace": "true"}
    replaced = run("apply", "-f", write(tmp_path / "c.yaml", template), "--wait", "--timeout", "90")
    assert replaced.code == 0, replaced.out + replaced.err
    after = get(joined, url)
    assert after["metadata"]["uid"] != before
    assert after["spec"]["selector"]["matchLabels"]["tier"] == "new"
