"""A month in seconds, on a server that skips time: an entity at rest stays at rest, and still answers."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.testing import WorkflowEnvironment

from activities.connection import initialise
from activities.contracts import PlanRequest
from activities.converter import data_converter
from argosy.api.eviction import Eviction, Moving
from argosy.api.messages import ClusterEvent, Steer
from argosy.api.plan import Plan
from argosy.api.propagation import Phase
from argosy.config import Settings
from tests.workflows.stage import Stage, plan_for

pytestmark = pytest.mark.timeout(120)


@asynccontextmanager
async def skipping() -> AsyncIterator[WorkflowEnvironment]:
    """A server whose clock runs ahead when nothing is under way."""
    binary = shutil.which("temporal", path=str(Path(sys.executable).parent))
    assert binary is not None
    async with await WorkflowEnvironment.start_time_skipping_v2(
        dev_server_existing_path=binary,
        dev_server_log_level="error",
        dev_server_extra_args=["--dynamic-config-value", "frontend.WorkflowTimeSkippingEnabled=true"],
        data_converter=data_converter(Settings(), namespace="default"),
    ) as environment:
        await initialise(environment.client)
        yield environment


async def test_a_month_at_rest_adds_nothing_and_takes_nothing_away() -> None:
    async with skipping() as environment, Stage(environment.client, task_queue="time") as stage:
        handle, _ = await stage.submit("resting", key="1")
        await stage.until(handle, lambda s: s.phase == Phase.APPLIED)
        before = (await handle.describe()).history_length
        began = await environment.get_current_time(handle)
        await environment.fast_forward(handle, timedelta(days=30))
        assert await environment.get_current_time(handle) - began >= timedelta(days=30)
        assert (await handle.describe()).history_length - before <= 2
        stage.plan = lambda _: plan_for("a", "b", "c", digest="d2")
        await stage.submit("resting", key="2")
        status = await stage.until(handle, lambda s: s.revision == 2 and s.phase == Phase.APPLIED)
        assert status.counts == {"Applied": 3}


async def test_what_fits_nowhere_is_tried_again_ever_more_rarely() -> None:
    async with skipping() as environment, Stage(environment.client, task_queue="again") as stage:
        tries: list[PlanRequest] = []

        def plan(request: PlanRequest) -> Plan:
            tries.append(request)
            if len(tries) < 6:
                return plan_for(unschedulable="no room", retry=True, message="no room")
            return plan_for("a")

        stage.plan = plan
        handle, _ = await stage.submit("parked", key="1")
        await stage.until(handle, lambda s: s.phase == Phase.UNSCHEDULABLE)
        # 30 s, 1, 2, 4 and then 5 minutes.
        await environment.fast_forward(handle, timedelta(seconds=29))
        assert len(tries) == 1
        for pause in (2, 60, 120, 240, 300):
            seen = len(tries)
            await environment.fast_forward(handle, timedelta(seconds=pause + 1))
            async with asyncio.timeout(10):
                while len(tries) == seen:
                    await asyncio.sleep(0.02)
        await stage.until(handle, lambda s: s.phase == Phase.APPLIED)
        assert len(tries) == 6


async def test_a_stateful_copy_waits_five_minutes_and_is_kept_by_a_hold_for_days() -> None:
    async with skipping() as environment, Stage(environment.client, task_queue="patience") as stage:
        handle, _ = await stage.submit("patient", key="1")
        await stage.until(handle, lambda s: s.phase == Phase.APPLIED)
        failed_at = await environment.get_current_time(handle)
        asked: list[PlanRequest] = []

        def plan(request: PlanRequest) -> Plan:
            asked.append(request)
            if request.steering.held:
                return plan_for("a", "b", "c", held_back="held")
            if len(asked) == 1:
                return plan_for("a", "b", "c", evict_at={"c": failed_at + timedelta(seconds=300)})
            return plan_for("a", "b", evicting={"c": Eviction(since=failed_at, why="it does not answer")})

        stage.plan = plan
        await handle.signal("cluster_event", ClusterEvent(cluster="c", kind="NotReady", ready=False))
        await stage.until(handle, lambda s: bool(s.evict_at))
        await environment.fast_forward(handle, timedelta(seconds=290))
        assert len(asked) == 1
        await handle.signal("hold", Steer(request_id="h"))
        await stage.until(handle, lambda s: bool(s.steering.held))
        await environment.fast_forward(handle, timedelta(days=3))
        assert len(asked) == 2
        assert not (await stage.until(handle, lambda _: True)).left
        await handle.signal("resume", Steer(request_id="r"))
        status = await stage.until(handle, lambda s: s.counts == {"Applied": 2, "Evicting": 1})
        # Three more days change nothing: its cluster does not answer.
        await environment.fast_forward(handle, timedelta(days=3))
        assert not stage.removed
        assert status.phase == Phase.APPLIED


async def test_a_copy_does_not_wait_for_ever_for_others_to_be_well() -> None:
    async with skipping() as environment, Stage(environment.client, task_queue="grace") as stage:
        stage.plan = lambda _: plan_for("a", "b")
        handle, _ = await stage.submit("graceful", key="1")
        await stage.until(handle, lambda s: s.phase == Phase.APPLIED)
        since = await environment.get_current_time(handle)
        gone = Eviction(since=since, why="its taint is not tolerated", answers=True, grace_seconds=600)
        stage.plan = lambda _: plan_for("a", evicting={"b": gone})
        await handle.signal("cluster_event", ClusterEvent(cluster="b", kind="Edited", ready=True))
        await stage.until(handle, lambda s: s.counts == {"Applied": 1, "Evicting": 1})
        await environment.fast_forward(handle, timedelta(seconds=590))
        assert not stage.removed
        await environment.fast_forward(handle, timedelta(seconds=15))
        await stage.until(handle, lambda s: sorted(s.clusters) == ["a"])
        assert [request.cluster for request in stage.removed] == ["b"]


async def test_a_lease_that_is_over_proves_that_a_writer_has_stopped() -> None:
    async with skipping() as environment, Stage(environment.client, task_queue="lease") as stage:
        stage.plan = lambda _: plan_for("a")
        handle, _ = await stage.submit("writer", key="1")
        await stage.until(handle, lambda s: s.phase == Phase.APPLIED)
        since = await environment.get_current_time(handle)
        gone = Eviction(since=since, why="it does not answer")
        fenced = Moving(fenced=True, lease_seconds=7200)
        stage.plan = lambda _: plan_for("b", evicting={"a": gone}, moving=fenced)
        await handle.signal("cluster_event", ClusterEvent(cluster="a", kind="NotReady", ready=False))
        status = await stage.until(handle, lambda s: s.awaited == ("a",))
        assert "until" in status.message
        await environment.fast_forward(handle, timedelta(seconds=7100))
        assert {request.cluster for request in stage.applied} == {"a"}
        await environment.fast_forward(handle, timedelta(seconds=110))
        await stage.until(handle, lambda s: s.counts == {"Applied": 1, "Evicting": 1})
        assert not stage.removed
