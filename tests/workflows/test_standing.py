"""Attempts that a worker held on to for too long: they write nothing, because another may have their work by now."""

from __future__ import annotations

import asyncio
import dataclasses
import time
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import RetryPolicy
from temporalio.testing import ActivityEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities import standing
from activities.errors import temporal_errors
from activities.standing import WITHIN_A_TASK, ensure_current
from argosy.errors import Raced

pytestmark = pytest.mark.timeout(60)


@workflow.defn(name="Once")
class Once:
    """One activity, which may take a second."""

    @workflow.run
    async def run(self) -> str:
        """What the activity answers, at the third attempt at the latest."""
        done: str = await workflow.execute_activity(
            "write",
            start_to_close_timeout=timedelta(seconds=1),
            retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=10), maximum_attempts=3),
        )
        return done


async def outcome(client: Client, write: Callable[[], Awaitable[str]]) -> str:
    queue = f"standing-{uuid.uuid4().hex}"
    named = activity.defn(name="write")(temporal_errors(write))
    worker = Worker(
        client,
        task_queue=queue,
        workflows=[Once],
        activities=[named],
        workflow_runner=UnsandboxedWorkflowRunner(),
    )
    async with worker:
        done: str = await client.execute_workflow("Once", id=queue, task_queue=queue, result_type=str)
        return done


async def test_what_was_given_up_while_its_worker_was_frozen_writes_nothing(client: Client) -> None:
    attempts: list[str] = []

    async def write() -> str:
        number = activity.info().attempt
        if number == 1:
            # Nothing of this process goes on, as if it had been stopped.
            time.sleep(2)  # noqa: ASYNC251 - it is to block
        try:
            await ensure_current(None)
        except Raced as error:
            attempts.append(f"{number}: {error}")
            raise
        attempts.append(f"{number}: wrote")
        return "written"

    assert await outcome(client, write) == "written"
    # The attempt that goes on and the one that has taken its place run side by side.
    assert sorted(attempts) == [
        "1: this attempt was given up before it began to write; another one does",
        "2: wrote",
    ]


async def test_a_clock_that_is_wrong_ends_nothing_by_itself(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Ahead(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]  # only ever asked for UTC
            return datetime.now(UTC) + timedelta(hours=1)

    async def write() -> str:
        await ensure_current(None)
        return f"attempt {activity.info().attempt}"

    monkeypatch.setattr(standing, "datetime", Ahead)
    assert await outcome(client, write) == "attempt 1"


async def local(asked_at: datetime | None) -> None:
    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(environment.info, is_local=True)
    await environment.run(ensure_current, asked_at)


async def test_a_part_of_a_task_that_takes_too_long_is_left_to_an_activity() -> None:
    now = datetime.now(UTC)
    await local(None)
    await local(now)
    # Its server's clock may be ahead.
    await local(now + timedelta(minutes=1))
    with pytest.raises(Raced, match="an activity does"):
        await local(now - WITHIN_A_TASK - timedelta(milliseconds=1))


async def test_outside_of_activities_nothing_is_suspected() -> None:
    await asyncio.wait_for(ensure_current(datetime.fromtimestamp(0, UTC)), 1)
