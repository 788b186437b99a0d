"""Who is told of a change, and in which order."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest
from temporalio.testing import ActivityEnvironment

from activities.contracts import PlanRequest
from activities.notify import OPEN_PROPAGATIONS, Notifiers
from activities.pacing import Pace
from argosy.api.plan import Plan
from argosy.api.propagation import Phase
from tests.workflows.stage import Stage, plan_for

pytestmark = pytest.mark.timeout(60)


def _planned(plan: Plan, _: PlanRequest) -> Plan:
    return plan


async def test_those_of_higher_priority_are_told_first(stage: Stage) -> None:
    ids = []
    for name, priority in (("calm", 0), ("urgent", 1000), ("brisk", 10)):
        plan = plan_for("a", priority=priority)
        stage.plan = partial(_planned, plan)
        handle, _ = await stage.submit(name, key="1")
        await stage.until(handle, lambda status: status.phase == Phase.APPLIED)
        ids.append(handle.id)
    notifiers = Notifiers(stage.client, task_queue=stage.session.settings.task_queue, pace=Pace(1000))
    async with asyncio.timeout(20):
        while True:
            listed = await ActivityEnvironment().run(notifiers._listed, OPEN_PROPAGATIONS)
            if [one for one in listed if one in ids] == [ids[1], ids[2], ids[0]]:
                return
            # The lists lag behind.
            await asyncio.sleep(0.1)
