"""The monitor of one cluster: one long activity that probes, and returns on confirmed changes only."""

from __future__ import annotations

import asyncio
import random
import time
from datetime import UTC, datetime

from temporalio import activity

from activities.contracts import Inspected, Observation, WatchCluster
from activities.errors import temporal_errors
from argosy.api.membership import Health
from argosy.errors import ArgosyError
from argosy.kube.connect import Members
from argosy.kube.facts import Collected, Probe, collect, probe

FAILURE_THRESHOLD = 5.0
SUCCESS_THRESHOLD = 2.0
PROBE_TIMEOUT = 2.0
FACTS_INTERVAL = 30.0


class Monitors:
    """The activity that watches; as many run at once as there are clusters."""

    def __init__(self, *, members: Members, interval: float) -> None:
        self._members = members
        self._interval = interval

    @activity.defn(name="watch")
    @temporal_errors
    async def watch(self, request: WatchCluster) -> Observation:
        """Probe until the condition is confirmed to differ from the known one, or the facts have changed."""
        confirming_since: float | None = None
        facts_due = time.monotonic() + FACTS_INTERVAL * random.uniform(0.5, 1)  # noqa: S311 - spreads the load
        while True:
            seen = await self._probe(request)
            activity.heartbeat(
                {
                    "ok": seen.ok,
                    "latency_ms": round(seen.latency * 1000, 1),
                    "at": datetime.now(UTC).isoformat(),
                }
            )
            now = time.monotonic()
            if seen.ok == request.health.ready:
                confirming_since = None
            else:
                confirming_since = confirming_since or now
                needed = SUCCESS_THRESHOLD if seen.ok else FAILURE_THRESHOLD
                if now - confirming_since >= needed:
                    return await self._transition(request, seen)
            if seen.ok and request.health.ready and now >= facts_due:
                collected = await self._collected(request)
                facts_due = now + FACTS_INTERVAL
                if collected is not None and collected.facts != request.facts:
                    return self._changed(request, collected)
            await asyncio.sleep(self._interval)

    async def _probe(self, request: WatchCluster) -> Probe:
        try:
            member = await self._members.get(request.name, request.settings.connection)
        except ArgosyError as error:
            return Probe(ok=False, latency=0, reason="StatusCollectionFailed", message=str(error))
        return await probe(member, timeout=PROBE_TIMEOUT)

    async def _transition(self, request: WatchCluster, seen: Probe) -> Observation:
        if seen.ok:
            collected = await self._collected(request)
            if collected is not None:
                return self._changed(request, collected)
        return Observation(health=_health(ready=seen.ok, reason=seen.reason, message=seen.message))

    def _changed(self, request: WatchCluster, collected: Collected) -> Observation:
        inspected = Inspected(facts=collected.facts, enablements=collected.enablements)
        if request.facts.uid and collected.facts.uid != request.facts.uid:
            # Another cluster answers at the old address; its facts are none of ours.
            return Observation(
                health=_health(
                    ready=False,
                    reason="ClusterReplaced",
                    message=f"another cluster answers at {collected.facts.server}; unjoin and join it again",
                )
            )
        health = request.health if request.health.ready else _health(ready=True, reason="ClusterReady")
        return Observation(health=health, inspected=inspected)

    async def _collected(self, request: WatchCluster) -> Collected | None:
        """The facts, or None where they cannot be read; that alone does not make a cluster unhealthy."""
        try:
            member = await self._members.get(request.name, request.settings.connection)
            return await collect(member)
        except ArgosyError as error:
            activity.logger.info("facts of %s could not be read: %s", request.name, error)
            return None


def _health(*, ready: bool, reason: str, message: str = "") -> Health:
    return Health(ready=ready, reason=reason, message=message, since=datetime.now(UTC))
