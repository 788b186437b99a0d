"""Copies in clusters that only a worker inside them reaches: whose queue they go by, and what is said meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from temporalio import activity
from temporalio.worker import Worker

from activities.contracts import Applied, ApplyRequest, Removed, RemoveRequest
from cli.membership import worker_inside
from tests.workflows.stage import Stage, permanent, plan_for

pytestmark = pytest.mark.timeout(90)


@contextlib.asynccontextmanager
async def inside(stage: Stage, cluster: str) -> AsyncIterator[list[str]]:
    """A worker for the queue of one cluster; what it has done."""
    done: list[str] = []

    @activity.defn(name="apply")
    async def apply(request: ApplyRequest) -> Applied:
        done.append(f"apply to {request.cluster}")
        return Applied(uid=f"uid-{request.cluster}", digest=request.digest, version="100", fields="ours")

    @activity.defn(name="remove")
    async def remove(request: RemoveRequest) -> Removed:
        done.append(f"remove from {request.cluster}")
        return Removed(outcome="deleted")

    queue = f"{stage.session.settings.task_queue}@{cluster}"
    async with Worker(stage.client, task_queue=queue, activities=[apply, remove]):
        async with asyncio.timeout(20):
            while not await worker_inside(stage.session, cluster):
                await asyncio.sleep(0.05)
        yield done


async def test_work_waits_for_the_worker_inside_and_says_so(stage: Stage) -> None:
    stage.plan = lambda _: plan_for("a", "b", pulls=("b",))
    handle, _ = await stage.submit(key="1")
    said = f"no worker takes work from task queue {stage.session.settings.task_queue}@b"
    status = await stage.until(handle, lambda s: said in s.message, seconds=40)
    assert status.phase == "Applying"
    assert (status.clusters["a"].phase, status.clusters["b"].phase) == ("Applied", "Pending")
    assert status.clusters["b"].category == "NoWorker"
    async with inside(stage, "b") as done:
        status = await stage.until(handle, lambda s: s.phase == "Applied")
        assert done == ["apply to b"]
        assert (status.clusters["b"].category, status.clusters["b"].message) == ("", "")
    await asyncio.sleep(0.5)
    await stage.session.delete(status.ref, orphan=(), preserve=False)
    await stage.until(handle, lambda s: s.phase == "Deleting" and said in s.message, seconds=40)
    async with inside(stage, "b") as done:
        await asyncio.wait_for(handle.result(), 30)
        assert done == ["remove from b"]
    assert [request.cluster for request in stage.applied] == ["a"]
    assert [request.cluster for request in stage.removed] == ["a"]


async def test_a_plan_that_does_not_know_yet_finds_the_way(stage: Stage) -> None:
    stage.plan = lambda _: plan_for("a", "b")
    stage.failing["b"] = permanent("OutOfReach", "b is in pull mode")
    async with inside(stage, "b") as done:
        handle, _ = await stage.submit(key="2")
        await stage.until(handle, lambda s: s.phase == "Applied")
        assert done == ["apply to b"]
