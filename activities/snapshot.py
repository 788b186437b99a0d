"""The clusters as scheduling sees them: a snapshot per process, at most a second old."""

from __future__ import annotations

import asyncio
import time

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from activities import attributes
from argosy.api.ids import cluster_id
from argosy.api.membership import ClusterStatus
from argosy.errors import NotFound, Transient

# Whoever announces a change to a cluster waits this long after the lists show it.
MAX_AGE = 1.0

RUNNING_CLUSTERS = 'WorkflowType = "Cluster" AND ExecutionStatus = "Running"'


async def list_clusters(client: Client) -> dict[str, ClusterStatus]:
    """Every open cluster by name, as the lists show them (they lag behind by fractions of a second)."""
    found: dict[str, ClusterStatus] = {}
    async for execution in client.list_workflows(RUNNING_CLUSTERS):
        status = await execution.memo_value(attributes.STATUS, None, type_hint=ClusterStatus)
        if status is not None:
            found[status.name] = status
    return dict(sorted(found.items()))


class ClusterSnapshot:
    """All clusters, refreshed when asked for and older than `MAX_AGE`; concurrent askers share one refresh."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._clusters: dict[str, ClusterStatus] = {}
        self._taken = float("-inf")
        self._lock = asyncio.Lock()

    async def clusters(self, *, max_age: float = MAX_AGE) -> dict[str, ClusterStatus]:
        """Every cluster by name, as it was at most `max_age` seconds ago.

        Raises:
            Transient: Temporal's lists did not answer, and what is known is too old.
        """
        if time.monotonic() - self._taken > max_age:
            async with self._lock:
                if time.monotonic() - self._taken > max_age:
                    await self._refresh()
        return self._clusters

    async def cluster(self, name: str) -> ClusterStatus:
        """One cluster, asked of its entity where the snapshot does not have it yet.

        Raises:
            NotFound: no such cluster is joined.
        """
        known = self._clusters.get(name)
        if known is not None:
            return known
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
            self._clusters = await list_clusters(self._client)
        except RPCError as error:
            raise Transient(f"Temporal does not list clusters: {error.message}") from error
        self._taken = started
