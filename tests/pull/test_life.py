"""A user's day, the same as where every member is in push mode, and what differs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.runs import Run, write
from tests.cli.test_life import (
    test_a_template_waits_for_its_policy_and_outlives_it,
    test_an_edited_policy_places_anew,
    test_apply_status_edit_history_and_delete,
    test_secrets_are_propagated_and_never_shown,
    test_what_belongs_to_somebody_else_is_not_taken_over_silently,
)
from tests.plant import Plant, deployment, placing_everything
from tests.pull.conftest import PULLED

__all__ = [
    "test_a_template_waits_for_its_policy_and_outlives_it",
    "test_an_edited_policy_places_anew",
    "test_apply_status_edit_history_and_delete",
    "test_secrets_are_propagated_and_never_shown",
    "test_what_belongs_to_somebody_else_is_not_taken_over_silently",
]
pytestmark = pytest.mark.timeout(200)


@pytest.fixture(autouse=True)
def _only_from_inside(plant: Plant) -> Iterator[None]:
    """Whatever a test does, only the worker inside the member has connections with it."""
    yield
    port = int(plant.members[1].server.rpartition(":")[2])
    assert plant.worker is not None
    assert port not in remote_ports(plant.worker.pid)
    assert port in remote_ports(plant.inside[PULLED].pid)
    others = {int(plant.members[number].server.rpartition(":")[2]) for number in (0, 2)}
    assert not others & remote_ports(plant.inside[PULLED].pid)


def remote_ports(pid: int) -> set[int]:
    """The ports that a process has open connections to."""
    descriptors = Path(f"/proc/{pid}/fd").iterdir()
    sockets = {link for one in descriptors if (link := str(one.readlink())).startswith("socket:")}
    rows = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    return {int(row[2].partition(":")[2], 16) for row in rows if f"socket:[{row[9]}]" in sockets}


def test_the_cluster_shows_its_mode_and_its_worker(plant: Plant, run: Callable[..., Run]) -> None:
    listed = {one["name"]: one for one in json.loads(run("cluster", "list", "-o", "json").out)}
    assert listed[PULLED]["settings"]["sync_mode"] == "Pull"
    assert listed[PULLED]["settings"]["connection"] == {"kubeconfig": "", "context": None}
    assert listed[PULLED]["worker"].partition("@")[0] == str(plant.inside[PULLED].pid)
    assert "worker" not in listed["member1"]
    page = run("cluster", "get", PULLED).out
    assert "Pull" in page
    assert f"by its own worker, {plant.inside[PULLED].pid}@" in page
    assert "Pull" in run("cluster", "list").out


def test_reads_from_outside_are_refused_by_name(run: Callable[..., Run]) -> None:
    some = run("get", "namespaces", "-C", "*")
    assert some.code == 1
    assert f"{PULLED}: {PULLED} is in pull mode" in some.error
    assert "member1" in some.out
    promoted = run("promote", "deployment", "web", "-C", PULLED)
    assert promoted.code == 4
    assert "is in pull mode" in promoted.error


def test_what_is_joined_cannot_change_its_mode(plant: Plant, run: Callable[..., Run]) -> None:
    kubeconfig = str(plant.members[1].kubeconfig)
    pushed = run("cluster", "join", PULLED, "--kubeconfig", kubeconfig)
    assert pushed.code == 4
    assert f"{PULLED} is joined in Pull mode" in pushed.error
    # There is no worker inside it that could pull, and that is said first.
    pulled = run("cluster", "join", "member1", "--sync-mode", "Pull")
    assert pulled.code == 1
    assert "argosy worker run --cluster member1" in pulled.error
    again = run("cluster", "join", PULLED, "--sync-mode", "pull", "--worker-grace", "8", "--region", "eu")
    assert again.code == 0, again.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("cluster", "join", "c", "--sync-mode", "Pull", "--kubeconfig", "/k"), "without --kubeconfig"),
        (("cluster", "join", "c"), "--sync-mode Pull"),
        (("cluster", "join", "c", "--sync-mode", "Both"), "write Push or Pull"),
        (("worker", "run", "--kubeconfig", "/k"), "go with --cluster"),
        (("worker", "run", "--cluster", "c", "--context", "x"), "goes with --kubeconfig"),
        (("worker", "run", "--cluster", "c"), "this is no pod"),
        (("worker", "run", "--cluster", "A B", "--kubeconfig", "/k"), "cannot be a cluster's name"),
    ],
)
def test_what_does_not_go_together_is_refused(
    run: Callable[..., Run], words: tuple[str, ...], said: str
) -> None:
    refused = run(*words)
    assert refused.code == 2
    assert said in refused.error


def test_a_copy_waits_visibly_for_a_worker_that_is_away(
    plant: Plant, run: Callable[..., Run], tmp_path: Path
) -> None:
    policies = placing_everything("away")
    files = write(tmp_path / "all.yaml", *policies, deployment("web", "away"))
    assert run("apply", "-f", files, "--wait").code == 0
    # Or the copy would move away before long.
    assert run("cluster", "hold", PULLED).code == 0
    plant.inside[PULLED].kill()
    try:
        edited = write(tmp_path / "web.yaml", deployment("web", "away", "nginx:2"))
        waiting = run("apply", "-f", edited, "--wait", "--timeout", "15")
        assert waiting.code == 3
        sentence = f"no worker takes work from task queue argosy@{PULLED}"
        shown = " ".join(run("get", "propagations", "-n", "away", "-o", "json").out.split())
        assert sentence in shown
        assert sentence in " ".join(run("status", "deployment", "web", "-n", "away").out.split())
        images = {name: objects["web"] for name, objects in plant.objects("deployments", "away").items()}
        assert images[PULLED]["spec"]["template"]["spec"]["containers"][0]["image"] == "nginx:1"
        assert images["member1"]["spec"]["template"]["spec"]["containers"][0]["image"] == "nginx:2"
    finally:
        plant.start_inside(plant.members[1])
    assert run("apply", "-f", edited, "--wait", "--timeout", "60").code == 0
    assert run("cluster", "resume", PULLED).code == 0
    status = json.loads(run("status", "deployment", "web", "-n", "away", "-o", "json").out)
    assert status["phase"] == "Applied"
    assert status["clusters"][PULLED]["message"] == ""
    assert run("delete", "deployment", "web", "-n", "away").code == 0
