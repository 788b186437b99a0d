"""A month in seconds, on a server that skips time: an entity at rest stays at rest, and still answers."""

from __future__ import annotations

import shutil
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.testing import WorkflowEnvironment

from activities.connection import initialise
from activities.converter import data_converter
from argosy.api.propagation import Phase
from argosy.config import Settings
from tests.workflows.stage import Stage, plan_for

pytestmark = pytest.mark.timeout(120)


async def test_a_month_at_rest_adds_nothing_and_takes_nothing_away() -> None:
    binary = shutil.which("temporal", path=str(Path(sys.executable).parent))
    assert binary is not None
    async with await WorkflowEnvironment.start_time_skipping_v2(
        dev_server_existing_path=binary,
        dev_server_log_level="error",
        dev_server_extra_args=["--dynamic-config-value", "frontend.WorkflowTimeSkippingEnabled=true"],
        data_converter=data_converter(Settings(), namespace="default"),
    ) as environment:
        await initialise(environment.client)
        async with Stage(environment.client, task_queue="time") as stage:
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
