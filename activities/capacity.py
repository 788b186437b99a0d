"""How many replicas fit where, from a closer look at the clusters' nodes and quotas than the lists allow."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from activities.members import MemberPool
from activities.placing import asks_for_room
from argosy.api.behaviour import Behaviour
from argosy.api.membership import ClusterStatus
from argosy.api.placement import Placement
from argosy.errors import ArgosyError
from argosy.interpreter.interpreted import Interpreted
from argosy.kube.capacity import Rooms
from argosy.scheduling.component_sets import sets_on_nodes
from argosy.scheduling.fitting import replicas_that_fit

# Planning must not wait for a cluster that hangs; what is not known by then goes by the cluster's summary.
LOOK_SECONDS = 0.8
# In a larger fleet the summaries have to do: a decision must not read thousands of nodes in each of them.
LOOK_AT_MOST = 100


class Capacity:
    """Estimates for single decisions; what is read of a cluster is shared by all decisions of some seconds."""

    def __init__(self, members: MemberPool) -> None:
        self._members = members
        self._rooms = Rooms()

    async def estimates(
        self,
        template: Mapping[str, Any],
        known: Interpreted,
        placement: Placement,
        clusters: Mapping[str, ClusterStatus],
        *,
        behaviour: Behaviour,
        max_age: float,
    ) -> dict[str, int]:
        """Cluster -> replicas of the template that fit beside what runs there; only where that was read in time.

        Empty where the placement does not ask for room.

        Args:
            max_age: seconds for which what was read of a cluster counts.
        """
        components, requirements = known.components, known.requirements
        counted = bool(known.replicas or components)
        if not counted or not asks_for_room(placement) or len(clusters) > LOOK_AT_MOST:
            return {}
        namespace = str(template["metadata"].get("namespace") or "")

        async def look(cluster: str) -> int | None:
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    member = await self._members.get(cluster)
                    room, quotas = await asyncio.gather(
                        self._rooms.room(member, max_age=max_age),
                        self._rooms.quotas(member, namespace, max_age=max_age),
                    )
            except (ArgosyError, TimeoutError):
                return None
            if components:
                return sets_on_nodes(components, room.nodes)
            return replicas_that_fit(requirements, room.nodes, quotas, behaviour=behaviour)

        # Of a cluster that only a worker inside it reaches, the summary has to do.
        ready = [
            name for name, status in clusters.items() if status.health.ready and not status.settings.pulls
        ]
        found = await asyncio.gather(*(look(name) for name in ready))
        return {name: fitting for name, fitting in zip(ready, found, strict=True) if fitting is not None}

    async def close(self) -> None:
        """Let go of reads that are under way."""
        await self._rooms.close()
