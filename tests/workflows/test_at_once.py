"""A run that begins with a plan makes its first attempts in its first task."""

from __future__ import annotations

import asyncio
import time

import pytest
from temporalio.client import WorkflowHandle
from temporalio.exceptions import ApplicationError

from activities.contracts import PlanRequest
from argosy.api.ids import id_of
from argosy.api.manifest import ResourceRef
from argosy.api.messages import PoliciesChanged
from argosy.api.plan import Plan
from argosy.api.propagation import Phase, PropagationInput, PropagationState, PropagationStatus, TargetPhase
from tests.workflows.stage import Stage, permanent, plan_for
from workflows import options

pytestmark = pytest.mark.timeout(60)
CHANGED = PoliciesChanged(policy_set="policies/default", generation=7)


def _second_pass(status: PropagationStatus) -> bool:
    return status.pass_number == 1 and status.phase == Phase.APPLIED


async def _planned_anew(stage: Stage, *clusters: str) -> WorkflowHandle[object, object]:
    """A template in cluster a, whose policy then wants it in these as well."""
    stage.plan = lambda _: plan_for("a")
    handle, _ = await stage.submit(key="1")
    await stage.until(handle, lambda status: status.phase == Phase.APPLIED)
    stage.plan = lambda _: plan_for("a", *clusters, digest="d2")
    await handle.signal("policies_changed", CHANGED)
    return handle


async def _attempts(handle: WorkflowHandle[object, object]) -> list[str]:
    """The IDs of the regular activities of the latest run."""
    run_id = (await handle.describe()).run_id
    history = [event async for event in handle.fetch_history_events()]
    assert run_id == history[0].workflow_execution_started_event_attributes.original_execution_run_id
    return [
        event.activity_task_scheduled_event_attributes.activity_id
        for event in history
        if event.HasField("activity_task_scheduled_event_attributes")
    ]


async def test_a_pass_over_few_copies_needs_no_activities(stage: Stage) -> None:
    handle = await _planned_anew(stage, "b", "c")
    status = await stage.until(handle, _second_pass)
    assert {name: copy.pass_number for name, copy in status.clusters.items()} == {"a": 1, "b": 1, "c": 1}
    assert await _attempts(handle) == []
    assert sorted(one.cluster for one in stage.applied if one.pass_number == 1) == ["a", "b", "c"]


async def test_a_run_does_not_end_before_what_its_first_task_records(stage: Stage) -> None:
    planned: list[float] = []

    def plan(_: PlanRequest) -> Plan:
        planned.append(time.monotonic())
        return plan_for("a", "b", digest="d2")

    stage.plan = plan
    ref = ResourceRef(api_version="v1", kind="ConfigMap", namespace="default", name="told-as-it-begins")
    state = PropagationState(ref=ref, digest="d", revision=1)
    # Its attempt within the first task lasts until that gives it up.
    stage.hanging.add("b")
    began = time.monotonic()
    try:
        handle: WorkflowHandle[object, object] = await stage.client.start_workflow(
            "Propagation",
            PropagationInput(
                template="{}", state=state, plan=plan_for("a", "b"), at_once=True, together=True
            ),
            id=id_of(ref),
            task_queue=stage.session.settings.task_queue,
            start_signal="policies_changed",
            start_signal_args=[CHANGED],
        )
        async with asyncio.timeout(20):
            while not planned:
                await asyncio.sleep(0.01)
    finally:
        stage.hanging.clear()
    assert [one.cluster for one in stage.applied[:1]] == ["a"]
    assert planned[0] - began >= options.AT_ONCE_TIMEOUT.total_seconds()
    await stage.until(handle, _second_pass)


async def test_what_fails_at_once_is_attempted_as_an_activity(stage: Stage) -> None:
    stage.failing["b"] = ApplicationError("b is busy", type="Transient")
    handle = await _planned_anew(stage, "b")
    try:
        # That it is pending shows, although its attempts go on.
        await stage.until(
            handle,
            lambda status: status.pass_number == 1 and status.clusters["b"].phase == TargetPhase.PENDING,
        )
    finally:
        del stage.failing["b"]
    await stage.until(handle, _second_pass)
    assert await _attempts(handle) == ["apply/b/1"]


async def test_what_cannot_succeed_is_recorded_once_the_activity_says_so(stage: Stage) -> None:
    stage.failing["b"] = permanent("Rejected", "b does not take it")
    try:
        handle = await _planned_anew(stage, "b")
        status = await stage.until(
            handle,
            lambda status: status.pass_number == 1 and status.clusters["b"].phase == TargetPhase.FAILED,
        )
    finally:
        del stage.failing["b"]
    assert status.clusters["b"].message == "b does not take it"
    assert status.clusters["a"].phase == TargetPhase.APPLIED


async def test_many_copies_are_attempted_together(stage: Stage) -> None:
    names = [f"m{number:02}" for number in range(29)]
    handle = await _planned_anew(stage, *names)
    await stage.until(handle, _second_pass)
    assert await _attempts(handle) == ["apply-together/1", "apply-together/2"]
    assert sorted(map(len, stage.together)) == [15, 15]
    assert sorted(one.cluster for one in stage.applied if one.pass_number == 1) == ["a", *names]


async def test_what_fails_together_is_attempted_alone_and_tells_why(stage: Stage) -> None:
    names = [f"m{number}" for number in range(9)]
    stage.failing["m3"] = permanent("Rejected", "m3 does not take it")
    stage.failing["m5"] = ApplicationError("m5 is busy", type="Transient")
    try:
        handle = await _planned_anew(stage, *names)
        failed = {"m3": TargetPhase.FAILED, "m5": TargetPhase.PENDING}
        status = await stage.until(
            handle,
            lambda status: (
                status.pass_number == 1
                and all(
                    copy.phase == failed.get(name, TargetPhase.APPLIED)
                    for name, copy in status.clusters.items()
                )
            ),
        )
    finally:
        stage.failing.clear()
    assert status.clusters["m3"].message == "m3 does not take it"
    assert await _attempts(handle) == ["apply-together/1", "apply/m3/1", "apply/m5/2"]
    await stage.until(
        handle,
        lambda status: (
            {copy.phase for name, copy in status.clusters.items() if name != "m3"} == {TargetPhase.APPLIED}
        ),
    )


async def test_who_asks_again_during_a_joint_attempt_waits_for_its_end(stage: Stage) -> None:
    names = [f"m{number}" for number in range(9)]
    stage.hanging.add("m4")
    try:
        handle = await _planned_anew(stage, *names)
        async with asyncio.timeout(20):
            while not stage.together:
                await asyncio.sleep(0.02)
        ref = ResourceRef(
            api_version="v1", kind="ConfigMap", namespace="default", name=handle.id.rpartition("/")[2]
        )
        await stage.session.retry(ref, clusters=("m4",))
        assert await _attempts(handle) == ["apply-together/1"]
    finally:
        stage.hanging.clear()
    # The activity is given up by its timeout, and all of them are attempted alone.
    await stage.until(handle, _second_pass)
    assert len(await _attempts(handle)) == 11
