"""The worker inside a member is lost, and comes back; nobody else can look at that member, and nothing is deleted."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio import workflow
from temporalio.client import WorkflowFailureError
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.contracts import ApplyRequest, RemoveRequest
from argosy.api.ids import id_of
from argosy.api.manifest import ref_of
from argosy.api.membership import WORKER_LOST
from cli.membership import worker_inside
from cli.session import Session
from tests.cli.runs import Run, argosy, until, write
from tests.failover.ground import in_order
from tests.health.plants import became, described, monitored_by
from tests.plant import GRACE, Plant
from tests.pull.conftest import PULLED

pytestmark = [pytest.mark.timeout(240), pytest.mark.crash]

SPACE = "lost"
# The time that a missing heartbeat is given is a part of the grace.
SLACK = 4.0


def settings_of_nobody() -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "settings", "namespace": SPACE},
        "data": {"key": "value"},
    }


def policy() -> dict[str, Any]:
    selector = {"apiVersion": "v1", "kind": "ConfigMap", "namespace": SPACE}
    return {
        "apiVersion": "policy.karmada.io/v1alpha1",
        "kind": "PropagationPolicy",
        "metadata": {"name": "settings", "namespace": SPACE},
        "spec": {"resourceSelectors": [selector], "placement": in_order(PULLED, "member1", seconds=1)},
    }


def copies(plant: Plant) -> dict[str, str]:
    """Member -> UID of the copy that it has."""
    found = plant.objects("configmaps", SPACE, api="api/v1")
    return {
        name: objects["settings"]["metadata"]["uid"]
        for name, objects in found.items()
        if "settings" in objects
    }


async def test_one_of_two_workers_inside_is_not_missed(plant: Plant, session: Session) -> None:
    first = plant.inside[PULLED]
    plant.start_inside(plant.members[1])
    second = plant.inside[PULLED]
    async with asyncio.timeout(60):
        while not (await worker_inside(session, PULLED)).startswith(f"{second.pid}@"):
            await asyncio.sleep(0.1)
    first.kill()
    await asyncio.sleep(GRACE + SLACK)
    assert await monitored_by(session, PULLED) == second.pid
    _, status = await described(session, PULLED)
    assert status.health.ready
    assert [step.what for step in status.steps] == ["Joined"]


async def test_what_was_in_the_cluster_moves_and_returns_to_being_one(
    plant: Plant, session: Session, run: Callable[..., Run], tmp_path: Path
) -> None:
    files = write(tmp_path / "all.yaml", policy(), settings_of_nobody())
    done = await asyncio.to_thread(run, "apply", "-f", files, "--wait")
    assert done.code == 0, done.err
    before = copies(plant)
    assert list(before) == [PULLED]
    clock = asyncio.get_running_loop().time
    plant.inside[PULLED].kill()
    began = clock()
    await became(session, PULLED, ready=False, seconds=60)
    assert clock() - began >= GRACE - SLACK
    _, status = await described(session, PULLED)
    assert status.health.reason == WORKER_LOST
    assert f"`argosy worker run --cluster {PULLED}`" in status.health.message
    page = json.loads((await asyncio.to_thread(run, "cluster", "get", PULLED, "-o", "json")).out)
    ready = next(one for one in page["conditions"] if one["type"] == "Ready")
    assert (ready["status"], ready["reason"]) == ("Unknown", WORKER_LOST)
    await until(lambda: "member1" in copies(plant))
    # What nobody can look at is not deleted, however well its successor is.
    await asyncio.sleep(2)
    assert copies(plant)[PULLED] == before[PULLED]

    plant.start_inside(plant.members[1])
    await became(session, PULLED, ready=True, seconds=60)
    await until(lambda: list(copies(plant)) == ["member1"])
    _, status = await described(session, PULLED)
    turns = [step for step in status.steps if step.what in {"Joined", "NotReady", "Ready"}]
    assert [step.what for step in turns] == ["Joined", "NotReady", "Ready"]
    assert turns[1].why.startswith(f"{WORKER_LOST}: ")
    assert (await asyncio.to_thread(run, "delete", "configmap", "settings", "-n", SPACE)).code == 0
    assert copies(plant) == {}


@workflow.defn(name="Intruder")
class Intruder:
    """Whoever may write to the namespace can put work into any queue."""

    @workflow.run
    async def run(self, name: str, request: dict[str, Any]) -> None:
        await workflow.execute_activity(
            name,
            request,
            task_queue=f"argosy@{PULLED}",
            start_to_close_timeout=timedelta(seconds=5),
            retry_policy=RetryPolicy(maximum_attempts=1),
        )


@pytest.fixture
async def intruders(session: Session) -> AsyncIterator[str]:
    queue = "intruders"
    async with Worker(
        session.client, task_queue=queue, workflows=[Intruder], workflow_runner=UnsandboxedWorkflowRunner()
    ):
        yield queue


@pytest.mark.parametrize("name", ["apply", "remove"])
async def test_the_worker_inside_does_nothing_for_other_clusters(
    session: Session, intruders: str, name: str
) -> None:
    ref = ref_of(settings_of_nobody())
    requests = {
        "apply": ApplyRequest(
            workflow_id=id_of(ref), run_id="x", cluster="member1", revision=1, pass_number=1
        ),
        "remove": RemoveRequest(workflow_id=id_of(ref), ref=ref, cluster="member1"),
    }
    with pytest.raises(WorkflowFailureError) as failed:
        await session.client.execute_workflow(
            "Intruder",
            args=[name, requests[name].model_dump(mode="json")],
            id=f"intruder-{name}",
            task_queue=intruders,
        )
    assert isinstance(failed.value.cause, ActivityError)
    cause = failed.value.cause.cause
    assert isinstance(cause, ApplicationError)
    assert cause.type == "OutOfReach"
    assert cause.message == (
        f"this worker runs inside {PULLED} and touches no other cluster, so nothing was done in member1"
    )


async def test_a_central_worker_is_not_needed_to_be_told_what_is_where(
    plant: Plant, session: Session
) -> None:
    """A backup has the mode, and no credentials, because there are none to have."""
    exported = await asyncio.to_thread(argosy, "export", TEMPORAL_ADDRESS=plant.temporal.address)
    assert exported.code == 0, exported.err
    assert "syncMode: Pull" in exported.out
    assert str(plant.members[1].kubeconfig) not in exported.out
