"""How many whole instances of a workload of several components fit into a cluster.

Algorithm source: Karmada's general estimator: what all components of an instance request together must be free, and
where nodes or grades of nodes are known, the pods of one instance after another must find a place, first fit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from argosy.api.cluster import Cluster
from argosy.api.requirements import Component, ReplicaRequirements
from argosy.scheduling.claim import node_matcher
from argosy.scheduling.estimate import PODS, PODS_PER_NODE, UNBOUNDED, Demand, demands_of, free_of, grades_of
from argosy.scheduling.room import NodeRoom

_WHOLE = 10**9


@dataclass
class _Slot:
    """One node on which instances are tried out; `suits` says for each component whether it may run there."""

    free: dict[str, int]
    pods: int
    suits: Sequence[bool]


def sets_by_facts(components: Sequence[Component]) -> Callable[[Cluster], int]:
    """A function from a cluster to the instances that fit, going by what it reports of itself."""
    demands = [_demands(one) for one in components]
    pods = sum(one.replicas for one in components)

    def estimate(cluster: Cluster) -> int:
        summary = cluster.status.resource_summary
        if summary is None:
            return 0
        if not pods:
            return UNBOUNDED
        free_pods = -(-free_of(summary, PODS) // _WHOLE)
        most = max(free_pods, 0) // pods
        grades = grades_of(cluster, summary)
        if grades is not None:
            slots = [
                _Slot(dict(node), PODS_PER_NODE, [True] * len(components))
                for node, count in grades
                for _ in range(min(count, most * pods))
            ]
            return min(most, _placed(components, demands, slots, at_most=most))
        for name in {demand.name for found in demands for demand in found}:
            total = sum(
                demand.amount * one.replicas
                for one, found in zip(components, demands, strict=True)
                for demand in found
                if demand.name == name
            )
            grain = next(d.grain for found in demands for d in found if d.name == name)
            free = free_of(summary, name)
            most = min(most, (-(-free // grain) // total if free > 0 else 0) if total else most)
        return most

    return estimate


def sets_on_nodes(components: Sequence[Component], nodes: Iterable[NodeRoom]) -> int:
    """The instances that fit onto these nodes, each component only where its node claim lets it run."""
    demands = [_demands(one) for one in components]
    matchers = [
        node_matcher(one.replica_requirements.node_claim if one.replica_requirements else None)
        for one in components
    ]
    slots = [
        _Slot(
            {name: quantity.nanos for name, quantity in node.free.items()},
            node.free_pods,
            [suits(node) for suits in matchers],
        )
        for node in nodes
    ]
    most = sum(slot.pods for slot in slots) // max(1, sum(one.replicas for one in components))
    return _placed(components, demands, slots, at_most=most)


def _placed(
    components: Sequence[Component],
    demands: Sequence[Sequence[Demand]],
    slots: Sequence[_Slot],
    *,
    at_most: int,
) -> int:
    """Place one instance after another until the next does not fit."""
    for count in range(at_most):
        for index, component in enumerate(components):
            for _ in range(component.replicas):
                if not _place(index, demands[index], slots):
                    return count
    return at_most


def _place(index: int, demands: Sequence[Demand], slots: Sequence[_Slot]) -> bool:
    for slot in slots:
        fits = slot.pods > 0 and slot.suits[index]
        if fits and all(demand.fits(slot.free.get(demand.name, 0)) for demand in demands):
            slot.pods -= 1
            for demand in demands:
                slot.free[demand.name] -= demand.amount * demand.grain
            return True
    return False


def _demands(component: Component) -> list[Demand]:
    needs = component.replica_requirements
    return demands_of(ReplicaRequirements(resource_request=needs.resource_request) if needs else None)
