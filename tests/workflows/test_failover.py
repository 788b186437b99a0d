"""Copies that leave a cluster: after a durable while, and not before there are healthy ones elsewhere."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from activities.contracts import PlanRequest
from argosy.api.health import Assessment, ObjectHealth
from argosy.api.messages import ClusterEvent
from argosy.api.observation import CopyObservation, Observed
from argosy.api.propagation import Phase, Plan, TargetPhase
from tests.workflows.stage import Stage, plan_for

pytestmark = pytest.mark.timeout(60)


def seen(cluster: str, version: int = 200, **changes: Any) -> Observed:
    well = Assessment(health=ObjectHealth.HEALTHY)
    observation = CopyObservation(
        uid=f"uid-{cluster}", version=str(version), revision=1, fields="ours", assessment=well
    )
    return Observed(copies={cluster: observation.model_copy(update=changes)})


def script(stage: Stage, *, away: str, delay: float = 0.5) -> list[PlanRequest]:
    """A planner that gives a cluster up some time after it was first asked about its failure."""
    asked: list[PlanRequest] = []
    first: list[datetime] = []

    def plan(request: PlanRequest) -> Plan:
        asked.append(request)
        if len(asked) == 1:
            return plan_for("a", "b")
        if away in request.evicting:
            return plan_for("a", "c", evicting=request.evicting)
        if "c" in {target.cluster for target in (request.previous.targets if request.previous else ())}:
            return plan_for("a", "c")
        now = datetime.now(UTC)
        first.append(now)
        at = first[0] + timedelta(seconds=delay)
        if now < at:
            return plan_for("a", "b", evict_at={away: at})
        return plan_for("a", "c", evicting={away: now})

    stage.plan = plan
    return asked


async def test_a_copy_leaves_when_its_time_has_come_and_goes_when_that_is_safe(stage: Stage) -> None:
    script(stage, away="b")
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
    # It is back: its copy goes.
    await handle.signal("observed", seen("b", 201))
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
