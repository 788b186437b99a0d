"""The monitor of one cluster: one long activity that probes, and returns on confirmed changes only."""

from __future__ import annotations

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial

from temporalio import activity
from temporalio.client import Client
from temporalio.service import RPCError

from activities.contracts import Inspected, Observation, WatchCluster
from activities.errors import temporal_errors
from activities.sweeping import Observers
from argosy.api.membership import Health
from argosy.api.messages import StuckReplicas
from argosy.errors import ArgosyError
from argosy.kube.connect import Member, Members
from argosy.kube.facts import Collected, Probe, collect, probe
from argosy.kube.stuck import stuck_replicas

FAILURE_THRESHOLD = 5.0
SUCCESS_THRESHOLD = 2.0
PROBE_TIMEOUT = 2.0
FACTS_INTERVAL = 30.0
# Room elsewhere may have come since replicas were last reported to find none.
REPORT_AGAIN = 300.0


class Reported:
    """What propagations were told of stuck replicas, so that each is told once in a while only."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[int, float]] = {}

    def news(self, found: Mapping[str, int]) -> dict[str, int]:
        """Those whose number has changed, or who were told long ago; the rest has been said."""
        now = time.monotonic()
        news = {
            name: count
            for name, count in found.items()
            if self._told.get(name, (0, 0.0))[0] != count or now - self._told[name][1] > REPORT_AGAIN
        }
        known = {name: told for name, told in self._told.items() if name in found}
        self._told = {**known, **{name: (count, now) for name, count in news.items()}}
        return news


class Monitors:
    """The activity that watches; as many run at once as there are clusters."""

    def __init__(
        self,
        *,
        client: Client,
        members: Members,
        observers: Observers,
        interval: float,
        deschedule_after: float,
        instance: str,
    ) -> None:
        self._client = client
        self._observers = observers
        self._members = members
        self._interval = interval
        self._deschedule_after = deschedule_after
        self._instance = instance
        # Outlives single attempts, which end with every change of the facts.
        self._reported: defaultdict[str, Reported] = defaultdict(Reported)

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
            if seen.ok and request.health.ready:
                self._observers.keep(request.name, partial(self._member, request))
            now = time.monotonic()
            if seen.ok == request.health.ready:
                confirming_since = None
            else:
                confirming_since = confirming_since or now
                needed = SUCCESS_THRESHOLD if seen.ok else FAILURE_THRESHOLD
                if now - confirming_since >= needed:
                    if not seen.ok:
                        self._observers.drop(request.name)
                    return await self._transition(request, seen)
            if seen.ok and request.health.ready and now >= facts_due:
                await self._report_stuck(request)
                collected = await self._collected(request)
                facts_due = now + FACTS_INTERVAL
                if collected is not None and collected.facts != request.facts:
                    return self._changed(request, collected)
            await asyncio.sleep(self._interval)

    async def _report_stuck(self, request: WatchCluster) -> None:
        """Tell propagations of replicas that wait for a node in vain, where a setting asks for that."""
        if not self._deschedule_after:
            return
        try:
            member = await self._member(request)
            found = await stuck_replicas(
                member,
                instance=self._instance,
                older_than_seconds=self._deschedule_after,
                now=datetime.now(UTC),
            )
            for propagation, count in self._reported[request.name].news(found).items():
                event = StuckReplicas(cluster=request.name, replicas=count)
                await self._client.get_workflow_handle(propagation).signal("replicas_stuck", event)
        except (ArgosyError, RPCError) as error:
            activity.logger.info("waiting pods of %s could not be reported: %s", request.name, error)

    async def _member(self, request: WatchCluster) -> Member:
        return await self._members.get(request.name, request.settings.connection)

    async def _probe(self, request: WatchCluster) -> Probe:
        try:
            member = await self._member(request)
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
            return await collect(await self._member(request))
        except ArgosyError as error:
            activity.logger.info("facts of %s could not be read: %s", request.name, error)
            return None


def _health(*, ready: bool, reason: str, message: str = "") -> Health:
    return Health(ready=ready, reason=reason, message=message, since=datetime.now(UTC))
