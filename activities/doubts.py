"""Which clusters may be about to fail: asked before a copy leaves one that has failed already.

Clusters that are cut off together are not confirmed to fail in the same moment: probes are not in step, and an entity
whose worker has just died takes in what its monitor told it only seconds later.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from temporalio.client import Client

from activities.monitor import resumed
from activities.runs import described
from argosy.api.ids import cluster_id
from argosy.scheduling.confirmation import Change

ASKED_AT_MOST = 100
"""In a larger fleet nobody is asked: more than half of it would have to be late."""
_LASTS = 0.5


class Doubts:
    """What monitors are about to tell, as their heartbeats and entities show it; an answer serves for half a second."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lock = asyncio.Lock()
        self._asked: tuple[str, ...] = ()
        self._found: tuple[str, ...] = ()
        self._until = 0.0

    async def among(self, names: Sequence[str]) -> tuple[str, ...]:
        """Those of these clusters, which count as well, that may not be.

        Raises:
            Transient: Temporal did not answer.
        """
        if len(names) > ASKED_AT_MOST:
            return ()
        async with self._lock:
            if tuple(names) != self._asked or time.monotonic() > self._until:
                answers = await asyncio.gather(*(self._is_doubted(name) for name in names))
                self._asked = tuple(names)
                self._found = tuple(name for name, doubted in zip(names, answers, strict=True) if doubted)
                self._until = time.monotonic() + _LASTS
            return self._found

    async def _is_doubted(self, name: str) -> bool:
        entity = await described(self._client, cluster_id(name))
        if entity is None:
            return False
        watching = [one for one in entity.pending_activities if one.activity_type.name == "watch"]
        if not watching:
            # The monitor has told something that its entity has not taken in yet.
            return True
        details = await self._client.data_converter.decode(list(watching[0].heartbeat_details.payloads))
        doubt = resumed(details, now=datetime.now(UTC))
        return doubt is not None and doubt.change == Change.FAILS
