"""Connections to member clusters by name: from the central workers, or from the one worker inside a cluster."""

from __future__ import annotations

from dataclasses import dataclass

from activities.snapshot import ClusterSnapshot
from argosy.api.membership import ClusterSettings, ClusterStatus
from argosy.errors import OutOfReach
from argosy.kube.connect import Member, Members
from argosy.kube.service_account import Source


@dataclass(frozen=True)
class Inside:
    """The cluster that a worker runs inside of, and where the credentials for it are."""

    cluster: str
    source: Source


class MemberPool:
    """Open connections, one per cluster, shared by all activities of the process.

    Args:
        inside: the only cluster that this process may touch; None is every cluster that is not in pull mode.
    """

    def __init__(self, *, snapshot: ClusterSnapshot, members: Members, inside: Inside | None = None) -> None:
        self._snapshot = snapshot
        self._members = members
        self._inside = inside

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
            OutOfReach: another worker has to reach it.
            InvalidInput: its kubeconfig cannot be used on this worker.
        """
        if self._inside is not None:
            return await self._members.get(cluster, self._own(cluster, self._inside))
        status = await self._snapshot.cluster(cluster)
        return await self.by_settings(cluster, status.settings)

    async def by_settings(self, cluster: str, settings: ClusterSettings) -> Member:
        """The connection to a cluster whose settings are known.

        Raises:
            OutOfReach, InvalidInput: as `get`.
        """
        return await self._members.get(cluster, self._source(cluster, settings))

    async def renewed(self, cluster: str, settings: ClusterSettings) -> Member:
        """A connection that was opened just now, whatever there was before.

        Raises:
            OutOfReach, InvalidInput: as `get`.
        """
        return await self._members.renewed(cluster, self._source(cluster, settings))

    def _source(self, cluster: str, settings: ClusterSettings) -> Source:
        if self._inside is not None:
            return self._own(cluster, self._inside)
        if settings.pulls:
            raise OutOfReach(
                f"{cluster} is in pull mode; only `argosy worker run --cluster {cluster}` inside it reaches "
                "its API server"
            )
        return settings.connection

    @staticmethod
    def _own(cluster: str, inside: Inside) -> Source:
        if cluster != inside.cluster:
            raise OutOfReach(
                f"this worker runs inside {inside.cluster} and touches no other cluster, so nothing was done in "
                f"{cluster}"
            )
        return inside.source
