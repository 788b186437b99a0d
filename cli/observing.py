"""A propagation as it is now: what it published, and the attempts that Temporal has under way for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from temporalio.api.enums.v1 import PendingActivityState
from temporalio.client import Client, WorkflowExecutionDescription

from argosy.api.propagation import PropagationStatus


@dataclass(frozen=True)
class Attempt:
    """An activity that is under way or waits for its next attempt."""

    kind: str
    cluster: str
    attempt: int
    waiting: bool
    next_attempt: datetime | None
    message: str
    category: str


@dataclass(frozen=True)
class Observed:
    """A propagation as it is now: what it published, and what is under way.

    Attributes:
        busy: something has been said to it that it has not dealt with, or it is telling others something.
    """

    workflow_id: str
    running: bool
    status: PropagationStatus
    attempts: dict[str, Attempt]
    busy: bool = False


_TELLING = {"await_policy", "tell_dependencies", "policies_changed", "tell_clusters"}


def is_busy(described: WorkflowExecutionDescription) -> bool:
    """Whether an entity has not dealt with everything that it was told, or is telling others."""
    raw = described.raw_description
    telling = any(pending.activity_type.name in _TELLING for pending in raw.pending_activities)
    return telling or raw.HasField("pending_workflow_task")


async def attempts_of(client: Client, described: WorkflowExecutionDescription) -> dict[str, Attempt]:
    """What is under way for each cluster, from the entity's pending activities."""
    found: dict[str, Attempt] = {}
    for pending in described.raw_description.pending_activities:
        kind, _, rest = pending.activity_id.partition("/")
        cluster = rest.rpartition("/")[0]
        if kind not in {"apply", "remove", "correct"} or not cluster:
            continue
        message = category = ""
        if pending.HasField("last_failure"):
            failure = await _failure(client, pending.last_failure)
            message, category = str(failure), getattr(failure, "type", "") or ""
        waiting = pending.state == PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED
        due = pending.next_attempt_schedule_time
        found[cluster] = Attempt(
            kind=kind,
            cluster=cluster,
            attempt=pending.attempt,
            waiting=waiting and pending.attempt > 1,
            next_attempt=due.ToDatetime(UTC) if pending.HasField("next_attempt_schedule_time") else None,
            message=message.removeprefix(f"{category}: "),
            category=category,
        )
    return found


async def _failure(client: Client, failure: Any) -> BaseException:
    converter = client.data_converter
    codec = converter.payload_codec
    if codec is not None:
        await codec.decode_failure(failure)
    return converter.failure_converter.from_failure(failure, converter.payload_converter)
