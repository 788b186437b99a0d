"""The clusters as scheduling sees them: made of what their entities publish, once for each snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from activities.runs import RunInputs
from argosy.api.cluster import APIEnablement, Cluster, ClusterSpec, ResourceSummary
from argosy.api.cluster import ClusterStatus as Reported
from argosy.api.ids import cluster_id
from argosy.api.membership import NOT_READY_TAINT, ClusterInput, ClusterPhase, ClusterStatus
from argosy.api.meta import ObjectMeta, Taint

Enablements = tuple[APIEnablement, ...]
CACHED_LISTS = 64
_LEAVING_SINCE = datetime(1970, 1, 1, tzinfo=UTC)


def fleet_of(
    statuses: Mapping[str, ClusterStatus], enablements: Mapping[str, Enablements]
) -> dict[str, Cluster]:
    """By name: the clusters that are members, and those that leave and are to be emptied.

    The copies in all others are no longer Argosy's to touch.

    Args:
        enablements: digest -> list of APIs.
    """
    return {
        name: as_cluster(status, enablements.get(status.facts.enablements_digest, ()))
        for name, status in sorted(statuses.items())
        if is_member(status) or is_emptied(status)
    }


def is_member(status: ClusterStatus) -> bool:
    """Whether a cluster has joined and does not leave."""
    return status.phase in {ClusterPhase.READY, ClusterPhase.NOT_READY}


def is_emptied(status: ClusterStatus) -> bool:
    """Whether a cluster leaves and its copies are to be deleted."""
    return status.purge and not is_member(status)


def as_cluster(status: ClusterStatus, enablements: Enablements) -> Cluster:
    """A cluster as scheduling sees it; one that is not ready repels new copies."""
    settings, resources = status.settings, status.facts.resources
    taints = settings.taints
    if not status.health.ready:
        taints = (*taints, Taint(key=NOT_READY_TAINT, effect="NoSchedule", time_added=status.health.since))
    return Cluster(
        metadata=ObjectMeta(
            name=status.name,
            labels=settings.labels,
            creation_timestamp=status.joined_at,
            deletion_timestamp=None if is_member(status) else _LEAVING_SINCE,
        ),
        spec=ClusterSpec(
            provider=settings.provider,
            region=settings.region,
            zones=settings.zones,
            taints=taints,
            sync_mode=settings.sync_mode.value,
        ),
        status=Reported(
            kubernetes_version=status.facts.version,
            api_enablements=enablements,
            resource_summary=ResourceSummary.model_validate(resources) if resources else None,
        ),
    )


class Fleets:
    """The fleet of each snapshot, with the lists of APIs that the memos only name by digest."""

    def __init__(self, inputs: RunInputs) -> None:
        self._inputs = inputs
        self._lists: dict[str, Enablements] = {}
        self._statuses: Mapping[str, ClusterStatus] = {}
        self._fleet: dict[str, Cluster] = {}

    async def of(self, statuses: Mapping[str, ClusterStatus]) -> Mapping[str, Cluster]:
        """The fleet of a snapshot.

        Raises:
            Transient: Temporal did not answer.
        """
        if statuses is not self._statuses:
            wanted: dict[str, str] = {}
            for status in statuses.values():
                wanted.setdefault(status.facts.enablements_digest, status.name)
            lists = {digest: await self._list(digest, name) for digest, name in wanted.items()}
            fleet = fleet_of(statuses, lists)
            if any(digest and digest not in self._lists for digest in wanted):
                # A list that is not in place yet may be there a moment later.
                return fleet
            self._statuses, self._fleet = statuses, fleet
        return self._fleet

    async def _list(self, digest: str, cluster: str) -> Enablements:
        """The APIs that go by `digest`, as the current run of one cluster that has it was given them."""
        if not digest or digest in self._lists:
            return self._lists.get(digest, ())
        identifier = cluster_id(cluster)
        run_id = await self._inputs.current_run(identifier)
        if run_id is None:
            return ()
        state = (await self._inputs.read(identifier, run_id, ClusterInput)).state
        if state.facts.enablements_digest != digest:
            # It publishes before it rolls over; the next snapshot finds the list in place.
            return ()
        found = tuple(APIEnablement.model_validate(one) for one in state.enablements)
        self._lists[digest] = found
        while len(self._lists) > CACHED_LISTS:
            del self._lists[next(iter(self._lists))]
        return found
