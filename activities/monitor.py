"""The monitor of one cluster: one long activity that probes, and returns on confirmed changes only."""

from __future__ import annotations

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.service import RPCError

from activities.contracts import Inspected, Observation, WatchCluster
from activities.errors import temporal_errors
from activities.members import MemberPool
from activities.metrics import OFF, Metrics
from activities.sweeping import Observers
from argosy.api.conditions import (
    READY_MESSAGE,
    ClusterCondition,
    apis_condition,
    moved,
    nodes_condition,
    watching_condition,
)
from argosy.api.membership import ClusterFacts, Health
from argosy.api.messages import StuckReplicas
from argosy.errors import ArgosyError
from argosy.kube.connect import Member
from argosy.kube.facts import Collected, Probe, collect, probe
from argosy.kube.stuck import stuck_replicas
from argosy.scheduling.confirmation import (
    Change,
    Doubt,
    Thresholds,
    doubted,
    is_confirmed,
    needed,
    suggested,
)
from argosy.scheduling.rounds import facts_interval, heartbeat_interval, probe_interval, wanted_patience

PROBE_TIMEOUT = 2.0
# How many clusters a process watches is not known before its monitors have all begun.
SETTLED_AFTER = 600.0
HAND_OVER = 0.05
HAND_OVER_DELAY = timedelta(milliseconds=50)
LONGEST_DOUBT = timedelta(minutes=5)
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
        members: MemberPool,
        observers: Observers,
        interval: float,
        thresholds: Thresholds,
        deschedule_after: float,
        fleet_guard: float,
        instance: str,
        metrics: Metrics = OFF,
    ) -> None:
        self.metrics = metrics
        self._client = client
        self.observers = observers
        self.watched = 0
        self._members = members
        self._interval = interval
        self.thresholds = thresholds
        self._deschedule_after = deschedule_after
        self.fleet_guard = fleet_guard
        self._instance = instance
        # Outlives single attempts, which end with every change of the facts.
        self._reported: defaultdict[str, Reported] = defaultdict(Reported)

    @activity.defn(name="watch")
    @temporal_errors
    async def watch(self, request: WatchCluster) -> Observation:
        """Probe until a condition is confirmed to differ from the known one, or the facts have changed."""
        self.watched += 1
        try:
            return await Attempt(self, request).run()
        finally:
            self.watched -= 1

    def pause(self, *, doubtful: bool) -> float:
        """Seconds until the next look at a cluster; what is in doubt is looked at as often as the settings say."""
        if doubtful:
            return self._interval
        # All that began together would go on together.
        spread = random.uniform(0.9, 1.1)  # noqa: S311 - spreads the load
        return spread * probe_interval(self._interval, self.watched)

    async def looked_into(self, request: WatchCluster) -> Collected | None:
        """What takes longer than a probe: pods that wait in vain are reported, and the facts collected."""
        await self._report_stuck(request)
        return await self.collected(request)

    async def _report_stuck(self, request: WatchCluster) -> None:
        """Tell propagations of replicas that wait for a node in vain, where a setting asks for that."""
        if not self._deschedule_after:
            return
        try:
            member = await self.member(request)
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

    async def member(self, request: WatchCluster) -> Member:
        """The connection to a cluster, by the settings of now."""
        return await self._members.by_settings(request.name, request.settings)

    async def probe(self, request: WatchCluster) -> Probe:
        """One look at a cluster."""
        seen = await self._probed(request)
        self.metrics.probed(request.name, ok=seen.ok, seconds=seen.latency)
        return seen

    async def _probed(self, request: WatchCluster) -> Probe:
        try:
            member = await self.member(request)
        except ArgosyError as error:
            return Probe(ok=False, latency=0, reason="StatusCollectionFailed", message=str(error))
        # A probe that hangs must not take longer than what it is to confirm.
        timeout = min(PROBE_TIMEOUT, self.thresholds.failure.total_seconds())
        return await probe(member, timeout=timeout)

    async def collected(self, request: WatchCluster) -> Collected | None:
        """The facts, or None where they cannot be read; that alone does not make a cluster unhealthy."""
        try:
            return await collect(await self.member(request))
        except ArgosyError as error:
            activity.logger.info("facts of %s could not be read: %s", request.name, error)
            return None


class Attempt:
    """One attempt of the activity: what it doubts, and what it is about to find out."""

    def __init__(self, monitors: Monitors, request: WatchCluster) -> None:
        self._monitors = monitors
        self._request = request
        self._doubt = resumed(activity.info().heartbeat_details, now=datetime.now(UTC))
        self._facts: asyncio.Task[Collected | None] | None = None
        self._began = time.monotonic()
        spread = random.uniform(0.5, 1)  # noqa: S311 - spreads the load
        self._facts_due = self._began + facts_interval(monitors.watched) * spread
        self._beat_every = heartbeat_interval(request.patience)
        self._beat = -self._beat_every

    async def run(self) -> Observation:
        """Look until there is something to tell.

        Raises:
            ApplicationError: the worker shuts down, and another one is to go on.
        """
        name, metrics = self._request.name, self._monitors.metrics
        metrics.watching(name, ready=self._request.health.ready)
        try:
            while True:
                began = time.monotonic()
                seen = await self._monitors.probe(self._request)
                found = await self._considered(seen, began=began)
                if found is not None:
                    return found
                await self._pause(seen)
        finally:
            metrics.not_watching(name)
            if self._facts is not None:
                self._facts.cancel()

    async def _considered(self, seen: Probe, *, began: float) -> Observation | None:
        """What a look amounts to, together with those before it; None where that is nothing yet."""
        request, observers = self._request, self._monitors.observers
        now = time.monotonic()
        change = suggested(request.health, ok=seen.ok, reason=seen.reason)
        # A look that waited in vain has seen the cluster fail since it began.
        self._doubt = doubted(self._doubt, change, at=began)
        self._heartbeat(seen)
        if seen.ok and request.health.ready:
            observers.keep(request.name, partial(self._monitors.member, request))
        if self._doubt is None:
            return await self._undoubted(now) if request.health.ready else None
        lasting = needed(
            self._doubt.change, request.failures, self._monitors.thresholds, now=datetime.now(UTC)
        )
        if not is_confirmed(self._doubt, lasting, at=now):
            return None
        found = await self._transition(seen)
        self._doubt = None
        # Another cluster that answers at the old address does so time and again.
        known = (request.health.ready, request.health.reason)
        return None if (found.health.ready, found.health.reason) == known else found

    async def _undoubted(self, now: float) -> Observation | None:
        """While the cluster is well: changes of its facts, of its other conditions, and pods that wait in vain."""
        request = self._request
        if self._facts is None and now >= self._facts_due:
            # Beside the probes, which a long list of pods must not delay.
            self._facts = asyncio.create_task(self._monitors.looked_into(request))
        if self._facts is not None and self._facts.done():
            collected = self._facts.result()
            self._facts = None
            self._facts_due = time.monotonic() + facts_interval(self._monitors.watched)
            if collected is not None and collected.facts != request.facts:
                return self._changed(collected)
        conditions = self._conditions(request.facts)
        if moved(request.conditions, conditions):
            return Observation(health=request.health, conditions=conditions)
        settled = now - self._began > SETTLED_AFTER
        patience = wanted_patience(request.patience, self._monitors.watched, settled=settled)
        return None if patience == request.patience else Observation(health=request.health, patience=patience)

    async def _transition(self, seen: Probe) -> Observation:
        if seen.ok:
            collected = await self._collected_now(seen)
            if collected is not None:
                return self._changed(collected)
            health = _health(ready=True, reason=seen.reason, message=seen.message)
            return Observation(health=health, conditions=self._conditions(self._request.facts))
        return self._not_ready(reason=seen.reason, message=seen.message)

    async def _collected_now(self, seen: Probe) -> Collected | None:
        """The facts; a large cluster takes longer over them than a heartbeat may stay away."""
        collecting = asyncio.create_task(self._monitors.collected(self._request))
        try:
            while not collecting.done():
                self._heartbeat(seen)
                await asyncio.wait({collecting}, timeout=self._monitors.pause(doubtful=True))
            return collecting.result()
        finally:
            collecting.cancel()

    def _not_ready(self, *, reason: str, message: str) -> Observation:
        self._monitors.observers.drop(self._request.name)
        # Nothing else can be judged of a cluster that does not answer, so that stays as it was.
        blind = watching_condition("Unknown", reason, "the cluster is not ready")
        return Observation(health=_health(ready=False, reason=reason, message=message), conditions=(blind,))

    def _changed(self, collected: Collected) -> Observation:
        request = self._request
        inspected = Inspected(facts=collected.facts, enablements=collected.enablements)
        if request.facts.uid and collected.facts.uid != request.facts.uid:
            # Another cluster answers at the old address; its facts are none of ours.
            return self._not_ready(
                reason="ClusterReplaced",
                message=f"another cluster answers at {collected.facts.server}; unjoin and join it again",
            )
        health = request.health
        if not health.ready:
            health = _health(ready=True, reason="ClusterReady", message=READY_MESSAGE)
        return Observation(health=health, inspected=inspected, conditions=self._conditions(collected.facts))

    def _conditions(self, facts: ClusterFacts) -> tuple[ClusterCondition, ...]:
        """What is judged by facts and watches; nothing of watches that nobody keeps yet."""
        watching = self._monitors.observers.watching(self._request.name)
        return (
            apis_condition(digest=facts.enablements_digest, complete=facts.enablements_complete),
            nodes_condition(nodes=facts.nodes, ready=facts.ready_nodes),
            *((watching,) if watching is not None else ()),
        )

    def _heartbeat(self, seen: Probe) -> None:
        now = time.monotonic()
        if self._doubt is None and now - self._beat < self._beat_every:
            return
        self._beat = now
        at = datetime.now(UTC)
        details: dict[str, object] = {
            "ok": seen.ok,
            "latency_ms": round(seen.latency * 1000, 1),
            "at": at.isoformat(),
            "reason": seen.reason,
            # For whoever foretells what this process will do: the setting is its own.
            "fleet_guard": self._monitors.fleet_guard,
        }
        if self._doubt is not None:
            # By the wall clock: another process, perhaps on another machine, goes on from here.
            since = at - timedelta(seconds=now - self._doubt.since)
            details |= {"change": str(self._doubt.change), "since": since.isoformat()}
        activity.heartbeat(details)

    async def _pause(self, seen: Probe) -> None:
        """Wait for the next look; a worker that shuts down hands over at once."""
        try:
            async with asyncio.timeout(self._monitors.pause(doubtful=self._doubt is not None)):
                await activity.wait_for_worker_shutdown()
        except TimeoutError:
            return
        self._beat = -self._beat_every
        self._heartbeat(seen)
        # Heartbeats are encoded in the background, and the last one must not be overtaken.
        await asyncio.sleep(HAND_OVER)
        # An expected end, which the log has in one line rather than as a failure.
        activity.logger.info("handed over: this worker shuts down")
        raise ApplicationError(
            "handed over: this worker shuts down",
            type="HandedOver",
            next_retry_delay=HAND_OVER_DELAY,
            category=ApplicationErrorCategory.BENIGN,
        )


def resumed(details: Sequence[Any], *, now: datetime) -> Doubt | None:
    """The doubt of the attempt before this one, by its last heartbeat, on this process's own clock."""
    last = details[0] if details and isinstance(details[0], dict) else {}
    try:
        change = Change(last["change"])
        passed = now - datetime.fromisoformat(last["since"])
    except (KeyError, TypeError, ValueError):
        return None
    # A clock that is ahead must not confirm anything by itself, nor one that is behind put it off.
    passed = min(max(timedelta(0), passed), LONGEST_DOUBT)
    return Doubt(change, since=time.monotonic() - passed.total_seconds())


def _health(*, ready: bool, reason: str, message: str = "") -> Health:
    return Health(ready=ready, reason=reason, message=message, since=datetime.now(UTC))
