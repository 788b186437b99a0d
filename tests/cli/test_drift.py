"""What others do to copies on real clusters: seen, set right or reported, and on record with who it was."""

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
from tests.plant import Plant, deployment, placing_everything

pytestmark = pytest.mark.timeout(200)

Runner = Callable[..., Run]


class Tampered:
    """A Deployment in every member, and somebody who meddles with one of them."""

    def __init__(self, plant: Plant, run: Runner, path: Path, **annotations: str) -> None:
        self.namespace = f"drift-{secrets.token_hex(4)}"
        self.run = run
        self.plant = plant
        self.member: Member = plant.members[0]
        self.template = deployment("web", self.namespace)
        self.template["metadata"]["annotations"] = annotations
        self.path = path / "web.yaml"
        files = write(self.path, self.template, *placing_everything(self.namespace)[:1])
        applied = run("apply", "-f", files, "--wait")
        assert applied.code == 0, applied.err
        self.becomes(lambda: all(one["seen"] for one in self.status()["clusters"].values()))

    @property
    def url(self) -> str:
        return f"/apis/apps/v1/namespaces/{self.namespace}/deployments/web"

    def live(self) -> dict[str, Any] | None:
        status, body = self.member.request("GET", self.url)
        return json.loads(body) if status == 200 else None

    def patch(self, manager: str, **spec: Any) -> None:
        status, body = self.member.request(
            "PATCH",
            f"{self.url}?fieldManager={manager}",
            {"spec": spec},
            content="application/merge-patch+json",
        )
        assert status == 200, body

    def delete(self) -> None:
        status, body = self.member.request("DELETE", self.url)
        assert status == 200, body

    def replicas(self) -> int | None:
        live = self.live()
        return None if live is None else live["spec"]["replicas"]

    def status(self) -> dict[str, Any]:
        shown = self.run("status", "deployment", "web", "-n", self.namespace, "-o", "json")
        assert shown.code == 0, shown.err
        answer: dict[str, Any] = json.loads(shown.out)
        return answer

    def copy(self) -> dict[str, Any]:
        found: dict[str, Any] = self.status()["clusters"][self.member.name]
        return found

    def becomes(self, holds: Callable[[], bool]) -> None:
        try:
            asyncio.run(until(holds))
        except TimeoutError:
            raise AssertionError(f"{self.status()}") from None


def test_a_changed_field_is_restored_and_its_author_named(plant: Plant, run: Runner, tmp_path: Path) -> None:
    web = Tampered(plant, run, tmp_path)
    web.patch("meddler", replicas=7, paused=True)
    web.becomes(lambda: web.replicas() == 2)
    web.becomes(lambda: web.copy()["drifts"] == 1)
    drift = web.copy()["drift"]
    assert drift["what"] == "changed"
    assert drift["fields"] == ["spec.replicas"]
    assert drift["by"][0].startswith("meddler at ")
    assert drift["corrected"]
    # What Argosy never named is the member's own.
    live = web.live()
    assert live is not None
    assert live["spec"]["paused"] is True
    shown = run("status", "deployment", "web", "-n", web.namespace)
    assert "changed spec.replicas by meddler at" in shown.out


def test_a_deleted_copy_is_back_within_moments(plant: Plant, run: Runner, tmp_path: Path) -> None:
    web = Tampered(plant, run, tmp_path)
    before = web.live()
    assert before is not None
    web.delete()
    web.becomes(lambda: web.replicas() == 2)
    after = web.live()
    assert after is not None
    assert after["metadata"]["uid"] != before["metadata"]["uid"]
    web.becomes(lambda: web.copy()["uid"] == after["metadata"]["uid"])
    assert web.copy()["drift"]["what"] == "deleted"


def test_drift_that_is_only_reported_stays_until_the_next_change(
    plant: Plant, run: Runner, tmp_path: Path
) -> None:
    web = Tampered(plant, run, tmp_path, **{"argosy.dev/drift": "Report"})
    web.patch("meddler", replicas=7)
    web.becomes(lambda: web.copy()["drifts"] == 1)
    assert web.copy()["drift"]["fields"] == ["spec.replicas"]
    assert not web.copy()["drift"]["corrected"]
    assert web.replicas() == 7
    web.template["spec"]["replicas"] = 3
    assert run("apply", "-f", write(web.path, web.template), "--wait").code == 0
    assert web.replicas() == 3


def test_an_exception_belongs_to_whoever_sets_it(plant: Plant, run: Runner, tmp_path: Path) -> None:
    web = Tampered(plant, run, tmp_path, **{"argosy.dev/drift-exceptions": "/spec/replicas"})
    web.patch("autoscaler", replicas=7)
    image = web.template["spec"]["template"]["spec"]["containers"][0]
    image["image"] = "nginx:2"
    assert run("apply", "-f", write(web.path, web.template), "--wait").code == 0
    live = web.live()
    assert live is not None
    assert live["spec"]["template"]["spec"]["containers"][0]["image"] == "nginx:2"
    assert live["spec"]["replicas"] == 7
    web.becomes(lambda: web.copy()["seen"]["version"] == live["metadata"]["resourceVersion"])
    assert web.copy()["drifts"] == 0


def test_what_happened_while_no_worker_was_there_is_found(plant: Plant, run: Runner, tmp_path: Path) -> None:
    web = Tampered(plant, run, tmp_path)
    plant.kill_worker()
    web.delete()

    plant.start_worker()
    web.becomes(lambda: web.replicas() == 2)
    web.becomes(lambda: web.copy()["drifts"] == 1)


def test_a_wish_that_cannot_be_is_refused(run: Runner, tmp_path: Path) -> None:
    template = deployment("web", "default")
    template["metadata"]["annotations"] = {"argosy.dev/drift": "Sometimes"}
    refused = run("apply", "-f", write(tmp_path / "web.yaml", template))
    assert refused.code == 2
    assert "metadata.annotations[argosy.dev/drift]: 'Sometimes' is not known" in refused.error
    template["metadata"]["annotations"] = {"argosy.dev/drift-exceptions": "spec.replicas"}
    refused = run("apply", "-f", write(tmp_path / "web.yaml", template))
    assert refused.code == 2
    assert "'spec.replicas' is not a JSON pointer" in refused.error
