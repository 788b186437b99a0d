"""Activities in clusters that only a worker inside them reaches: their queues, and what is said where nobody polls."""

from __future__ import annotations

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, TimeoutError, TimeoutType  # noqa: A004 - its name

from argosy.api.ids import queue_inside
from argosy.errors import NoWorker, OutOfReach

NO_WORKER = NoWorker.__name__


def queue_of(cluster: str, *, pulls: bool) -> str | None:
    """The task queue of activities in a cluster; None is the workflow's own."""
    return queue_inside(workflow.info().task_queue, cluster) if pulls else None


def was_never_taken(error: BaseException) -> bool:
    """Whether an activity ended because no worker has begun it in time."""
    cause = error.cause if isinstance(error, ActivityError) else error
    return isinstance(cause, TimeoutError) and cause.type == TimeoutType.SCHEDULE_TO_START


def was_misrouted(error: ActivityError) -> bool:
    """Whether a worker has refused an activity because it is another worker's."""
    return isinstance(error.cause, ApplicationError) and error.cause.type == OutOfReach.__name__


def nobody_inside(cluster: str) -> str:
    """What is wrong where an activity was never taken, and what to do."""
    queue = queue_inside(workflow.info().task_queue, cluster)
    return f"no worker takes work from task queue {queue}; look after `argosy worker run --cluster {cluster}` inside it"
