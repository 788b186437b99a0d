"""Telling propagations what was seen of their copies: coalesced, paced, and what matters first.

A signal costs the Temporal server about 9 ms of CPU, so a thousand objects that change at once must not make a
thousand signals each second.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass, field

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.metrics import OFF, Metrics
from argosy.api.observation import CopyObservation, Observed

SIGNALS_PER_SECOND = 25.0
"""Of one process."""
QUIET = 2.0
"""Seconds between two signals to one propagation that are not urgent."""
GATHER_URGENT = 0.05
"""Seconds in which the copies in other clusters, which often change together, may join an urgent signal."""
URGENT_QUIET = 0.25
"""Seconds between two urgent signals to one propagation, so that a copy that flaps does not take all the room."""
PREFERENCE = 60.0
"""Seconds that something urgent is sent before what is not, where there is more to send than may be; not for ever."""
RETRY_AFTER = 1.0
_AT_ONCE = 8

logger = logging.getLogger(__name__)


@dataclass
class _Mail:
    """What one propagation is still to be told, and when."""

    due: float
    urgent: bool = False
    copies: dict[str, CopyObservation] = field(default_factory=dict)

    @property
    def rank(self) -> float:
        """The smallest goes first."""
        return self.due - PREFERENCE if self.urgent else self.due


class Reporter:
    """The outbox of a process's observations."""

    def __init__(self, client: Client, *, metrics: Metrics = OFF) -> None:
        self._client = client
        self._metrics = metrics
        self._outbox: dict[str, _Mail] = {}
        self._sent: dict[str, float] = {}
        self._arrived = asyncio.Event()
        self._sending: set[asyncio.Task[None]] = set()

    def offer(self, propagation: str, cluster: str, seen: CopyObservation, *, urgent: bool) -> None:
        """Have a propagation told; a later observation of the same copy takes the place of one not sent yet."""
        now = asyncio.get_running_loop().time()
        gather, quiet = (GATHER_URGENT, URGENT_QUIET) if urgent else (QUIET / 2, QUIET)
        due = max(now + gather, self._sent.get(propagation, now - quiet) + quiet)
        mail = self._outbox.setdefault(propagation, _Mail(due))
        mail.due = min(mail.due, due)
        mail.urgent |= urgent
        mail.copies[cluster] = seen
        self._metrics.told(queued=len(self._outbox))
        self._arrived.set()

    async def run(self) -> None:
        """Send, until cancelled."""
        clock = asyncio.get_running_loop().time
        while True:
            if not self._outbox:
                self._arrived.clear()
                await self._arrived.wait()
            propagation = self._next(clock())
            if propagation is None or len(self._sending) >= _AT_ONCE:
                soonest = min(mail.due for mail in self._outbox.values())
                self._arrived.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._arrived.wait(), timeout=max(0.01, soonest - clock()))
                continue
            mail = self._outbox.pop(propagation)
            self._forget_old(clock())
            self._sent[propagation] = clock()
            task = asyncio.create_task(self._send(propagation, mail))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)
            await asyncio.sleep(1 / SIGNALS_PER_SECOND)

    def _next(self, now: float) -> str | None:
        """Whom to tell first of those whose time has come."""
        due = ((mail.rank, name) for name, mail in self._outbox.items() if mail.due <= now)
        return min(due, default=(0.0, None))[1]

    async def _send(self, propagation: str, mail: _Mail) -> None:
        handle = self._client.get_workflow_handle(propagation)
        try:
            await handle.signal("observed", Observed(copies=mail.copies))
            self._metrics.told(queued=len(self._outbox), sent=1)
        except RPCError as error:
            # One that has ended has nothing to be told.
            if error.status == RPCStatusCode.NOT_FOUND:
                return
            logger.info("%s could not be told what was seen: %s", propagation, error)
            later = self._outbox.setdefault(
                propagation, _Mail(asyncio.get_running_loop().time() + RETRY_AFTER)
            )
            later.copies = {**mail.copies, **later.copies}
            later.urgent |= mail.urgent
            self._arrived.set()

    def _forget_old(self, now: float) -> None:
        if len(self._sent) > 1000:
            self._sent = {name: at for name, at in self._sent.items() if now - at < QUIET}
