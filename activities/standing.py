"""Whether an attempt to write still counts.

A process that is frozen, or starved, goes on later with what it had begun, and with what it had been handed and not yet
read. By then Temporal may long have given the same work to another worker, and that work may be done, and undone.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from temporalio import activity
from temporalio.client import AsyncActivityCancelledError
from temporalio.service import RPCError, RPCStatusCode

from argosy.errors import Raced

# A workflow task counts for three seconds, and what is written as a part of it may take 0.7.
WITHIN_A_TASK = timedelta(seconds=2)


async def ensure_current(asked_at: datetime | None) -> None:
    """Go on only where nobody else can have been given this work meanwhile.

    Clocks only raise the suspicion. A part of a workflow task is then left to an activity of its own, which is slower
    and does no harm; of an activity, Temporal is asked.

    Args:
        asked_at: when the workflow task began of which the attempt is a part; None for an activity of its own.

    Raises:
        Raced: the attempt may not, or does not, count any more.
    """
    if not activity.in_activity():
        return
    now, info = datetime.now(UTC), activity.info()
    if info.is_local:
        if asked_at is not None and now - asked_at > WITHIN_A_TASK:
            raise Raced("the workflow task has taken too long to write within it; an activity does")
        return
    lasts = info.start_to_close_timeout
    if lasts is not None and now - info.started_time > lasts and not await _counts(info.task_token):
        raise Raced("this attempt was given up before it began to write; another one does")


async def _counts(token: bytes) -> bool:
    try:
        await activity.client().get_async_activity_handle(task_token=token).heartbeat()
    except AsyncActivityCancelledError:
        return False
    except RPCError as error:
        if error.status == RPCStatusCode.NOT_FOUND:
            return False
        raise Raced(f"Temporal does not say whether this attempt still counts: {error.message}") from error
    return True
