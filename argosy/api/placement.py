"""Where a propagation goes and how replicas are divided: `spec.placement` of a propagation policy."""

from __future__ import annotations

from typing import Literal

from argosy.api.base import Int64, Model
from argosy.api.meta import LabelSelector, Toleration


class FieldSelectorRequirement(Model):
    """One condition on a cluster's provider, region or zone.

    Attributes:
        key: provider, region or zone.
        operator: In or NotIn.
        values: of the field.
    """

    key: str
    operator: str
    values: tuple[str, ...] = ()


class FieldSelector(Model):
    """Conditions on a cluster's fields.

    Attributes:
        match_expressions: all of them have to hold.
    """

    match_expressions: tuple[FieldSelectorRequirement, ...] = ()


class ClusterAffinity(Model):
    """A set of clusters: every part given must hold, and `exclude` wins over all of them.

    Attributes:
        label_selector: on labels of the cluster; left out, no condition.
        field_selector: on its provider, region or zone.
        cluster_names: empty is any name.
        exclude: names of clusters that do not belong to it.
    """

    label_selector: LabelSelector | None = None
    field_selector: FieldSelector | None = None
    cluster_names: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


class NamedClusterAffinity(ClusterAffinity):
    """An affinity with a name, as used for overflow groups.

    Attributes:
        affinity_name: a label key of at most 32 characters, different from the others'.
    """

    affinity_name: str


class ClusterAffinityTerm(NamedClusterAffinity):
    """One of the ordered groups of `clusterAffinities`, with the groups that take what it cannot hold.

    Attributes:
        overflow_affinities: clusters for what this group has no room for, one group after another.
    """

    overflow_affinities: tuple[NamedClusterAffinity, ...] = ()


SpreadByField = Literal["cluster", "region", "zone", "provider"]


class SpreadConstraint(Model):
    """How many groups of clusters a placement must span.

    Attributes:
        spread_by_field: what makes a group; cluster where nothing is written.
        spread_by_label: refused.
        max_groups: at most so many; 0 is no bound, with behaviour `karmada` it leaves no cluster.
        min_groups: at least so many; 1 where nothing is written.
    """

    spread_by_field: SpreadByField | None = None
    spread_by_label: str = ""
    max_groups: Int64 = 0
    min_groups: Int64 = 0


class StaticClusterWeight(Model):
    """The weight of some clusters.

    Attributes:
        target_cluster: which ones; each of them has the weight.
        weight: at least 1; shares are in proportion.
    """

    target_cluster: ClusterAffinity
    weight: Int64


class ClusterPreferences(Model):
    """Weights for dividing replicas.

    Attributes:
        static_weight_list: fixed ones.
        dynamic_weight: by the room there is; wins over the list.
    """

    static_weight_list: tuple[StaticClusterWeight, ...] = ()
    dynamic_weight: Literal["AvailableReplicas"] | None = None


class ReplicaSchedulingStrategy(Model):
    """Whether and how replicas are divided.

    Attributes:
        replica_scheduling_type: Duplicated gives all of them to every cluster; Divided where the block is written
            without it.
        replica_division_preference: Aggregated uses as few clusters as have room, Weighted goes by weights, and is what
            Divided means where nothing is written.
        weight_preference: the weights; left out, all are equal.
    """

    replica_scheduling_type: Literal["Duplicated", "Divided"] | None = None
    replica_division_preference: Literal["Aggregated", "Weighted"] | None = None
    weight_preference: ClusterPreferences | None = None


class WorkloadAffinityTerm(Model):
    """Which workloads belong together.

    Attributes:
        group_by_label_key: those of the namespace that have the same value of this label.
    """

    group_by_label_key: str


class WorkloadAffinity(Model):
    """Keeps workloads that share a label value together or apart.

    Attributes:
        affinity: together.
        anti_affinity: apart.
    """

    affinity: WorkloadAffinityTerm | None = None
    anti_affinity: WorkloadAffinityTerm | None = None


class Placement(Model):
    """The scheduling part of a propagation policy.

    Attributes:
        cluster_affinity: which clusters; left out, all of them. Not beside `cluster_affinities`.
        cluster_affinities: ordered groups; the first that works is used.
        cluster_tolerations: taints that do not keep new copies away, and for how long they let copies stay.
        spread_constraints: how many clusters, regions, zones or providers.
        replica_scheduling: how replicas are divided; left out, they are Duplicated.
        workload_affinity: together with other workloads, or apart from them.
    """

    cluster_affinity: ClusterAffinity | None = None
    cluster_affinities: tuple[ClusterAffinityTerm, ...] = ()
    cluster_tolerations: tuple[Toleration, ...] = ()
    spread_constraints: tuple[SpreadConstraint, ...] = ()
    replica_scheduling: ReplicaSchedulingStrategy | None = None
    workload_affinity: WorkloadAffinity | None = None
