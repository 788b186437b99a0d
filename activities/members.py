"""Connections to member clusters by name, resolved through the clusters' entities."""

from __future__ import annotations

from activities.snapshot import ClusterSnapshot
from argosy.api.membership import ClusterStatus
from argosy.kube.connect import Member, Members


class MemberPool:
    """Open connections, one per cluster, shared by all activities of the process."""

    def __init__(self, *, snapshot: ClusterSnapshot, members: Members) -> None:
        self._snapshot = snapshot
        self._members = members

    async def known(self) -> dict[str, ClusterStatus]:
        """Every joined cluster by name.

        Raises:
            Transient: Temporal's lists did not answer, and what is known is too old.
        """
        return await self._snapshot.clusters()

    async def get(self, cluster: str) -> Member:
        """The connection to a joined cluster.

        Raises:
            NotFound: no such cluster is joined.
            InvalidInput: its kubeconfig cannot be used on this worker.
        """
        status = await self._snapshot.cluster(cluster)
        return await self._members.get(cluster, status.settings.connection)
