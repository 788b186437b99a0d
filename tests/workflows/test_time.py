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
from argosy.api.propagation import Phase, Plan
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
