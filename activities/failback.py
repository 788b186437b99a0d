"""Returning to a cluster that is well again: a wave of templates at a time, the next when this one is healthy."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from temporalio import activity
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from activities import attributes
from activities.contracts import FailBack, FailedBack
from activities.errors import temporal_errors
from activities.lists import published
from activities.notify import OPEN_PROPAGATIONS
from argosy.api.propagation import Phase, PropagationStatus
from argosy.errors import Transient

LOOK_EVERY = 0.5
_ROUNDS = 2
"""Lists lag, so that they have to show nobody this many times in a row."""


class FailBacks:
    """The activity that lets templates return.

    Args:
        patience: seconds that a wave may take to become healthy; after that nothing more is moved.
    """

    def __init__(self, client: Client, *, patience: float) -> None:
        self._client = client
        self._patience = patience

    @activity.defn(name="fail_back")
    @temporal_errors
    async def fail_back(self, request: FailBack) -> FailedBack:
        """Ask those who stay away from the cluster to return; ends early where a wave does not become healthy."""
        details = activity.info().heartbeat_details
        asked: dict[str, None] = dict.fromkeys(details[0] if details else ())
        empty = 0
        while empty < _ROUNDS:
            away = await staying_away(self._client, request.name)
            wave = [name for name in away if name not in asked][: request.wave]
            # Whoever was asked by an attempt that was lost belongs to this wave as well.
            wave = [*(name for name in asked if name in away), *wave]
            empty = 0 if wave else empty + 1
            for name in wave:
                await self._ask(name, request)
                asked[name] = None
                activity.heartbeat(list(asked))
            sick = await self._settled(wave, request.name, list(asked))
            if sick:
                return FailedBack(
                    count=len(asked), stopped=f"{sick} did not become healthy; nothing more returns"
                )
            await asyncio.sleep(LOOK_EVERY)
        return FailedBack(count=len(asked))

    async def _ask(self, identifier: str, request: FailBack) -> None:
        order = request.order.model_copy(
            update={"cluster": request.name, "request_id": f"{request.order.request_id}/{request.name}"}
        )
        try:
            await self._client.get_workflow_handle(identifier).signal("recover", order)
        except RPCError as error:
            if error.status != RPCStatusCode.NOT_FOUND:
                raise Transient(f"Temporal takes no signal: {error.message}") from error

    async def _settled(self, wave: list[str], cluster: str, asked: list[str]) -> str:
        """Wait until those of a wave have returned and are healthy; who did not in time, or nobody."""
        try:
            async with asyncio.timeout(self._patience):
                for identifier in wave:
                    while not await self._has_returned(identifier, cluster):
                        activity.heartbeat(asked)
                        await asyncio.sleep(LOOK_EVERY)
        except TimeoutError:
            return identifier.partition("/")[2]
        return ""

    async def _has_returned(self, identifier: str, cluster: str) -> bool:
        try:
            described = await self._client.get_workflow_handle(identifier).describe()
        except RPCError as error:
            if error.status == RPCStatusCode.NOT_FOUND:
                return True
            raise Transient(f"Temporal does not answer: {error.message}") from error
        status = await described.memo_value(attributes.STATUS, None, type_hint=PropagationStatus)
        if described.status != WorkflowExecutionStatus.RUNNING or status is None:
            return True
        well = status.health is None or status.health.is_healthy
        return cluster not in status.left and status.phase in {Phase.APPLIED, Phase.SUSPENDED} and well


async def staying_away(client: Client, cluster: str) -> Mapping[str, PropagationStatus]:
    """The propagations that were moved away from a cluster and have not returned, those of the highest priority first.

    Raises:
        Transient: Temporal does not list them.
    """
    found: dict[str, PropagationStatus] = {}
    try:
        async for identifier, raw in published(client, OPEN_PROPAGATIONS, dict):
            if cluster in (raw.get("left") or {}):
                found[identifier] = PropagationStatus.model_validate(raw)
    except RPCError as error:
        raise Transient(f"Temporal does not list propagations: {error.message}") from error
    return dict(sorted(found.items(), key=lambda one: (-one[1].priority, one[0])))
