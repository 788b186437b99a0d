"""Joining: prove that a cluster can be used, read what it is, and make sure that it has one name only."""

from __future__ import annotations

import asyncio
import time

from temporalio import activity
from temporalio.client import Client

from activities.contracts import ConfirmJoin, Inspected, InspectRequest
from activities.errors import temporal_errors
from activities.members import MemberPool
from activities.snapshot import ClusterSnapshot, list_clusters
from argosy.api.membership import ClusterPhase
from argosy.errors import Conflict, Forbidden, Unauthorized
from argosy.kube.facts import collect

_LIST_INTERVAL = 0.1
# The lists of a server that is busy lag more, and asking more often makes it worse.
_LIST_INTERVAL_AT_MOST = 1.0


class Clusters:
    """Activities of a cluster's membership."""

    def __init__(self, client: Client, *, snapshot: ClusterSnapshot, members: MemberPool) -> None:
        self._client = client
        self._snapshot = snapshot
        self._members = members

    @activity.defn(name="inspect")
    @temporal_errors
    async def inspect(self, request: InspectRequest) -> Inspected:
        """Connect with the credentials that this worker has, and collect the cluster's facts."""
        member = await self._members.renewed(request.name, request.settings)
        try:
            collected = await collect(member)
        except Unauthorized as error:
            # Nobody waits for a token to be renewed while joining.
            raise Forbidden(str(error)) from error
        return Inspected(facts=collected.facts, enablements=collected.enablements)

    @activity.defn(name="confirm_join")
    @temporal_errors
    async def confirm_join(self, request: ConfirmJoin) -> None:
        """Wait until the lists show this cluster; then whoever else has its server shows there too.

        Both of two concurrent joins publish before they look, so at least one sees the other; the lexically
        smaller name wins.
        """
        pause = _LIST_INTERVAL
        while True:
            own = (await list_clusters(self._client, name=request.name)).get(request.name)
            if own is not None and own.facts.uid == request.uid and own.epoch >= request.epoch:
                break
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, _LIST_INTERVAL_AT_MOST)
        # A large fleet takes long to read, so that those who join at once do it together.
        clusters = await self._snapshot.listed(since=time.monotonic())
        for name, other in clusters.items():
            if name == request.name or other.facts.uid != request.uid:
                continue
            if other.phase != ClusterPhase.JOINING or name < request.name:
                raise Conflict(
                    f"its API server is already joined as {name}; use that name, or unjoin {name} first"
                )
