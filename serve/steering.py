"""From decided alerts to signals: once each, not too many at a time, and with an answer for every one."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from argosy.api.alerting import (
    Alert,
    AlertRules,
    Decision,
    Result,
    decide,
    request_id,
    request_of,
)
from argosy.api.ids import cluster_id
from argosy.api.messages import Steer
from argosy.api.steering import SteerAction
from serve.metrics import OFF, ServeMetrics

logger = logging.getLogger("argosy.serve.alerts")

ANSWER_SECONDS = 5.0
"""That Temporal may take, retries included; the client's own limit is one for each try."""
PAUSE = 1.0
"""Seconds in which a Temporal that has not answered is not asked again."""
_SILENT = "Temporal does not answer"
MOST_REMEMBERED = 10_000
PERIOD = 60.0
"""Seconds over which actions are counted."""


@dataclass(frozen=True)
class Outcome:
    """What became of one alert, as it is answered."""

    fingerprint: str
    decision: Decision
    result: Result

    def answer(self) -> dict[str, str | None]:
        """The entry in the answer's list."""
        return {
            "fingerprint": self.fingerprint,
            "rule": self.decision.rule,
            "cluster": self.decision.cluster or None,
            "action": self.decision.action,
            "result": self.result,
        }


class Memory:
    """What has been asked of clusters lately, the oldest forgotten first.

    The clusters remember requests themselves; this spares them the signal, and knows what a resolved alert ended.
    """

    def __init__(self, most: int = MOST_REMEMBERED) -> None:
        self._most = most
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()

    def __contains__(self, key: tuple[str, str]) -> bool:
        return key in self._known

    def add(self, *keys: tuple[str, str]) -> None:
        """Remember each of (cluster, request ID)."""
        for key in keys:
            self._known[key] = None
            self._known.move_to_end(key)
        while len(self._known) > self._most:
            self._known.popitem(last=False)


class Allowance:
    """At most so many actions in any minute.

    Args:
        clock: seconds that only grow.
    """

    def __init__(self, most: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._taken: deque[float] = deque()

    def take(self) -> bool:
        """Whether one more action is allowed now; counts it if so."""
        now = self._clock()
        while self._taken and now - self._taken[0] >= PERIOD:
            self._taken.popleft()
        if len(self._taken) >= self._most:
            return False
        self._taken.append(now)
        return True

    def give_back(self) -> None:
        """Do not count the latest action, because it did not happen."""
        if self._taken:
            self._taken.pop()

    def wait(self) -> float:
        """Seconds until one more action is allowed."""
        return max(0.0, self._taken[0] + PERIOD - self._clock()) if self._taken else 0.0


class Steering:
    """Acts upon alerts by signals to the entities of clusters.

    Args:
        dry_run: look whether the cluster is there, and do nothing.
    """

    def __init__(
        self,
        client: Client,
        rules: AlertRules,
        *,
        allowance: Allowance,
        dry_run: bool = False,
        metrics: ServeMetrics = OFF,
    ) -> None:
        self._client = client
        self._metrics = metrics
        self._rules = rules
        self._dry_run = dry_run
        self._memory = Memory()
        # Alertmanagers of one group send the same at the same moment; one after the other, the second is known.
        self._turn = asyncio.Lock()
        self._paused_until = 0.0
        self.allowance = allowance

    async def act(self, alerts: Iterable[Alert]) -> list[Outcome]:
        """Do what the rules say about each alert, in order, and log it in one line each.

        Once Temporal does not answer, neither the rest nor what has queued behind it is delivered: each would only
        wait as long again.
        """
        outcomes: list[Outcome] = []
        async with self._turn:
            down = time.monotonic() < self._paused_until
            for alert in alerts:
                decision = decide(self._rules, alert)
                result, why = await self._act(alert, decision, down=down)
                if result == Result.NOT_DELIVERED and not down:
                    down = True
                    self._paused_until = time.monotonic() + PAUSE
                _log(alert, decision, result, why)
                self._metrics.alert(decision.rule, result)
                outcomes.append(Outcome(alert.fingerprint, decision, result))
        return outcomes

    async def _act(self, alert: Alert, decision: Decision, *, down: bool) -> tuple[Result, str]:
        if decision.rule is None:
            return Result.NO_RULE, ""
        if decision.action is None:
            self._ended(alert, decision)
            return Result.NOTHING_TO_DO, ""
        if not decision.names_a_cluster:
            return Result.NO_SUCH_CLUSTER, "the alert does not name one"
        request = request_of(alert, decision)
        key = (decision.cluster, request.request_id)
        if key in self._memory:
            return Result.KNOWN_ALREADY, ""
        if down:
            return Result.NOT_DELIVERED, "not tried"
        if self._dry_run:
            return await self._rehearse(decision)
        if not self.allowance.take():
            return Result.RATE_LIMITED, ""
        result, why = await self._signal(decision, decision.action, request)
        if result != Result.SIGNALLED:
            self.allowance.give_back()
            return result, why
        self._memory.add(key)
        self._ended(alert, decision)
        return result, why

    def _ended(self, alert: Alert, decision: Decision) -> None:
        """Once an alert is resolved, a late copy of its beginning must not act any more."""
        if alert.status == "resolved" and not self._dry_run:
            begun = alert.model_copy(update={"status": "firing"})
            self._memory.add(*((decision.cluster, request_id(begun, action)) for action in SteerAction))

    async def _signal(self, decision: Decision, action: SteerAction, request: Steer) -> tuple[Result, str]:
        handle = self._client.get_workflow_handle(cluster_id(decision.cluster))
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await handle.signal(action.value, request)
        except TimeoutError:
            # It may have arrived; then the cluster knows the request when it comes again.
            return Result.NOT_DELIVERED, _SILENT
        except RPCError as error:
            # Closed counts as absent: a cluster that has left has nothing to steer.
            if error.status == RPCStatusCode.NOT_FOUND:
                return Result.NO_SUCH_CLUSTER, ""
            return Result.NOT_DELIVERED, f"Temporal: {error.status.name}"
        self._metrics.signal(decision.cluster, action)
        return Result.SIGNALLED, request.reason

    async def _rehearse(self, decision: Decision) -> tuple[Result, str]:
        handle = self._client.get_workflow_handle(cluster_id(decision.cluster))
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                described = await handle.describe()
        except TimeoutError:
            return Result.NOT_DELIVERED, _SILENT
        except RPCError as error:
            if error.status == RPCStatusCode.NOT_FOUND:
                return Result.NO_SUCH_CLUSTER, ""
            return Result.NOT_DELIVERED, f"Temporal: {error.status.name}"
        there = described.status == WorkflowExecutionStatus.RUNNING
        return (Result.DRY_RUN if there else Result.NO_SUCH_CLUSTER), ""


def _log(alert: Alert, decision: Decision, result: Result, why: str) -> None:
    fields = {
        "alert": alert.labels.get("alertname", ""),
        "status": alert.status,
        "fingerprint": alert.fingerprint,
        "rule": decision.rule or "",
        "cluster": decision.cluster,
        "action": decision.action or "",
        "result": result,
        "why": why,
    }
    # Quoted as JSON, so that nothing in an alert can begin a line of its own.
    logger.info(" ".join(f"{name}={json.dumps(str(value))}" for name, value in fields.items()))
