"""Where a propagation goes and how replicas are divided: `spec.placement` of a propagation policy."""

from __future__ import annotations

from typing import Literal

from argosy.api.base import Int64, Model
from argosy.api.meta import LabelSelector, Toleration


class FieldSelectorRequirement(Model):
    """One condition on a cluster's provider, region or zone."""

    key: str
    operator: str
    values: tuple[str, ...] = ()


class FieldSelector(Model):
    match_expressions: tuple[FieldSelectorRequirement, ...] = ()


class ClusterAffinity(Model):
    """A set of clusters: every part given must hold, and `exclude` wins over all of them.

    `label_selector` None means no condition; empty `cluster_names` means any name.
    """

    label_selector: LabelSelector | None = None
    field_selector: FieldSelector | None = None
    cluster_names: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


class NamedClusterAffinity(ClusterAffinity):
    """An affinity with a name, as used for overflow groups."""

    affinity_name: str


class ClusterAffinityTerm(NamedClusterAffinity):
    """One of the ordered groups of `clusterAffinities`, with the groups that take what it cannot hold."""

    overflow_affinities: tuple[NamedClusterAffinity, ...] = ()


SpreadByField = Literal["cluster", "region", "zone", "provider"]


class SpreadConstraint(Model):
    """How many groups of clusters (by field or label) a placement must span; 0 means not given."""

    spread_by_field: SpreadByField | None = None
    spread_by_label: str = ""
    max_groups: Int64 = 0
    min_groups: Int64 = 0


class StaticClusterWeight(Model):
    target_cluster: ClusterAffinity
    weight: Int64


class ClusterPreferences(Model):
    """Weights for dividing replicas; `dynamic_weight` wins over the static list."""

    static_weight_list: tuple[StaticClusterWeight, ...] = ()
    dynamic_weight: Literal["AvailableReplicas"] | None = None


class ReplicaSchedulingStrategy(Model):
    replica_scheduling_type: Literal["Duplicated", "Divided"] | None = None
    replica_division_preference: Literal["Aggregated", "Weighted"] | None = None
    weight_preference: ClusterPreferences | None = None


class WorkloadAffinityTerm(Model):
    group_by_label_key: str


class WorkloadAffinity(Model):
    """Keeps workloads that share a label value together (`affinity`) or apart (`anti_affinity`)."""

    affinity: WorkloadAffinityTerm | None = None
    anti_affinity: WorkloadAffinityTerm | None = None


class Placement(Model):
    """The scheduling part of a propagation policy; no `replica_scheduling` means Duplicated."""

    cluster_affinity: ClusterAffinity | None = None
    cluster_affinities: tuple[ClusterAffinityTerm, ...] = ()
    cluster_tolerations: tuple[Toleration, ...] = ()
    spread_constraints: tuple[SpreadConstraint, ...] = ()
    replica_scheduling: ReplicaSchedulingStrategy | None = None
    workload_affinity: WorkloadAffinity | None = None
