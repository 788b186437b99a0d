"""A member that fails: its workloads run elsewhere within seconds, and what was there goes when it is back."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from devcluster.member import Member
from tests.cli.runs import Run, until, write
from tests.plant import Plant, deployment

pytestmark = pytest.mark.timeout(300)

Runner = Callable[..., Run]


def policy(namespace: str) -> dict[str, Any]:
    selector = {"apiVersion": "apps/v1", "kind": "Deployment", "namespace": namespace}
    return {
        "apiVersion": "policy.karmada.io/v1alpha1",
        "kind": "PropagationPolicy",
        "metadata": {"name": "p", "namespace": namespace},
        "spec": {
            "resourceSelectors": [selector],
            "placement": {
                "replicaScheduling": {
                    "replicaSchedulingType": "Divided",
                    "replicaDivisionPreference": "Weighted",
                }
            },
        },
    }


class Web:
    """A Deployment of six replicas, divided evenly over three members."""

    def __init__(self, plant: Plant, run: Runner, path: Path) -> None:
        self.namespace = f"failover-{secrets.token_hex(4)}"
        self.plant = plant
        self.run = run
        template = deployment("web", self.namespace)
        template["spec"]["replicas"] = 6
        applied = run("apply", "-f", write(path / "web.yaml", policy(self.namespace), template), "--wait")
        assert applied.code == 0, applied.err
        assert self.replicas("member1", "member2", "member3") == [2, 2, 2]

    def replicas(self, *members: str) -> list[int]:
        found = []
        for member in self.plant.members:
            if member.name in members:
                url = f"/apis/apps/v1/namespaces/{self.namespace}/deployments/web"
                status, body = member.request("GET", url)
                found.append(json.loads(body)["spec"]["replicas"] if status == 200 else 0)
        return found

    def well(self, *members: str) -> None:
        """Write the status that controllers would write."""
        for member in self.plant.members:
            if member.name not in members:
                continue
            url = f"/apis/apps/v1/namespaces/{self.namespace}/deployments/web"
            live = json.loads(member.request("GET", url)[1])
            count = live["spec"]["replicas"]
            status = {
                "observedGeneration": live["metadata"]["generation"],
                **dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), count),
            }
            patch = {"status": status}
            answer = member.request("PATCH", f"{url}/status", patch, content="application/merge-patch+json")
            assert answer[0] == 200, answer

    def status(self) -> dict[str, Any]:
        shown = self.run("status", "deployment", "web", "-n", self.namespace, "-o", "json")
        answer: dict[str, Any] = json.loads(shown.out)
        return answer

    def becomes(self, holds: Callable[[], bool]) -> None:
        try:
            asyncio.run(until(holds))
        except TimeoutError:
            raise AssertionError(f"{self.status()}") from None


@pytest.fixture
def dying(plant: Plant) -> Iterator[Member]:
    """A member that is frozen by the test, and well afterwards."""
    member = plant.members[2]
    yield member
    member.thaw()


def test_a_frozen_member_loses_its_share_and_its_copy_goes_when_it_is_back(
    plant: Plant, run: Runner, dying: Member, tmp_path: Path
) -> None:
    web = Web(plant, run, tmp_path)
    dying.freeze()
    web.becomes(lambda: web.replicas("member1", "member2") == [3, 3])
    web.becomes(lambda: web.status()["counts"] == {"Applied": 2, "Evicting": 1})
    status = web.status()
    assert status["reason"] == "Evicted"
    assert status["clusters"]["member3"]["seen"]["assessment"]["message"] == "its cluster does not answer"
    web.well("member1", "member2")
    web.becomes(lambda: web.status()["health"]["health"] == "Healthy")
    assert web.status()["counts"] == {"Applied": 2, "Evicting": 1}
    url = f"/apis/apps/v1/namespaces/{web.namespace}/deployments/web"
    dying.thaw()
    # What was there is deleted, and nothing returns by itself.
    before = json.loads(dying.request("GET", url)[1])["metadata"]["uid"]
    web.becomes(lambda: web.status()["counts"] == {"Applied": 2} and not web.replicas("member3")[0])
    told = run("history", "deployment", "web", "-n", web.namespace)
    steps = ("member3 does not answer", "Moved away from member3", "Removed from member3")
    assert all(step in told.out for step in steps), told.out
    shown = run("cluster", "recover", "member3", "--dry-run", "-o", "json")
    [planned] = [one for one in json.loads(shown.out) if web.namespace in one["object"]]
    assert planned["then"] == {"member1": 2, "member2": 2, "member3": 2}
    unsure = run("cluster", "recover", "member3")
    assert (unsure.code, "--yes" in unsure.err) == (4, True)
    assert run("cluster", "recover", "member3", "--yes", "--reason", "repaired").code == 0
    web.becomes(lambda: web.replicas("member1", "member2", "member3") == [2, 2, 2])
    web.becomes(lambda: web.status()["counts"] == {"Applied": 3})
    assert json.loads(dying.request("GET", url)[1])["metadata"]["uid"] != before
    assert run("delete", "deployment", "web", "-n", web.namespace).code == 0


def test_a_failover_is_asked_for_held_and_ended(plant: Plant, run: Runner, tmp_path: Path) -> None:
    web = Web(plant, run, tmp_path)
    try:
        assert "is held" in run("cluster", "hold", "member1").out
        asked = run("cluster", "failover", "member1", "--now")
        assert "argosy.dev/failover-now:NoExecute" in asked.out
        web.becomes(lambda: "member1 is held" in web.status()["message"])
        assert web.replicas("member1", "member2", "member3") == [2, 2, 2]
        assert "is not held" in run("cluster", "resume", "member1").out
        web.becomes(lambda: web.replicas("member2", "member3") == [3, 3])
        # The old copy is there until the new ones are well.
        assert web.replicas("member1") == [2]
        web.well("member2", "member3")
        web.becomes(lambda: web.replicas("member1") == [0])
    finally:
        recovered = run("cluster", "recover", "member1", "--yes")
    assert recovered.code == 0
    assert "1 templates return" in recovered.out
    assert run("delete", "deployment", "web", "-n", web.namespace).code == 0
