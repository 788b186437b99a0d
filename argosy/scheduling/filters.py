"""The filters that a cluster must pass, each with the reason it gives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from argosy.api.cluster import Cluster
from argosy.api.manifest import ResourceRef
from argosy.api.meta import Taint, Toleration
from argosy.api.placement import ClusterAffinity, ClusterAffinityTerm
from argosy.api.selectors import cluster_matcher
from argosy.scheduling.request import ScheduleRequest

Matcher = Callable[[Cluster], bool]

_REPELLING = frozenset({"NoSchedule", "NoExecute"})
_SPREADABLE = ("provider", "region", "zone")


class Filter(NamedTuple):
    """A condition on clusters; `check` says why a cluster does not pass, nothing where it does."""

    name: str
    check: Callable[[Screen, Cluster], str]


@dataclass(frozen=True, slots=True)
class Screen:
    """One affinity group's filters, with what they need prepared once for all clusters.

    Attributes:
        tiers: the group's own matcher, then its overflow groups'; empty where every cluster is meant.
        holding: clusters that hold a copy now; they are spared the filters that are about arriving.
    """

    request: ScheduleRequest
    tiers: tuple[Matcher, ...]
    spread_by: tuple[str, ...]
    filters: tuple[Filter, ...]
    holding: frozenset[str] = field(default_factory=frozenset)
    evicting: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def of(cls, request: ScheduleRequest, term: ClusterAffinityTerm | None) -> Screen:
        """The screen for one of the ordered groups, or for the placement's only affinity."""
        placement = request.placement
        affinities: Sequence[ClusterAffinity] = ()
        if term is not None:
            # What overflows is replicas; an object without any has nothing to overflow with.
            affinities = (term, *term.overflow_affinities) if request.is_workload else (term,)
        elif placement.cluster_affinity is not None:
            affinities = (placement.cluster_affinity,)
        fields = {constraint.spread_by_field for constraint in placement.spread_constraints}
        return cls(
            request=request,
            tiers=tuple(cluster_matcher(affinity) for affinity in affinities),
            spread_by=tuple(name for name in _SPREADABLE if name in fields),
            filters=tuple(one for one in FILTERS if one.name not in request.options.without_filters),
            holding=frozenset(target.name for target in request.previous),
            evicting=frozenset(request.evicting),
        )

    def rejection(self, cluster: Cluster) -> tuple[str, str] | None:
        """The filter that a cluster does not pass and why, or None where it passes all."""
        for one in self.filters:
            reason = one.check(self, cluster)
            if reason:
                return one.name, reason
        return None

    def tier(self, cluster: Cluster) -> int:
        """0 where the group itself means the cluster, n where its nth overflow group does first."""
        if len(self.tiers) < 2:
            return 0
        return next((index for index, matches in enumerate(self.tiers) if matches(cluster)), 0)


def _cluster_affinity(screen: Screen, cluster: Cluster) -> str:
    if not screen.tiers or any(matches(cluster) for matches in screen.tiers):
        return ""
    return "cluster(s) did not match the placement cluster affinity constraint"


def _taint_toleration(screen: Screen, cluster: Cluster) -> str:
    if not cluster.spec.taints or cluster.name in screen.holding:
        return ""
    taint = untolerated(cluster.spec.taints, screen.request.placement.cluster_tolerations)
    return f"cluster(s) had untolerated taint {{{_shown(taint)}}}" if taint else ""


def _api_enablement(screen: Screen, cluster: Cluster) -> str:
    if cluster.name in screen.holding or serves(cluster, screen.request.template):
        return ""
    return "cluster(s) did not have the API resource"


def _spread_constraint(screen: Screen, cluster: Cluster) -> str:
    for name in screen.spread_by:
        if name == "provider" and not cluster.provider:
            return "cluster(s) did not have provider property"
        if name == "region" and not cluster.region:
            return "cluster(s) did not have region property"
        if name == "zone" and not cluster.zones:
            return "cluster(s) did not have zones property"
    return ""


def _cluster_eviction(screen: Screen, cluster: Cluster) -> str:
    return "cluster(s) is in the process of eviction" if cluster.name in screen.evicting else ""


def _fail_back(screen: Screen, cluster: Cluster) -> str:
    if cluster.name not in screen.request.staying_away:
        return ""
    return "cluster(s) had its copy moved away; `argosy recover` lets it return"


def _workload_affinity(screen: Screen, cluster: Cluster) -> str:
    if cluster.name in screen.holding or all(cluster.name in at for at in screen.request.together_with):
        return ""
    return "cluster(s) did not have the other workloads of the same affinity group"


def _workload_anti_affinity(screen: Screen, cluster: Cluster) -> str:
    if cluster.name in screen.holding or not any(cluster.name in at for at in screen.request.apart_from):
        return ""
    return "cluster(s) had a workload of the same anti-affinity group"


# The first reason is the one shown: what the policy's author wrote comes before what the cluster is like.
FILTERS: tuple[Filter, ...] = (
    Filter("ClusterAffinity", _cluster_affinity),
    Filter("TaintToleration", _taint_toleration),
    Filter("APIEnablement", _api_enablement),
    Filter("SpreadConstraint", _spread_constraint),
    Filter("ClusterEviction", _cluster_eviction),
    Filter("FailBack", _fail_back),
    Filter("WorkloadAffinity", _workload_affinity),
    Filter("WorkloadAntiAffinity", _workload_anti_affinity),
)


def serves(cluster: Cluster, template: ResourceRef) -> bool:
    """Whether a cluster is known to serve the template's kind."""
    return any(
        enabled.group_version == template.api_version
        and any(served.kind == template.kind for served in enabled.resources)
        for enabled in cluster.status.api_enablements
    )


def is_leaving(cluster: Cluster) -> bool:
    """Whether a cluster is being deleted; such a one is never looked at."""
    return cluster.metadata.deletion_timestamp is not None


def untolerated(taints: Iterable[Taint], tolerations: Iterable[Toleration]) -> Taint | None:
    """The first taint that keeps new copies away, or None."""
    return next(
        (
            taint
            for taint in taints
            if taint.effect in _REPELLING and not any(tolerates(one, taint) for one in tolerations)
        ),
        None,
    )


def tolerates(toleration: Toleration, taint: Taint) -> bool:
    """Whether a toleration covers a taint, as Kubernetes defines it."""
    if toleration.effect and toleration.effect != taint.effect:
        return False
    if toleration.key and toleration.key != taint.key:
        return False
    if toleration.operator == "Exists":
        return True
    return toleration.operator in {"", "Equal"} and toleration.value == taint.value


def _shown(taint: Taint) -> str:
    return f"{taint.key}={taint.value}:{taint.effect}" if taint.value else f"{taint.key}:{taint.effect}"
