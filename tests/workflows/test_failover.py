"""Copies that leave a cluster: after a durable while, and not before there are healthy ones elsewhere."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError

from activities.contracts import PlanRequest
from argosy.api.eviction import Eviction, Moving, PurgeMode, Steering
from argosy.api.health import Assessment, ObjectHealth
from argosy.api.membership import FAILOVER_NOW_TAINT
from argosy.api.messages import ClusterEvent, Steer
from argosy.api.observation import CopyObservation, Observed
from argosy.api.plan import Plan
from argosy.api.propagation import Phase, TargetPhase
from argosy.api.steering import Approval, SteerAction, SteerCopies
from tests.workflows.stage import Stage, permanent, plan_for

pytestmark = pytest.mark.timeout(60)


def seen(cluster: str, version: int = 200, **changes: Any) -> Observed:
    well = Assessment(health=ObjectHealth.HEALTHY)
    observation = CopyObservation(
        uid=f"uid-{cluster}", version=str(version), revision=1, fields="ours", assessment=well
    )
    return Observed(copies={cluster: observation.model_copy(update=changes)})


def script(
    stage: Stage,
    *,
    away: str,
    delay: float = 0.5,
    how: dict[str, Any] | None = None,
    answers: bool = True,
    **terms: Any,
) -> list[PlanRequest]:
    """A planner that gives a cluster up some time after it was first asked about its failure.

    `how` the copy goes, and other `terms` of the plan.
    """
    asked: list[PlanRequest] = []
    first: list[datetime] = []

    def plan(request: PlanRequest) -> Plan:
        asked.append(request)
        if len(asked) == 1:
            return plan_for("a", "b")
        if away in request.facts.evicting:
            back = {
                name: one.model_copy(update={"answers": True}) for name, one in request.facts.evicting.items()
            }
            return plan_for("a", "c", evicting=back, **terms)
        if "c" in {target.cluster for target in (request.previous.targets if request.previous else ())}:
            return plan_for("a", "c", **terms)
        now = datetime.now(UTC)
        first.append(now)
        at = first[0] + timedelta(seconds=delay)
        if now < at:
            return plan_for("a", "b", evict_at={away: at})
        evicting = {away: Eviction(since=now, why="it does not answer", answers=answers)}
        evicting = {away: evicting[away].model_copy(update=how or {})}
        return plan_for("a", "c", evicting=evicting, **terms)

    stage.plan = plan
    return asked


async def test_a_copy_leaves_when_its_time_has_come_and_goes_when_that_is_safe(stage: Stage) -> None:
    script(stage, away="b", answers=False)
    handle, _ = await stage.submit(key="1")
    await stage.until(handle, lambda s: s.phase == Phase.APPLIED)
    await handle.signal("cluster_event", ClusterEvent(cluster="b", kind="NotReady"))
    warned = await stage.until(handle, lambda s: bool(s.evict_at))
    assert "moves away from b at" in warned.message
    moved = await stage.until(handle, lambda s: s.counts == {"Applied": 2, "Evicting": 1})
    assert moved.clusters["b"].phase == TargetPhase.EVICTING
    assert moved.reason == "Evicted"
    # There is a healthy copy elsewhere, but the cluster does not answer.
    await handle.signal("observed", seen("a"))
    await handle.signal("observed", seen("c", pass_number=1))
    status = await stage.until(handle, lambda s: s.clusters["c"].assessment.is_healthy)
    assert status.clusters["b"].phase == TargetPhase.EVICTING
    assert not stage.removed
    # It is back: its copy goes, when the plan has had the chance to let it stay.
    await handle.signal("observed", seen("b", 201))
    await stage.until(handle, lambda s: s.clusters["b"].assessment.is_healthy)
    assert not stage.removed
    await handle.signal("cluster_event", ClusterEvent(cluster="b", kind="Ready", ready=True))
    await stage.until(handle, lambda s: sorted(s.clusters) == ["a", "c"])
    assert [request.cluster for request in stage.removed] == ["b"]


async def test_a_copy_stays_until_the_new_ones_are_well(stage: Stage) -> None:
    script(stage, away="b", delay=0)
    handle, _ = await stage.submit(key="1")
    await stage.until(handle, lambda s: s.phase == Phase.APPLIED)
    await handle.signal("cluster_event", ClusterEvent(cluster="b", kind="Edited"))
    await stage.until(handle, lambda s: s.counts == {"Applied": 2, "Evicting": 1})
    ill = Assessment(health=ObjectHealth.DEGRADED, message="crashing")
    await handle.signal("observed", seen("a"))
    await handle.signal("observed", seen("c", pass_number=1, assessment=ill))
    await stage.until(handle, lambda s: s.clusters["c"].assessment == ill)
    assert not stage.removed
    await handle.signal("observed", seen("c", 202, pass_number=1))
    await stage.until(handle, lambda s: sorted(s.clusters) == ["a", "c"])


async def test_a_cluster_that_comes_back_in_time_loses_nothing(stage: Stage) -> None:
    calls: list[PlanRequest] = []

    def plan(request: PlanRequest) -> Plan:
        calls.append(request)
        late = datetime.now(UTC) + timedelta(seconds=30)
        return plan_for("a", "b", evict_at={"b": late} if len(calls) == 2 else {})

    stage.plan = plan
    handle, _ = await stage.submit(key="1")
    await stage.until(handle, lambda s: s.phase == Phase.APPLIED)
    await handle.signal("cluster_event", ClusterEvent(cluster="b", kind="NotReady"))
    await stage.until(handle, lambda s: bool(s.evict_at))
    await handle.signal("cluster_event", ClusterEvent(cluster="b", kind="Ready"))
    status = await stage.until(handle, lambda s: not s.evict_at)
    assert status.counts == {"Applied": 2}
    assert not stage.removed


async def test_a_copy_that_goes_at_once_goes_before_others_begin(stage: Stage) -> None:
    script(stage, away="b", delay=0, how={"purge": PurgeMode.DIRECTLY})
    handle, _ = await stage.submit(key="1")
    await stage.until(handle, lambda s: s.phase == Phase.APPLIED)
    stage.failing["b"] = permanent("Forbidden", "may not delete")
    await handle.signal("cluster_event", ClusterEvent(cluster="b", kind="Edited"))
    status = await stage.until(
        handle, lambda s: "b" in s.clusters and s.clusters["b"].phase == TargetPhase.FAILED
    )
    assert status.awaited == ("b",)
    assert status.clusters["c"].phase == TargetPhase.PENDING
    assert "c" not in {request.cluster for request in stage.applied}
    del stage.failing["b"]
    await stage.session.retry(status.ref, clusters=["b"])
    await stage.until(handle, lambda s: s.counts == {"Applied": 2})
    assert [request.cluster for request in stage.removed] == ["b"]


async def test_a_dead_cluster_is_not_waited_for(stage: Stage) -> None:
    script(stage, away="b", delay=0, how={"purge": PurgeMode.DIRECTLY})
    handle, _ = await stage.submit(key="1")
    await stage.until(handle, lambda s: s.phase == Phase.APPLIED)
    await handle.signal("cluster_event", ClusterEvent(cluster="b", kind="NotReady", ready=False))
    await stage.until(handle, lambda s: s.counts == {"Applied": 2, "Evicting": 1})
    assert not stage.removed
    # Back again: it goes at once, without anybody being well elsewhere.
    await handle.signal("observed", seen("b", 201))
    await stage.until(handle, lambda s: sorted(s.clusters) == ["a", "c"])


async def test_a_single_writer_begins_elsewhere_when_a_person_says_that_the_old_one_has_stopped(
    stage: Stage,
) -> None:
    script(stage, away="b", delay=0, moving=Moving(fenced=True))
    handle, _ = await stage.submit(key="1")
    await stage.until(handle, lambda s: s.phase == Phase.APPLIED)
    await handle.signal("cluster_event", ClusterEvent(cluster="b", kind="NotReady", ready=False))
    status = await stage.until(handle, lambda s: s.awaited == ("b",))
    assert "begins when the copy in b has stopped, or `argosy approve" in status.message
    assert "c" not in {request.cluster for request in stage.applied}
    approved = Approval(request_id="one", requested_by="anna")
    assert await handle.execute_update("approve", approved, result_type=tuple[str, ...]) == ("b",)
    status = await stage.until(handle, lambda s: s.counts == {"Applied": 2, "Evicting": 1})
    assert [step.what for step in status.steps if step.by == "anna"] == ["Approved: b"]
    # Nothing waits any more.
    again = Approval(request_id="two", requested_by="anna")
    assert await handle.execute_update("approve", again, result_type=tuple[str, ...]) == ()


async def test_a_single_writer_that_can_be_deleted_is_gone_with_its_pods_before_another_begins(
    stage: Stage,
) -> None:
    script(stage, away="b", delay=0, moving=Moving(fenced=True))
    handle, _ = await stage.submit(key="1")
    await stage.until(handle, lambda s: s.phase == Phase.APPLIED)
    await handle.signal("cluster_event", ClusterEvent(cluster="b", kind="Edited"))
    await stage.until(handle, lambda s: sorted(s.clusters) == ["a", "c"])
    assert [(one.cluster, one.to_the_end) for one in stage.removed] == [("b", True)]


async def test_a_copy_that_is_kept_goes_when_a_person_lets_go_of_it(stage: Stage) -> None:
    script(stage, away="b", delay=0, how={"purge": PurgeMode.NEVER})
    handle, _ = await stage.submit(key="1")
    await stage.until(handle, lambda s: s.phase == Phase.APPLIED)
    await handle.signal("cluster_event", ClusterEvent(cluster="b", kind="Edited"))
    for cluster in ("a", "c"):
        await handle.signal("observed", seen(cluster, 300, pass_number=int(cluster == "c")))
    status = await stage.until(handle, lambda s: s.counts == {"Applied": 2, "Evicting": 1})
    assert "`argosy approve ConfigMap" in status.message
    assert not stage.removed
    await handle.execute_update("approve", Approval(request_id="one"), result_type=tuple[str, ...])
    await stage.until(handle, lambda s: sorted(s.clusters) == ["a", "c"])


async def test_what_is_asked_for_one_template_reaches_its_planner_once(stage: Stage) -> None:
    asked = script(stage, away="nowhere")
    handle, _ = await stage.submit(key="1")
    await stage.until(handle, lambda s: s.phase == Phase.APPLIED)
    order = Steer(request_id="r1", requested_by="anna", cluster="b", now=True)
    request = SteerCopies(action=SteerAction.FAILOVER, order=order)
    assert await handle.execute_update("steer", request, result_type=str) == "moves away from b"
    await handle.signal("failover", order)
    await handle.signal("hold", Steer(request_id="r2"))
    status = await stage.until(handle, lambda s: bool(s.steering.held))
    assert (status.steering.held, sorted(status.steering.forced)) == (("*",), ["b"])
    assert asked[-1].steering.forced["b"].key == FAILOVER_NOW_TAINT
    assert [(step.what, step.by) for step in status.steps][-2:] == [
        ("Failover now b", "anna"),
        ("Hold", "a signal"),
    ]
    elsewhere = SteerCopies(action=SteerAction.FAILOVER, order=Steer(cluster="z"))
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await handle.execute_update("steer", elsewhere, result_type=str)
    assert "no copy in z" in str(refused.value.cause)
    await handle.signal("resume", Steer(request_id="r3"))
    await handle.signal("recover", Steer(request_id="r4"))
    await stage.until(handle, lambda s: s.steering == Steering())


async def test_leave_to_return_is_for_one_cluster_or_for_all(stage: Stage) -> None:
    asked = script(stage, away="b", left={"b": datetime.now(UTC), "d": datetime.now(UTC)})
    handle, _ = await stage.submit(key="1")
    await stage.until(handle, lambda s: s.phase == Phase.APPLIED)
    await handle.signal("cluster_event", ClusterEvent(cluster="b", kind="NotReady", ready=False))
    await stage.until(handle, lambda s: sorted(s.left) == ["b", "d"])
    await handle.signal("recover", Steer(request_id="r1", cluster="z"))
    await handle.signal("recover", Steer(request_id="r2", cluster="d"))
    await stage.until(handle, lambda s: bool(s.steering.recovered))
    assert (list(asked[-1].steering.recovered), asked[-1].rescheduled_at) == (["d"], None)
    await handle.signal("recover", Steer(request_id="r3"))
    await stage.until(handle, lambda s: len(s.steering.recovered) == 2)
    assert sorted(asked[-1].steering.recovered) == ["*", "d"]


async def test_an_event_is_acknowledged_when_a_plan_has_looked_at_it(stage: Stage) -> None:
    asked = script(stage, away="nowhere")
    handle, _ = await stage.submit(key="1")
    await stage.until(handle, lambda s: s.phase == Phase.APPLIED)
    await handle.signal("cluster_event", ClusterEvent(cluster="b", kind="Edited", epoch=7, ready=True))
    await stage.until(handle, lambda s: s.acknowledged == {"b": 7})
    assert asked[-1].epochs == {"b": 7}
    # What is planned later need not know it again, and what has no copy there acknowledges nothing.
    await handle.signal("cluster_event", ClusterEvent(cluster="z", kind="Edited", epoch=3, ready=True))
    await stage.until(handle, lambda _: asked[-1].epochs == {"z": 3})
    assert (await stage.until(handle, lambda _: True)).acknowledged == {"b": 7}
