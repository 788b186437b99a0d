"""Members whose workloads run: every common kind becomes well, running applications are promoted, and copies whose
fields cannot be changed are replaced.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from devcluster.member import Member
from tests.cli.runs import Run, until, write
from tests.plant import Plant, deployment, join

pytestmark = pytest.mark.timeout(300)

Runner = Callable[..., Run]


@pytest.fixture(scope="module")
def joined(plant: Plant, full_member: Member) -> Member:
    """The running member, joined for as long as this module's tests take."""
    asyncio.run(_join(plant, full_member))
    return full_member


async def _join(plant: Plant, member: Member) -> None:
    await join(await plant.session(), member)


@pytest.fixture
def namespace(joined: Member) -> str:
    name = f"running-{secrets.token_hex(4)}"
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    assert joined.request("POST", "/api/v1/namespaces", body)[0] == 201
    return name


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


def everything(namespace: str) -> list[dict[str, Any]]:
    """One object of each common kind, under the name `app`."""
    pod: dict[str, Any] = {
        "metadata": {"labels": {"app": "app"}},
        "spec": {
            "containers": [{"name": "c", "image": "nginx:1", "resources": {"requests": {"cpu": "10m"}}}]
        },
    }
    job = {"metadata": pod["metadata"], "spec": {**pod["spec"], "restartPolicy": "Never"}}
    selector = {"matchLabels": {"app": "app"}}
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "app"}
    backend = {"service": {"name": "app", "port": {"number": 80}}}
    specs: list[tuple[str, str, dict[str, Any]]] = [
        ("apps/v1", "Deployment", {"replicas": 2, "selector": selector, "template": pod}),
        (
            "apps/v1",
            "StatefulSet",
            {"replicas": 2, "serviceName": "app", "selector": selector, "template": pod},
        ),
        ("apps/v1", "DaemonSet", {"selector": selector, "template": pod}),
        ("batch/v1", "Job", {"completions": 2, "template": job}),
        ("batch/v1", "CronJob", {"schedule": "0 3 1 1 *", "jobTemplate": {"spec": {"template": job}}}),
        ("v1", "Service", {"selector": {"app": "app"}, "ports": [{"port": 80}]}),
        ("networking.k8s.io/v1", "Ingress", {"defaultBackend": backend}),
        ("policy/v1", "PodDisruptionBudget", {"minAvailable": 1, "selector": selector}),
        ("autoscaling/v2", "HorizontalPodAutoscaler", {"scaleTargetRef": target, "maxReplicas": 3}),
        (
            "v1",
            "PersistentVolumeClaim",
            {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
        ),
    ]
    return [
        {"apiVersion": v, "kind": kind, "metadata": {"name": "app", "namespace": namespace}, "spec": spec}
        for v, kind, spec in specs
    ]


# What a cluster without a load balancer, metrics and a provisioner can come to.
SETTLED = {
    "Deployment": "Healthy",
    "StatefulSet": "Healthy",
    "DaemonSet": "Healthy",
    "Job": "Healthy",
    "CronJob": "Healthy",
    "Service": "Healthy",
    "Ingress": "Progressing",
    "PodDisruptionBudget": "Healthy",
    "HorizontalPodAutoscaler": "Degraded",
    "PersistentVolumeClaim": "Progressing",
}


def test_every_common_kind_arrives_runs_and_goes(
    run: Runner, joined: Member, namespace: str, tmp_path: Path
) -> None:
    objects = everything(namespace)
    policy = only_there(namespace, *((one["apiVersion"], one["kind"]) for one in objects))
    files = write(tmp_path / "all.yaml", policy, *objects)
    applied = run("apply", "-f", files, "--wait")
    assert applied.code == 0, applied.out + applied.err

    def healths() -> dict[str, str]:
        listed = json.loads(run("get", "propagations", "-n", namespace, "-o", "json").out)
        items = listed["items"] if isinstance(listed, dict) else listed
        own = [one for one in items if one["ref"]["namespace"] == namespace]
        return {one["ref"]["kind"]: one["health"]["health"] for one in own if one["health"]}

    try:
        asyncio.run(until(lambda: healths() == SETTLED))
    except TimeoutError:
        raise AssertionError(f"{healths()}") from None
    shown = json.loads(run("status", "deployment", "app", "-n", namespace, "-o", "json").out)
    assert (shown["health"]["ready"], shown["health"]["desired"]) == (2, 2)
    gone = run("delete", "-f", files, "--timeout", "90")
    assert gone.code == 0, gone.err
    # Searched by the label, over all kinds: nothing of Argosy's is left behind.
    for kind in ("deployments", "statefulsets", "daemonsets"):
        found = get(joined, f"/apis/apps/v1/namespaces/{namespace}/{kind}?labelSelector=argosy.dev/managed")
        assert found["items"] == []


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
