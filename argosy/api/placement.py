"""Where an object goes and how its replicas are divided: the `placement` of a propagation policy."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from argosy.api.base import Model
from argosy.api.meta import LabelSelector, Toleration


class FieldSelectorRequirement(Model):
    key: str
    operator: str
    values: tuple[str, ...] | None = None


class FieldSelector(Model):
    match_expressions: tuple[FieldSelectorRequirement, ...] | None = None


class ClusterAffinity(Model):
    """Which clusters: every part that is given must hold; `exclude` wins over everything."""

    label_selector: LabelSelector | None = None
    field_selector: FieldSelector | None = None
    cluster_names: tuple[str, ...] | None = None
    exclude_clusters: tuple[str, ...] | None = Field(default=None, alias="exclude")


class OverflowAffinityTerm(ClusterAffinity):
    affinity_name: str = Field(min_length=1, max_length=32)


class ClusterAffinityTerm(ClusterAffinity):
    affinity_name: str = Field(min_length=1, max_length=32)
    overflow_affinities: tuple[OverflowAffinityTerm, ...] | None = None


class SpreadConstraint(Model):
    spread_by_field: Literal["cluster", "region", "zone", "provider", ""] | None = None
    spread_by_label: str | None = None
    max_groups: int | None = None
    min_groups: int | None = None


class StaticClusterWeight(Model):
    target_cluster: ClusterAffinity
    weight: int


class ClusterPreferences(Model):
    static_weight_list: tuple[StaticClusterWeight, ...] | None = None
    dynamic_weight: Literal["AvailableReplicas", ""] | None = None


class ReplicaSchedulingStrategy(Model):
    replica_scheduling_type: Literal["Duplicated", "Divided", ""] | None = None
    replica_division_preference: Literal["Aggregated", "Weighted", ""] | None = None
    weight_preference: ClusterPreferences | None = None


class WorkloadAffinityTerm(Model):
    group_by_label_key: str


class WorkloadAffinity(Model):
    affinity: WorkloadAffinityTerm | None = None
    anti_affinity: WorkloadAffinityTerm | None = None


class Placement(Model):
    """Where an object goes; everything left out means every cluster, a full copy in each."""

    cluster_affinity: ClusterAffinity | None = None
    cluster_affinities: tuple[ClusterAffinityTerm, ...] | None = None
    cluster_tolerations: tuple[Toleration, ...] | None = None
    spread_constraints: tuple[SpreadConstraint, ...] | None = None
    replica_scheduling: ReplicaSchedulingStrategy | None = None
    workload_affinity: WorkloadAffinity | None = None
