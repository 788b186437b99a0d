"""The clusters as scheduling sees them: a snapshot per process, at most a second old."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from activities import attributes
from activities.lists import decoded, published_by, runs
from argosy.api.ids import cluster_id
from argosy.api.membership import ClusterPhase, ClusterStatus
from argosy.errors import NotFound, Transient

# Whoever announces a change to a cluster waits this long after the lists show it.
MAX_AGE = 1.0

_MEMBERS = {ClusterPhase.READY, ClusterPhase.NOT_READY}

RUNNING_CLUSTERS = 'WorkflowType = "Cluster" AND ExecutionStatus = "Running"'


async def list_clusters(client: Client, *, name: str = "") -> dict[str, ClusterStatus]:
    """Every open cluster by name, as the lists show them (they lag behind by fractions of a second).

    Args:
        name: only this one.
    """
    return await _Reader(client).read(f' AND {attributes.NAME.name} = "{name}"' if name else "")


class _Reader:
    """Reads lists of clusters; what has not changed since the last time is not decoded again."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: dict[str, tuple[bytes, ClusterStatus]] = {}

    async def read(self, restriction: str = "") -> dict[str, ClusterStatus]:
        """Clusters by name, in order."""
        found: dict[str, tuple[bytes, ClusterStatus]] = {}
        async for run in runs(self._client, RUNNING_CLUSTERS + restriction):
            payload = published_by(run)
            if payload is None:
                continue
            identifier = run.execution.workflow_id
            known = self._known.get(identifier)
            # The bytes alone: a part of an answer keeps all of it, and answers about large fleets have megabytes.
            if known is None or known[0] != payload.data:
                known = (payload.data, await decoded(self._client, payload, ClusterStatus))
            found[identifier] = known
        self._known = found
        return dict(sorted((status.name, status) for _, status in found.values()))


class ClusterSnapshot:
    """All clusters, refreshed when asked for and older than `MAX_AGE`; concurrent askers share one refresh."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._reader = _Reader(client)
        self._listed: dict[str, ClusterStatus] = {}
        self._clusters: dict[str, ClusterStatus] = {}
        self._taken = float("-inf")
        self._lock = asyncio.Lock()

    async def clusters(
        self, *, max_age: float = MAX_AGE, epochs: Mapping[str, int] | None = None
    ) -> dict[str, ClusterStatus]:
        """Every cluster by name, as it was at most `max_age` seconds ago.

        Args:
            epochs: cluster -> the epoch that has to be known at least; lists lag, so an entity is asked where they
                are behind.

        Raises:
            Transient: Temporal's lists did not answer, and what is known is too old.
        """
        await self.listed(since=time.monotonic() - max_age)
        for name, epoch in (epochs or {}).items():
            async with self._lock:
                known = self._clusters.get(name)
                # One that has just joined, perhaps anew under its old name, may not be in the lists yet.
                if known is None or known.epoch < epoch or known.phase not in _MEMBERS:
                    with contextlib.suppress(NotFound):
                        self._clusters = {**self._clusters, name: await self._asked(name)}
        return self._clusters

    async def listed(self, *, since: float) -> dict[str, ClusterStatus]:
        """Every cluster by name, as one reading of the lists showed them that began after a moment.

        Args:
            since: on the monotonic clock.

        Raises:
            Transient: Temporal's lists did not answer, and what is known is too old.
        """
        if self._taken < since:
            async with self._lock:
                if self._taken < since:
                    await self._refresh()
        return self._listed

    async def cluster(self, name: str) -> ClusterStatus:
        """One cluster, asked of its entity where the snapshot does not have it yet.

        Raises:
            NotFound: no such cluster is joined.
        """
        return self._clusters.get(name) or await self._asked(name)

    async def _asked(self, name: str) -> ClusterStatus:
        try:
            description = await self._client.get_workflow_handle(cluster_id(name)).describe()
            status = (
                await description.memo_value(attributes.STATUS, None, type_hint=ClusterStatus)
                if description.status == WorkflowExecutionStatus.RUNNING
                else None
            )
        except RPCError as error:
            if error.status == RPCStatusCode.NOT_FOUND:
                raise NotFound(f"no cluster {name} is joined; see `argosy cluster list`") from error
            raise Transient(f"Temporal does not answer: {error.message}") from error
        if status is None:
            raise NotFound(f"no cluster {name} is joined; see `argosy cluster list`")
        return status

    async def _refresh(self) -> None:
        started = time.monotonic()
        try:
            found = await self._reader.read()
        except RPCError as error:
            raise Transient(f"Temporal does not list clusters: {error.message}") from error
        known = self._clusters
        self._listed = found
        self._clusters = {name: _later(known.get(name), status) for name, status in found.items()}
        self._taken = started


def _later(known: ClusterStatus | None, listed: ClusterStatus) -> ClusterStatus:
    """Of two statuses of one membership the one that came later: what was asked directly is ahead of the lists."""
    same = known is not None and known.joined_at == listed.joined_at
    return known if known is not None and same and known.epoch > listed.epoch else listed
