"""Requests that nobody answers end in time, and when they are interrupted."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from temporalio.client import Client, WorkflowUpdateRPCTimeoutOrCancelledError

from argosy.config import Settings
from argosy.errors import Unreachable
from cli import connection
from cli.connection import Connection


class Unanswered:
    """An update that no worker takes, as the SDK behaves: whoever is cancelled says that it was a time-out."""

    def __init__(self) -> None:
        self.attempts = 0

    async def __call__(self) -> Any:
        self.attempts += 1
        # It would go on for ever.
        assert self.attempts < 20
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            raise WorkflowUpdateRPCTimeoutOrCancelledError from None


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Connection:
    # The whole wait ends amid an attempt, not between two.
    monkeypatch.setattr(connection, "ATTEMPT_TIMEOUT", 0.1)
    monkeypatch.setattr(connection, "ANSWER_TIMEOUT", 0.35)
    return Connection(cast("Client", None), Settings())


async def test_a_request_that_no_worker_answers_ends(impatient: Connection) -> None:
    update = Unanswered()
    async with asyncio.timeout(5):
        with pytest.raises(Unreachable, match="no worker answered"):
            await impatient.answered(update)
    assert update.attempts == 4


async def test_a_request_that_is_interrupted_is_not_repeated(impatient: Connection) -> None:
    update = Unanswered()
    waiting = asyncio.create_task(impatient.answered(update))
    await asyncio.sleep(0.05)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(waiting, 5)
    assert update.attempts == 1
