"""Plans whose worker dies before they are recorded: what they may have made is found, and else nothing is sought."""

from __future__ import annotations

import asyncio
import uuid

import pytest
from temporalio.client import Client

from activities.contracts import PlanRequest
from argosy.api.ids import id_of
from argosy.api.messages import PoliciesChanged
from argosy.api.plan import Plan
from argosy.api.propagation import Phase, PropagationInput, PropagationState
from argosy.errors import Unreachable
from tests.workflows.stage import Stage, applied, at, lost, plan_for, ref_of

pytestmark = pytest.mark.timeout(60)


async def test_copies_of_an_interrupted_plan_are_found_and_removed(client: Client) -> None:
    queue = f"lost-{uuid.uuid4().hex}"
    handle = await lost(client, queue, ref_of("x/interrupted"))
    async with Stage(client, task_queue=queue) as stage:
        stage.stranded = {"a": "uid-a", "old": "uid-old"}
        stage.plan = lambda request: plan_for("a", "b") if request.known is None else plan_for("wrong")
        status = await stage.until(handle, lambda s: applied(s) and s.counts == {"Applied": 2})
        assert set(status.clusters) == {"a", "b"}
        assert [request.workflow_id for request in stage.searched] == [handle.id]
        assert [request.cluster for request in stage.removed] == ["old"]
        assert {request.cluster: request.expect_uid for request in stage.applied} == {"a": "uid-a", "b": ""}


async def test_a_deletion_of_what_was_interrupted_leaves_nothing(client: Client) -> None:
    queue = f"lost-{uuid.uuid4().hex}"
    handle = await lost(client, queue, ref_of("x/doomed"))
    stage = Stage(client, task_queue=queue)
    stage.stranded = {"old": "uid-old"}
    deleting = asyncio.create_task(stage.session.delete(ref_of(handle.id), orphan=(), preserve=False))
    # The request is there before the second worker: it meets the entity in its first task.
    await asyncio.sleep(0.3)
    async with stage:
        await deleting
        await asyncio.wait_for(handle.result(), 20)
    assert "old" in {request.cluster for request in stage.removed}


async def test_a_signal_before_the_first_task_is_no_interruption(stage: Stage) -> None:
    ref = ref_of("x/signalled")
    start = PropagationInput(template="{}", state=PropagationState(ref=ref, digest="d"))
    handle = await stage.client.start_workflow(
        "Propagation",
        start,
        id=id_of(ref),
        task_queue=stage.session.settings.task_queue,
        start_signal="policies_changed",
        start_signal_args=[PoliciesChanged(policy_set="policies/default", generation=0)],
    )
    await stage.until(handle, applied)
    assert not stage.searched


async def test_an_ordinary_first_plan_may_apply_along_and_searches_nothing(stage: Stage) -> None:
    known = []

    def plan(request: PlanRequest) -> Plan:
        known.append(request.known)
        return plan_for("a", digest=f"d{request.revision}")

    stage.plan = plan
    handle, _ = await stage.submit("ordinary", key="1")
    await stage.until(handle, applied)
    await stage.submit("ordinary", key="2")
    await stage.until(handle, at(2, Phase.APPLIED))
    assert known == [{}, {"a": "uid-a"}]
    assert not stage.searched


async def test_a_repeated_plan_searches_before_it_is_carried_out(stage: Stage) -> None:
    stage.stranded = {"old": ""}
    tries = []

    def plan(request: PlanRequest) -> Plan:
        tries.append(request)
        if len(tries) == 1:
            raise Unreachable("Temporal does not answer")
        return plan_for("a")

    stage.plan = plan
    handle, _ = await stage.submit(key="1")
    await stage.until(handle, lambda s: applied(s) and s.counts == {"Applied": 1})
    assert [request.cluster for request in stage.removed] == ["old"]
