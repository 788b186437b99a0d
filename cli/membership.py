"""What `argosy cluster` does: requests to a cluster's entity, and waiting for what comes of them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.client import WorkflowExecutionDescription, WorkflowExecutionStatus, WorkflowFailureError
from temporalio.common import SearchAttributePair, TypedSearchAttributes, WorkflowIDConflictPolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError

from activities import attributes
from activities.snapshot import list_clusters
from argosy.api.ids import cluster_id, queue_inside
from argosy.api.membership import (
    NAME_PATTERN,
    ClusterInput,
    ClusterPhase,
    ClusterSettings,
    ClusterState,
    ClusterStatus,
    Edit,
    Join,
    Unjoin,
)
from argosy.api.record import Record
from argosy.api.steering import SteerCluster
from argosy.errors import ArgosyError, InvalidInput, NotFound, NoWorker, named
from cli.connection import new_id
from cli.runtime import TimedOut
from cli.session import TASK_TIMEOUT, Session

INTERVAL = 0.1
AT_ONCE = 16
# Whoever joins hundreds of clusters asks for all of them all the time.
INTERVAL_AT_MOST = 1.0


async def joined(session: Session, name: str, settings: ClusterSettings, *, timeout: float) -> ClusterStatus:
    """Join a cluster, or re-join it with new settings; returns when the lists show it ready.

    Raises:
        InvalidInput: the name cannot be a cluster's.
        Conflict: the name is another server's, or the server has another name.
        TimedOut: it took too long.
        ArgosyError: the worker could not connect; nothing is left behind.
    """
    check_name(name)
    await session.require_worker()
    if settings.pulls and not await worker_inside(session, name):
        raise NoWorker(
            f"no worker polls task queue {queue_inside(session.settings.task_queue, name)}, so {name} was not joined; "
            f"start `argosy worker run --cluster {name}` inside it first"
        )
    state = ClusterState(name=name, settings=settings, joined_by=session.actor)
    try:
        await session.client.start_workflow(
            "Cluster",
            ClusterInput(state=state),
            id=cluster_id(name),
            task_queue=session.settings.task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            task_timeout=TASK_TIMEOUT,
            search_attributes=TypedSearchAttributes(
                [
                    SearchAttributePair(attributes.NAME, name),
                    SearchAttributePair(attributes.PHASE, str(ClusterPhase.JOINING)),
                ]
            ),
            static_summary=f"cluster {name}",
        )
    except WorkflowAlreadyStartedError:
        request = Join(request_id=new_id(), requested_by=session.actor, settings=settings)
        await session.update(cluster_id(name), "join", request, str)
        status = await _until(
            session, name, lambda found: found.last_request == request.request_id, timeout=timeout
        )
        if status.last_refusal:
            category, _, message = status.last_refusal.partition(": ")
            raise named(category, message) from None
        return status
    status = await _until(
        session,
        name,
        lambda found: found.phase in {ClusterPhase.READY, ClusterPhase.NOT_READY},
        timeout=timeout,
    )

    async def listed() -> bool:
        return _is_ready((await list_clusters(session.client, name=name)).get(name))

    await _patiently(
        listed,
        timeout=timeout,
        otherwise=f"cluster {name} has joined, but Temporal's lists do not show it yet",
    )
    return status


async def worker_inside(session: Session, name: str) -> str:
    """Which worker polls the task queue of a cluster in pull mode, by its identity; empty where none does."""
    return await session.poller(
        queue_inside(session.settings.task_queue, name), TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY
    )


async def workers_inside(session: Session, statuses: Iterable[ClusterStatus]) -> dict[str, str]:
    """Cluster in pull mode -> the worker inside it, by its identity; empty where none polls."""
    names = [status.name for status in statuses if status.settings.pulls]
    gate = asyncio.Semaphore(AT_ONCE)

    async def look(name: str) -> str:
        async with gate:
            return await worker_inside(session, name)

    return dict(zip(names, await asyncio.gather(*(look(name) for name in names)), strict=True))


def check_name(name: str) -> None:
    """Refuse what cannot name a cluster.

    Raises:
        InvalidInput: it is too long, or has other characters than a DNS label.
    """
    if not re.fullmatch(NAME_PATTERN, name):
        raise InvalidInput(
            f"{name!r} cannot be a cluster's name; use 1 to 48 lower-case letters, digits and '-', "
            "beginning and ending with a letter or digit"
        )


async def unjoined(
    session: Session, name: str, *, delete_workloads: bool, force: bool, timeout: float
) -> None:
    """Let a cluster go and wait until nothing claims it.

    Raises:
        NotFound: no such cluster is joined.
        TimedOut: something still claims it; names the way out.
    """
    await session.require_worker()
    request = Unjoin(
        request_id=new_id(), requested_by=session.actor, delete_workloads=delete_workloads, force=force
    )
    if await session.update(cluster_id(name), "unjoin", request, str) is None:
        raise NotFound(f"no cluster {name} is joined; see `argosy cluster list`")

    async def gone() -> bool:
        described = await session.describe(cluster_id(name))
        return described is None or described.status != WorkflowExecutionStatus.RUNNING

    await _patiently(
        gone,
        timeout=timeout,
        otherwise=f"{name} is still leaving after {timeout:g} s: propagations wait to remove their copies; "
        f"see `argosy get propagations -A`, or let go at once with `argosy cluster unjoin {name} --force`",
    )


async def edited(session: Session, name: str, request: Edit) -> ClusterSettings:
    """Change a cluster's labels or taints; the settings now in force.

    Raises:
        NotFound: no such cluster is joined.
    """
    return await _asked(session, name, "edit", request)


async def steered(session: Session, name: str, request: SteerCluster) -> ClusterSettings:
    """Ask for a failover or its end, hold a cluster or let go of it; the settings now in force.

    Raises:
        NotFound: no such cluster is joined.
    """
    return await _asked(session, name, "steer", request)


async def _asked(session: Session, name: str, update: str, request: Record) -> ClusterSettings:
    await session.require_worker()
    settings: ClusterSettings | None = await session.update(
        cluster_id(name), update, request, ClusterSettings
    )
    if settings is None:
        raise NotFound(f"no cluster {name} is joined; see `argosy cluster list`")
    return settings


async def _until(
    session: Session, name: str, holds: Callable[[ClusterStatus], bool], *, timeout: float
) -> ClusterStatus:
    found: list[ClusterStatus] = []

    async def looked() -> bool:
        described = await session.describe(cluster_id(name))
        if described is not None and described.status != WorkflowExecutionStatus.RUNNING:
            raise await _failure(session, name)
        status = await status_of(described)
        if status is not None and holds(status):
            found.append(status)
        return bool(found)

    await _patiently(
        looked,
        timeout=timeout,
        otherwise=f"cluster {name} has not joined within {timeout:g} s; it goes on in the background, "
        f"see `argosy cluster get {name}`",
    )
    return found[0]


async def _patiently(condition: Callable[[], Awaitable[bool]], *, timeout: float, otherwise: str) -> None:
    pause = INTERVAL
    try:
        async with asyncio.timeout(timeout):
            while not await condition():
                await asyncio.sleep(pause)
                pause = min(pause * 1.5, INTERVAL_AT_MOST)
    except TimeoutError:
        raise TimedOut(otherwise) from None


async def _failure(session: Session, name: str) -> ArgosyError:
    """Why a cluster's entity ended: the typed failure of its join."""
    try:
        await session.client.get_workflow_handle(cluster_id(name)).result()
    except WorkflowFailureError as error:
        cause = error.cause
        if isinstance(cause, ApplicationError):
            return named(cause.type or "", cause.message)
    return ArgosyError(
        f"the entity of cluster {name} has ended; see `temporal workflow show -w {cluster_id(name)}`"
    )


async def status_of(described: WorkflowExecutionDescription | None) -> ClusterStatus | None:
    """What a cluster's entity publishes; None where it has published nothing yet."""
    if described is None:
        return None
    status: ClusterStatus | None = await described.memo_value(
        attributes.STATUS, None, type_hint=ClusterStatus
    )
    return status


def _is_ready(status: ClusterStatus | None) -> bool:
    return status is not None and status.phase in {ClusterPhase.READY, ClusterPhase.NOT_READY}
