"""How many replicas fit into a cluster: by its resource models where it has them, else by its summary.

Algorithm source: Karmada's general estimator.
"""

from __future__ import annotations

from collections.abc import Mapping

from argosy.api.cluster import Cluster, ResourceSummary
from argosy.api.quantity import Quantity
from argosy.api.requirements import ReplicaRequirements

PODS = "pods"
CPU = "cpu"
PODS_PER_NODE = 110

_NOTHING = Quantity(0)


def max_replicas(cluster: Cluster, requirements: ReplicaRequirements | None) -> int:
    """How many more replicas a cluster can take, going by what it reports of itself.

    Args:
        requirements: of one replica; None where only the number of pods counts.

    Returns:
        Replicas, 0 where the cluster reports no resources. Node selectors and tolerations are not looked at.
    """
    summary = cluster.status.resource_summary
    if summary is None:
        return 0
    pods = _free(summary, PODS).value()
    if pods <= 0 or requirements is None:
        return max(pods, 0)
    requested = {name: amount for name, amount in requirements.resource_request.items() if amount > _NOTHING}
    by_models = _by_models(cluster, summary, requested)
    return min(pods, _by_summary(summary, requested, pods) if by_models is None else by_models)


def _by_summary(summary: ResourceSummary, requested: Mapping[str, Quantity], pods: int) -> int:
    return min(
        (_fits(name, _free(summary, name), amount) for name, amount in requested.items()), default=pods
    )


def _by_models(cluster: Cluster, summary: ResourceSummary, requested: Mapping[str, Quantity]) -> int | None:
    """Replicas that fit onto the nodes of each grade, each as large as the grade promises at least.

    None where the cluster has no models, or counts that make no sense.
    """
    counts = {one.grade: one.count for one in summary.allocatable_modelings}
    if not cluster.spec.resource_models or not counts or any(count < 0 for count in counts.values()):
        return None
    total = 0
    for model in cluster.spec.resource_models:
        node = {one.name: one.min for one in model.ranges}
        fitting = min(
            (_fits(name, node.get(name, _NOTHING), amount) for name, amount in requested.items()),
            default=PODS_PER_NODE,
        )
        total += counts.get(model.grade, 0) * min(fitting, PODS_PER_NODE)
    return total


def _free(summary: ResourceSummary, name: str) -> Quantity:
    """What is neither taken nor about to be taken; possibly negative."""
    free = summary.allocatable.get(name, _NOTHING)
    for taken in (summary.allocated, summary.allocating):
        amount = taken.get(name)
        if amount is not None:
            free -= amount
    return free


def _fits(name: str, free: Quantity, amount: Quantity) -> int:
    """How often `amount` goes into `free`, counted as Karmada does: CPU in thousandths, all else in whole units."""
    if name == CPU:
        return max(0, free.milli_value() // amount.milli_value())
    return max(0, free.value() // amount.value())
