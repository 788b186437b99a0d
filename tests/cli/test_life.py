"""A user's day on real clusters: each command, its output, and its exit code."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.cli.runs import Run, until, write
from tests.plant import Plant, deployment, image_of, placing_everything

pytestmark = pytest.mark.timeout(200)


def test_apply_status_edit_history_and_delete(plant: Plant, run: Callable[..., Run], tmp_path: Path) -> None:
    files = write(tmp_path / "all.yaml", *placing_everything("life"), deployment("web", "life"))
    done = run("apply", "-f", files, "--wait")
    assert done.code == 0, done.err
    assert "Deployment life/web created (revision 1)" in done.out
    found = plant.objects("deployments", "life")
    assert image_of(found["member1"]["web"]) == "nginx:1"
    assert image_of(found["member3"]["web"]) == "us.example.com/nginx:1"

    again = run("apply", "-f", files)
    assert "unchanged (revision 1)" in again.out

    edited = write(tmp_path / "web.yaml", deployment("web", "life", "nginx:2"))
    assert run("apply", "-f", edited, "--wait").code == 0
    assert image_of(plant.objects("deployments", "life")["member3"]["web"]) == "us.example.com/nginx:2"

    status = json.loads(run("status", "deploy/web", "-n", "life", "-o", "json").out)
    assert (status["revision"], status["phase"], sorted(status["clusters"])) == (
        2,
        "Applied",
        ["member1", "member2", "member3"],
    )
    shown = run("describe", "deployment", "web", "-n", "life").out
    assert "life/everything" in shown
    assert "everything (rule 1)" in shown
    history = yaml.safe_load(run("history", "Deployment/web", "-n", "life", "-o", "yaml").out)
    assert [one["revision"] for one in history["revisions"]] == [1, 2]
    assert history["steps"][0]["what"] == "Placed in member1"
    assert "retry" in run("retry", "deployments", "web", "-n", "life").out
    assert (
        run("get", "propagations", "-n", "life", "-o", "name").out == "propagation/life/Deployment.apps/web\n"
    )
    assert "everything" in run("get", "policies", "-n", "life").out
    assert "everything" in run("get", "overrides", "-A", "-o", "json").out
    for output in ("table", "wide", "json", "yaml", "name"):
        assert run("get", "clusters", "-o", output).code == 0

    gone = run("delete", "-f", files)
    assert gone.code == 0, gone.err
    assert plant.objects("deployments", "life") == {"member1": {}, "member2": {}, "member3": {}}
    missing = run("status", "deployment", "web", "-n", "life")
    assert missing.code in {0, 2}
    assert run("delete", "deployment", "web", "-n", "life").code == 2
    assert run("delete", "deployment", "web", "-n", "life", "--ignore-not-found").code == 0


def test_a_template_waits_for_its_policy_and_outlives_it(
    plant: Plant, run: Callable[..., Run], tmp_path: Path
) -> None:
    assert run("apply", "-f", write(tmp_path / "web.yaml", deployment("late", "waits"))).code == 0
    said = run("apply", "-f", str(tmp_path / "web.yaml"), "--wait", "--timeout", "60")
    assert said.code == 1
    assert said.error.startswith("no policy matches Deployment waits/late; apply one")
    policies = write(tmp_path / "policy.yaml", *placing_everything("waits"))
    assert run("apply", "-f", policies).code == 0
    done = run("apply", "-f", str(tmp_path / "web.yaml"), "--wait", "--timeout", "20")
    assert done.code == 0, done.err
    assert run("delete", "propagationpolicy", "everything", "-n", "waits").code == 0
    assert set(plant.objects("deployments", "waits")["member2"]) == {"late"}
    assert run("delete", "deployment", "late", "-n", "waits").code == 0


def test_an_edited_policy_places_anew(plant: Plant, run: Callable[..., Run], tmp_path: Path) -> None:
    policies = placing_everything("moves")
    files = write(tmp_path / "all.yaml", *policies, deployment("web", "moves"))
    assert run("apply", "-f", files, "--wait").code == 0
    policies[0]["spec"]["placement"] = {"clusterAffinity": {"clusterNames": ["member2"]}}
    assert run("apply", "-f", write(tmp_path / "policy.yaml", *policies)).code == 0

    def placed() -> list[str]:
        return [name for name, found in plant.objects("deployments", "moves").items() if found]

    asyncio.run(until(lambda: placed() == ["member2"]))
    shown = run("describe", "deployment", "web", "-n", "moves").out
    assert "did not match the placement cluster affinity constraint" in shown
    assert run("delete", "deployment", "web", "-n", "moves").code == 0


def test_secrets_are_propagated_and_never_shown(
    plant: Plant, run: Callable[..., Run], tmp_path: Path
) -> None:
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s", "namespace": "hush"},
        "stringData": {"password": "canary"},
    }
    policy = placing_everything("hush")[0]
    policy["spec"]["resourceSelectors"] = [{"apiVersion": "v1", "kind": "Secret"}]
    assert run("apply", "-f", write(tmp_path / "s.yaml", policy, secret), "--wait").code == 0
    assert set(plant.objects("secrets", "hush", api="api/v1")["member1"]) == {"s"}
    for words in (
        ("describe", "secret", "s"),
        ("describe", "secret", "s", "-o", "yaml"),
        ("history", "secret", "s"),
    ):
        shown = run(*words, "-n", "hush")
        assert shown.code == 0
        assert "canary" not in shown.out + shown.err
    bad = {**secret, "type": "kubernetes.io/tls"}
    failed = run("apply", "-f", write(tmp_path / "bad.yaml", bad), "--wait")
    assert failed.code == 1
    assert "canary" not in failed.out + failed.err
    assert run("delete", "secret", "s", "-n", "hush").code == 0


def test_what_belongs_to_somebody_else_is_not_taken_over_silently(
    plant: Plant, run: Callable[..., Run], tmp_path: Path
) -> None:
    member = plant.members[1]
    member.request("POST", "/api/v1/namespaces", {"metadata": {"name": "foreign"}})
    foreign = deployment("web", "foreign", "their-own:1")
    assert member.request("POST", "/apis/apps/v1/namespaces/foreign/deployments", foreign)[0] == 201
    files = write(tmp_path / "all.yaml", *placing_everything("foreign"), deployment("web", "foreign"))
    failed = run("apply", "-f", files, "--wait")
    assert failed.code == 1
    assert "conflictResolution: Overwrite" in " ".join(failed.out.split())
    assert image_of(plant.objects("deployments", "foreign")["member2"]["web"]) == "their-own:1"
    policies = placing_everything("foreign")
    policies[0]["spec"]["conflictResolution"] = "Overwrite"
    assert run("apply", "-f", write(tmp_path / "p.yaml", *policies)).code == 0
    done = run("apply", "-f", write(tmp_path / "w.yaml", deployment("web", "foreign", "nginx:9")), "--wait")
    assert done.code == 0, done.out
    assert image_of(plant.objects("deployments", "foreign")["member2"]["web"]) == "nginx:9"
    assert run("delete", "deployment", "web", "-n", "foreign").code == 0


def test_clusters_are_edited_and_refused(plant: Plant, run: Callable[..., Run], tmp_path: Path) -> None:
    assert run("cluster", "label", "member1", "tier=gold").out.endswith("labels: tier=gold\n")
    assert "member1" in run("cluster", "list", "-l", "tier=gold", "-o", "name").out
    assert run("cluster", "label", "member1", "tier-").code == 0
    assert "unschedulable" in run("cluster", "cordon", "member1").out
    assert run("cluster", "uncordon", "member1").out.endswith("taints: none\n")
    assert "k=v:NoSchedule" in run("cluster", "taint", "member2", "k=v:NoSchedule").out
    assert run("cluster", "taint", "member2", "k-").code == 0
    page = run("cluster", "get", "member1")
    assert page.code == 0
    assert plant.members[0].server in page.out
    assert run("cluster", "get", "nobody").code == 2
    assert run("cluster", "unjoin", "nobody").code == 2

    kubeconfig = str(plant.members[0].kubeconfig)
    twice = run("cluster", "join", "another", "--kubeconfig", kubeconfig)
    assert twice.code == 4, twice.err
    assert "already joined as member1" in twice.error
    other = run("cluster", "join", "member2", "--kubeconfig", kubeconfig)
    assert other.code == 4
    assert "choose another name" in other.error
    assert run("cluster", "join", "member1", "--kubeconfig", kubeconfig, "--region", "eu").code == 0

    for arguments, words in (
        (("--kubeconfig", "/no/such/file"), "does not exist"),
        (("--kubeconfig", kubeconfig, "--context", "nope"), "nope"),
        (("--kubeconfig", write(tmp_path / "odd.yaml", {"a": 1})), "context"),
    ):
        refused = run("cluster", "join", "new", *arguments)
        assert refused.code == 2, refused.err
        assert words in refused.error
    config = yaml.safe_load(Path(kubeconfig).read_text())
    config["users"][0]["user"] = {"token": "expired"}
    refused = run("cluster", "join", "new", "--kubeconfig", write(tmp_path / "expired.yaml", config))
    assert refused.code == 4
    assert "credentials" in refused.error
    config["users"][0]["user"] = {
        "exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "true"}
    }
    refused = run("cluster", "join", "new", "--kubeconfig", write(tmp_path / "exec.yaml", config))
    assert refused.code == 4
    assert "ARGOSY_KUBECONFIG_EXEC" in refused.error
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    config["users"][0]["user"] = {"token": "x"}
    refused = run("cluster", "join", "new", "--kubeconfig", write(tmp_path / "down.yaml", config))
    assert refused.code == 1
    assert run("cluster", "get", "new").code == 2


def test_without_a_worker_nothing_is_submitted(plant: Plant, run: Callable[..., Run], tmp_path: Path) -> None:
    files = write(tmp_path / "web.yaml", deployment("web", "nobody"))
    refused = run("apply", "-f", files, ARGOSY_TASK_QUEUE="empty")
    assert refused.code == 1
    assert "argosy worker run" in refused.error
    assert run("status", "deployment", "web", "-n", "nobody").code == 2


def test_a_template_that_is_too_large_is_refused(
    plant: Plant, run: Callable[..., Run], tmp_path: Path
) -> None:
    big = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "big"},
        "data": {"x": secrets.token_hex(2_100_000)},
    }
    refused = run("apply", "-f", write(tmp_path / "big.yaml", big))
    assert refused.code == 2
    assert "make it smaller" in refused.error


def test_deletion_with_a_dead_cluster_waits_and_can_let_go(
    plant: Plant, run: Callable[..., Run], tmp_path: Path
) -> None:
    files = write(tmp_path / "all.yaml", *placing_everything("dead"), deployment("web", "dead"))
    assert run("apply", "-f", files, "--wait").code == 0
    dead = plant.members[2]
    dead.kill()
    try:
        waiting = run("delete", "deployment", "web", "-n", "dead", "--timeout", "3")
        assert waiting.code == 3
        assert "member3" in waiting.error
        refused = run("apply", "-f", files)
        assert refused.code == 4
        assert "is being deleted" in refused.error
        assert run("delete", "deployment", "web", "-n", "dead", "--orphan", "member3").code == 0
        late = write(tmp_path / "late.yaml", deployment("late", "dead"))
        slow = run("apply", "-f", late, "--wait", "--timeout", "3")
        assert slow.code in {0, 3}
    finally:
        dead.start()
    assert run("apply", "-f", str(tmp_path / "late.yaml"), "--wait", "--timeout", "60").code == 0
    assert run("delete", "deployment", "late", "-n", "dead").code == 0


def test_unjoining_leaves_or_deletes_as_asked(plant: Plant, run: Callable[..., Run], tmp_path: Path) -> None:
    files = write(tmp_path / "all.yaml", *placing_everything("leave"), deployment("web", "leave"))
    assert run("apply", "-f", files, "--wait").code == 0
    # A cluster that has just come back repels new copies until that is confirmed.
    asyncio.run(until(lambda: _clusters(run) == ["member1", "member2", "member3"]))
    asyncio.run(until(lambda: bool(plant.objects("deployments", "leave")["member3"])))
    kubeconfig = str(plant.members[2].kubeconfig)
    assert run("cluster", "unjoin", "member3").code == 0
    assert set(plant.objects("deployments", "leave")["member3"]) == {"web"}
    status = json.loads(run("status", "deployment", "web", "-n", "leave", "-o", "json").out)
    assert sorted(status["clusters"]) == ["member1", "member2"]
    assert run("cluster", "join", "member3", "--kubeconfig", kubeconfig, "--region", "us").code == 0
    asyncio.run(until(lambda: _clusters(run) == ["member1", "member2", "member3"]))
    assert run("cluster", "unjoin", "member3", "--delete-workloads").code == 0
    assert plant.objects("deployments", "leave")["member3"] == {}
    assert run("cluster", "join", "member3", "--kubeconfig", kubeconfig, "--region", "us").code == 0
    assert run("delete", "deployment", "web", "-n", "leave").code == 0


def _clusters(run: Callable[..., Run]) -> list[str]:
    status = json.loads(run("status", "deployment", "web", "-n", "leave", "-o", "json").out)
    return sorted(status["clusters"])
