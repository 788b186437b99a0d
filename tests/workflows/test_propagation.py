"""The paths of a propagation, each in the full sandbox on a real server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import pytest
from temporalio.client import WorkflowExecutionStatus

from activities.contracts import PlanRequest
from argosy.api.ids import id_of
from argosy.api.messages import PoliciesChanged, Required, StuckReplicas
from argosy.api.plan import Plan
from argosy.api.propagation import Phase, PropagationInput, PropagationState, PropagationStatus, TargetPhase
from argosy.errors import Conflict, NotFound, Unreachable
from tests.workflows.stage import Stage, applied, at, permanent, plan_for, ref_of

pytestmark = pytest.mark.timeout(60)


async def test_every_target_is_applied_and_published(stage: Stage) -> None:
    handle, revision = await stage.submit(key="1")
    status = await stage.until(handle, applied)
    assert revision == 1
    assert {name: target.uid for name, target in status.clusters.items()} == {
        "a": "uid-a",
        "b": "uid-b",
        "c": "uid-c",
    }
    assert status.counts == {"Applied": 3}
    assert await stage.runs(handle.id) == 1


async def test_the_same_template_again_changes_nothing(stage: Stage) -> None:
    handle, _ = await stage.submit("same", key="1")
    await stage.until(handle, applied)
    _, revision = await stage.submit("same", key="1")
    assert revision == 1
    assert len(stage.applied) == 3
    assert await stage.runs(handle.id) == 1


async def test_a_new_template_is_a_new_run_and_revision(stage: Stage) -> None:
    handle, _ = await stage.submit("edited", key="1")
    await stage.until(handle, applied)
    stage.plan = lambda _: plan_for("a", "b", "c", digest="d2")
    _, revision = await stage.submit("edited", key="2")
    assert revision == 2
    await stage.until(handle, at(2, Phase.APPLIED))
    assert [request.revision for request in stage.applied] == [1] * 3 + [2] * 3
    assert {request.expect_uid for request in stage.applied[3:]} == {"uid-a", "uid-b", "uid-c"}
    assert await stage.runs(handle.id) == 2
    start = await stage.session.state(ref_of(handle.id))
    assert [entry.revision for entry in start.state.ledger] == [1]
    assert start.state.ledger[0].result == "Applied"


async def test_one_cluster_that_fails_stays_alone_and_can_be_retried(stage: Stage) -> None:
    stage.failing["b"] = permanent("Rejected", "b: no such field")
    handle, _ = await stage.submit(key="1")
    status = await stage.until(handle, lambda s: s.counts.get("Failed") == 1 and s.counts.get("Applied") == 2)
    assert status.phase == Phase.FAILED
    assert (status.clusters["b"].category, status.clusters["b"].message) == ("Rejected", "b: no such field")
    del stage.failing["b"]
    assert await stage.session.retry(ref_of(handle.id), clusters=()) == ("b",)
    await stage.until(handle, applied)
    assert await stage.runs(handle.id) == 1


async def test_a_cluster_that_is_down_is_retried_by_temporal_and_shown(stage: Stage) -> None:
    stage.failing["c"] = Unreachable("c: refuses connections")
    handle, _ = await stage.submit(key="1")
    await stage.until(handle, lambda s: s.counts == {"Applied": 2, "Pending": 1})
    async with asyncio.timeout(15):
        while True:
            observed = await stage.session.observe(ref_of(handle.id))
            attempt = observed.attempts.get("c")
            if attempt is not None and attempt.attempt >= 2 and attempt.message:
                break
            await asyncio.sleep(0.05)
    assert (attempt.category, attempt.message) == ("Unreachable", "c: refuses connections")
    del stage.failing["c"]
    await stage.until(handle, applied)


async def test_a_hanging_cluster_does_not_hold_up_an_edit(stage: Stage) -> None:
    stage.hanging.add("c")
    handle, _ = await stage.submit("held", key="1")
    await stage.until(handle, lambda s: s.counts == {"Applied": 2, "Pending": 1})
    stage.plan = lambda _: plan_for("a", "b", "c", digest="d2")
    await stage.submit("held", key="2")
    # The first attempt for c is still hanging when a and b have the second revision.
    status = await stage.until(
        handle, lambda s: s.revision == 2 and s.counts == {"Applied": 2, "Pending": 1}, seconds=4
    )
    assert {status.clusters[name].revision for name in "ab"} == {2}
    stage.hanging.clear()
    await stage.until(handle, at(2, Phase.APPLIED))


async def test_an_attempt_that_never_hears_that_it_is_called_back_is_no_failure(stage: Stage) -> None:
    """As where its worker is dead: it is over only when its time is, and then the next one begins."""
    stage.hanging.add("c")
    handle, _ = await stage.submit(key="1")
    await stage.until(handle, lambda s: s.counts == {"Applied": 2, "Pending": 1})
    await stage.session.retry(ref_of(handle.id), clusters=("c",))
    stage.hanging.clear()
    phases = set()

    def noted(status: PropagationStatus) -> bool:
        phases.add(status.phase)
        return applied(status)

    await stage.until(handle, noted, seconds=20)
    assert Phase.FAILED not in phases


async def test_an_override_that_cannot_be_rendered_fails_its_cluster_only(stage: Stage) -> None:
    good = plan_for("a", "b")
    broken = good.targets[1].model_copy(
        update={"error": "OverridePolicy p, rule 1: replace /x does not apply"}
    )
    stage.plan = lambda _: good.model_copy(update={"targets": (good.targets[0], broken), "digest": "broken"})
    handle, _ = await stage.submit(key="1")
    status = await stage.until(handle, lambda s: s.counts == {"Applied": 1, "Failed": 1})
    assert status.clusters["b"].category == "OverrideError"


async def test_a_template_that_nothing_matches_waits_and_is_picked_up(stage: Stage) -> None:
    stage.plan = lambda _: Plan(message="no policy matches", seen={"policies/default": 4}, digest="none")
    handle, _ = await stage.submit(key="1")
    await stage.until(handle, lambda s: s.phase == Phase.WAITING)
    async with asyncio.timeout(10):
        while not stage.waiting:
            await asyncio.sleep(0.02)
    assert stage.waiting[0].seen == {"policies/default": 4}
    stage.plan = lambda _: plan_for("a", seen={"policies/default": 5})
    await handle.signal("policies_changed", PoliciesChanged(policy_set="policies/default", generation=5))
    status = await stage.until(handle, applied)
    assert status.reason == "PolicyChanged"
    assert status.revision == 1


async def test_an_old_notice_is_ignored(stage: Stage) -> None:
    stage.plan = lambda _: plan_for("a", seen={"policies/default": 5})
    handle, _ = await stage.submit(key="1")
    await stage.until(handle, applied)
    calls: list[str] = []

    def counted(request: PlanRequest) -> Plan:
        calls.append(request.run_id)
        return plan_for("a", seen={"policies/default": 6})

    stage.plan = counted
    await handle.signal("policies_changed", PoliciesChanged(policy_set="policies/default", generation=5))
    await handle.signal("policies_changed", PoliciesChanged(policy_set="policies/default", generation=6))
    async with asyncio.timeout(10):
        while not calls:
            await asyncio.sleep(0.02)
    assert len(calls) == 1
    assert await stage.runs(handle.id) == 1


async def test_a_copy_is_removed_only_when_the_new_placement_is_applied(stage: Stage) -> None:
    stage.plan = lambda _: plan_for("a", "b")
    handle, _ = await stage.submit("moved", key="1")
    await stage.until(handle, applied)
    stage.failing["c"] = Unreachable("c: refuses connections")
    stage.plan = lambda _: plan_for("b", "c", digest="d2")
    await stage.submit("moved", key="2")
    status = await stage.until(handle, lambda s: s.counts == {"Applied": 1, "Pending": 1, "Removing": 1})
    assert status.clusters["a"].phase == TargetPhase.REMOVING
    assert stage.removed == []
    del stage.failing["c"]
    status = await stage.until(handle, applied)
    assert sorted(status.clusters) == ["b", "c"]
    assert [request.cluster for request in stage.removed] == ["a"]


async def test_nothing_is_taken_away_where_nothing_fits_any_more(stage: Stage) -> None:
    handle, _ = await stage.submit("unfit", key="1")
    await stage.until(handle, applied)
    kept = plan_for("a", "b", "c").targets
    stage.plan = lambda _: plan_for(
        targets=kept, unschedulable="0/3 clusters are available: 3 no.", digest="unfit"
    )
    await handle.signal("policies_changed", PoliciesChanged(policy_set="policies/default", generation=1))
    status = await stage.until(handle, lambda s: s.phase == Phase.UNSCHEDULABLE)
    assert status.counts == {"Applied": 3}
    assert stage.removed == []


async def test_deletion_removes_every_copy_and_ends_the_entity(stage: Stage) -> None:
    handle, _ = await stage.submit(key="1")
    await stage.until(handle, applied)
    await stage.session.delete(ref_of(handle.id), orphan=(), preserve=False)
    await stage.until(handle, lambda s: s.phase == Phase.DELETED)
    await handle.result()
    assert sorted(request.cluster for request in stage.removed) == ["a", "b", "c"]
    with pytest.raises(NotFound):
        await stage.session.delete(ref_of(handle.id), orphan=(), preserve=False)


async def test_deletion_with_a_dead_cluster_says_so_and_lets_go_on_request(stage: Stage) -> None:
    handle, _ = await stage.submit("dead", key="1")
    await stage.until(handle, applied)
    stage.failing["c"] = Unreachable("c: refuses connections")
    await stage.session.delete(ref_of(handle.id), orphan=(), preserve=False)
    status = await stage.until(handle, lambda s: s.phase == Phase.DELETING and s.waiting_for == ("c",))
    assert status.message == "waiting for c"
    with pytest.raises(Conflict, match="is being deleted"):
        await stage.submit("dead", key="2")
    await stage.session.delete(ref_of(handle.id), orphan=("c",), preserve=False)
    await handle.result()
    assert (await handle.describe()).status == WorkflowExecutionStatus.COMPLETED
    assert sorted(request.cluster for request in stage.removed) == ["a", "b"]


async def test_a_template_may_come_back_after_its_deletion(stage: Stage) -> None:
    handle, _ = await stage.submit("back", key="1")
    await stage.until(handle, applied)
    await stage.session.delete(ref_of(handle.id), orphan=(), preserve=False)
    await handle.result()
    _, revision = await stage.submit("back", key="1")
    assert revision == 1
    await stage.until(handle, applied)


async def test_suspended_clusters_are_left_out_until_they_are_not(stage: Stage) -> None:
    stage.plan = lambda _: plan_for("a", "b", suspended=("b",))
    handle, _ = await stage.submit(key="1")
    status = await stage.until(handle, lambda s: s.phase == Phase.SUSPENDED)
    assert status.counts == {"Applied": 1, "Suspended": 1}
    stage.plan = lambda _: plan_for("a", "b")
    await handle.signal("policies_changed", PoliciesChanged(policy_set="policies/default", generation=1))
    await stage.until(handle, applied)
    assert [request.cluster for request in stage.applied] == ["a", "b"]


async def test_planning_that_fails_is_shown_and_can_be_retried(stage: Stage) -> None:
    def broken(_: object) -> Plan:
        raise permanent("Internal", "no such thing")

    stage.plan = broken
    handle, _ = await stage.submit(key="1")
    status = await stage.until(handle, lambda s: s.phase == Phase.FAILED)
    assert status.message == "planning failed: no such thing"
    stage.plan = lambda _: plan_for("a")
    await stage.session.retry(ref_of(handle.id), clusters=())
    await stage.until(handle, applied)


async def test_a_new_division_is_asked_of_the_planner(stage: Stage) -> None:
    handle, _ = await stage.submit(key="1")
    await stage.until(handle, applied)
    asked: list[PlanRequest] = []

    def plan(request: PlanRequest) -> Plan:
        asked.append(request)
        return plan_for("b")

    stage.plan = plan
    await stage.session.reschedule(ref_of(handle.id))
    status = await stage.until(handle, lambda s: applied(s) and set(s.clusters) == {"b"})
    assert status.reason == "Reschedule"
    assert [request.rescheduled_at is not None for request in asked] == [True]
    assert [request.edited for request in asked] == [False]


async def test_what_waits_for_something_keeps_its_copies(stage: Stage) -> None:
    handle, _ = await stage.submit("patient", key="1")
    await stage.until(handle, applied)
    stage.plan = lambda _: plan_for("a", waiting="waiting for the override policies o")
    await stage.submit("patient", key="2")
    status = await stage.until(handle, lambda s: s.phase == Phase.WAITING)
    assert set(status.clusters) == {"a", "b", "c"}
    assert not stage.removed


async def test_dependencies_are_told_where_they_are_needed_and_when_not(stage: Stage) -> None:
    needed = ref_of("x/needed")
    stage.plan = lambda _: plan_for("a", "b", dependencies={id_of(needed): needed})
    handle, _ = await stage.submit("needing", key="1")
    await stage.until(handle, applied)
    event = Required(by=handle.id, clusters=("a", "b"))
    await eventually(lambda: stage.told == [{id_of(needed): event}])
    stage.plan = lambda _: plan_for("b", digest="d2", dependencies={id_of(needed): needed})
    await stage.submit("needing", key="2")
    await stage.until(handle, lambda s: applied(s) and set(s.clusters) == {"b"})
    await eventually(lambda: stage.told[-1] == {id_of(needed): Required(by=handle.id, clusters=("b",))})
    await stage.session.delete(ref_of(handle.id), orphan=(), preserve=False)
    await asyncio.wait_for(handle.result(), 20)
    assert stage.told[-1] == {id_of(needed): Required(by=handle.id)}


async def test_what_is_needed_before_it_is_submitted_waits_and_is_waited_for_again(stage: Stage) -> None:
    ref = ref_of("x/wanted")
    needing = Required(by="propagation/default/Deployment.apps/w", clusters=("a",))
    handle = await stage.client.start_workflow(
        "Propagation",
        PropagationInput(template="", state=PropagationState(ref=ref, revision=0)),
        id=id_of(ref),
        task_queue=stage.session.settings.task_queue,
        start_signal="required",
        start_signal_args=[needing],
    )
    status = await stage.until(handle, lambda s: s.phase == Phase.WAITING)
    assert "default/Deployment.apps/w needs it" in status.message
    asked: list[PlanRequest] = []

    def plan(request: PlanRequest) -> Plan:
        asked.append(request)
        return plan_for("a", policy=None, required_by=(needing.by,))

    stage.plan = plan
    accepted = await stage.session.submit(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "wanted", "namespace": "default"}}
    )
    assert (accepted.action, accepted.revision) == ("created", 1)
    await stage.until(handle, at(1, Phase.APPLIED))
    assert asked[0].required_by == (needing,)
    await stage.session.delete(ref, orphan=(), preserve=False)
    await stage.until(handle, at(0, Phase.WAITING))
    await handle.signal("required", Required(by=needing.by))
    await asyncio.wait_for(handle.result(), 20)


async def test_stuck_replicas_are_planned_around_once(stage: Stage) -> None:
    asked: list[PlanRequest] = []

    def plan(request: PlanRequest) -> Plan:
        asked.append(request)
        return plan_for("a", strategy="Aggregated")

    stage.plan = plan
    handle, _ = await stage.submit(key="1")
    await stage.until(handle, applied)
    await handle.signal("replicas_stuck", StuckReplicas(cluster="elsewhere", replicas=1))
    await handle.signal("replicas_stuck", StuckReplicas(cluster="a", replicas=2))
    await eventually(lambda: len(asked) == 2)
    await handle.signal("policies_changed", PoliciesChanged(policy_set="policies/default", generation=9))
    await eventually(lambda: len(asked) == 3)
    assert [request.stuck for request in asked] == [{}, {"a": 2}, {}]


async def test_a_run_begins_with_what_the_one_before_has_published(stage: Stage) -> None:
    handle, _ = await stage.submit("shown", key="1")
    await stage.until(handle, applied)
    stage.plan = lambda _: plan_for("a", "b", digest="d2")
    await stage.submit("shown", key="2")
    await stage.until(handle, at(2, Phase.APPLIED))
    stage.plan = lambda _: plan_for("a", digest="d3")
    await stage.submit("shown", key="3")
    await stage.until(handle, at(3, Phase.APPLIED))
    async for event in handle.fetch_history_events(page_size=1):
        start = event.workflow_execution_started_event_attributes
        break
    (shown,) = await stage.client.data_converter.decode([start.memo.fields["status"]], [PropagationStatus])
    assert (shown.revision, shown.phase, set(shown.clusters)) == (2, Phase.APPLIED, {"a", "b"})
    clusters = start.search_attributes.indexed_fields["ArgosyClusters"]
    assert json.loads(clusters.data) == ["a", "b"]


async def eventually(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.02)
