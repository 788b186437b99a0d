"""How many replicas each chosen cluster gets."""

from __future__ import annotations

from collections.abc import Sequence

from argosy.api.cluster import Cluster
from argosy.api.placement import ReplicaSchedulingStrategy
from argosy.api.selectors import cluster_matches
from argosy.scheduling.webster import divide

DUPLICATED = "Duplicated"
STATIC_WEIGHT = "StaticWeight"


def strategy_of(scheduling: ReplicaSchedulingStrategy | None) -> str:
    """The name of the strategy that a placement asks for; none at all means a full copy in each cluster.

    A `replicaScheduling` that names no type is Divided, and a division that names no preference is by weight:
    the defaults of Karmada's schema and webhook.
    """
    if scheduling is None or scheduling.replica_scheduling_type == DUPLICATED:
        return DUPLICATED
    return STATIC_WEIGHT


def by_static_weight(
    replicas: int,
    clusters: Sequence[Cluster],
    scheduling: ReplicaSchedulingStrategy | None,
    *,
    tie_break: str,
) -> dict[str, int]:
    """Shares by the weights of a policy: a cluster has the largest weight of the rules that mean it.

    Clusters that no rule means get nothing; where no cluster has any weight, all weigh the same.
    """
    preference = scheduling.weight_preference if scheduling else None
    rules = preference.static_weight_list if preference else ()
    weights = {
        cluster.name: max(
            (rule.weight for rule in rules if cluster_matches(rule.target_cluster, cluster)), default=0
        )
        for cluster in clusters
    }
    if not any(weights.values()):
        weights = dict.fromkeys(weights, 1)
    return divide(replicas, weights, tie_break=tie_break)
