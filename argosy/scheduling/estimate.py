"""How many replicas fit into a cluster: by its resource models where it has them, else by its summary.

Algorithm source: Karmada's general estimator. Amounts are whole billionths here, because the same sums are done
for every cluster of a fleet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from argosy.api.cluster import Cluster, ResourceSummary
from argosy.api.quantity import Quantity
from argosy.api.requirements import ReplicaRequirements

PODS = "pods"
CPU = "cpu"
PODS_PER_NODE = 110
UNBOUNDED = 2**31 - 1

_WHOLE = 10**9
_THOUSANDTH = 10**6


class Demand(NamedTuple):
    """What one replica needs of one resource, in the grain that the resource is counted in."""

    name: str
    grain: int
    amount: int

    def fits(self, free: int) -> int:
        """How often it goes into `free` billionths, which are rounded up to the grain."""
        return -(-free // self.grain) // self.amount if free > 0 else 0


def max_replicas(cluster: Cluster, requirements: ReplicaRequirements | None) -> int:
    """How many more replicas a cluster can take, going by what it reports of itself.

    Args:
        requirements: of one replica; None where only the number of pods counts.

    Returns:
        Replicas, 0 where the cluster reports no resources. Node selectors and tolerations are not looked at.
    """
    return estimator(requirements)(cluster)


def estimator(requirements: ReplicaRequirements | None) -> Callable[[Cluster], int]:
    """`max_replicas` for many clusters, with the requirements prepared once."""
    demands = demands_of(requirements)

    def estimate(cluster: Cluster) -> int:
        summary = cluster.status.resource_summary
        if summary is None:
            return 0
        pods = -(-free_of(summary, PODS) // _WHOLE)
        if pods <= 0 or requirements is None:
            return max(pods, 0)
        by_models = _by_models(cluster, summary, demands)
        if by_models is not None:
            return min(pods, by_models)
        return min([pods, *(demand.fits(free_of(summary, demand.name)) for demand in demands)])

    return estimate


def demands_of(requirements: ReplicaRequirements | None) -> list[Demand]:
    """What bounds the number of replicas; a request of nothing does not.

    CPU is counted in thousandths, all else in whole units, as Karmada and Kubernetes do it.
    """
    demands = []
    for name, quantity in (requirements.resource_request if requirements else {}).items():
        grain, amount = (_THOUSANDTH, quantity.milli_value()) if name == CPU else (_WHOLE, quantity.value())
        if amount > 0:
            demands.append(Demand(name, grain, amount))
    return demands


def _by_models(cluster: Cluster, summary: ResourceSummary, demands: Sequence[Demand]) -> int | None:
    """Replicas that fit onto the nodes of each grade, or None where the cluster has no usable models."""
    grades = grades_of(cluster, summary)
    if grades is None:
        return None
    return sum(
        count * min([PODS_PER_NODE, *(demand.fits(node.get(demand.name, 0)) for demand in demands)])
        for node, count in grades
    )


def grades_of(cluster: Cluster, summary: ResourceSummary) -> list[tuple[dict[str, int], int]] | None:
    """For each grade what one of its nodes has at least, in billionths, and how many nodes there are.

    None where the cluster has no models, or counts that make no sense.
    """
    counts = {one.grade: one.count for one in summary.allocatable_modelings}
    if not cluster.spec.resource_models or not counts or any(count < 0 for count in counts.values()):
        return None
    return [
        ({one.name: one.min.nanos for one in model.ranges}, counts.get(model.grade, 0))
        for model in cluster.spec.resource_models
    ]


def free_of(summary: ResourceSummary, name: str) -> int:
    """Billionths that are neither taken nor about to be taken; possibly negative."""
    free = _nanos(summary.allocatable.get(name))
    return free - _nanos(summary.allocated.get(name)) - _nanos(summary.allocating.get(name))


def _nanos(quantity: Quantity | None) -> int:
    return quantity.nanos if quantity is not None else 0
