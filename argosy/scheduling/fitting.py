"""How many replicas fit onto the nodes of one cluster, and how many of those it has wait for a node in vain.

Algorithm source: Karmada's accurate estimator, its node resource and resource quota plugins and its count of
unschedulable replicas.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from argosy.api.behaviour import Behaviour
from argosy.api.requirements import ReplicaRequirements
from argosy.scheduling.claim import node_matcher
from argosy.scheduling.estimate import Demand, demands_of
from argosy.scheduling.quota import replicas_admitted
from argosy.scheduling.room import NodeRoom, QuotaRoom, UnreadyNodes, WorkloadPod


def replicas_that_fit(
    requirements: ReplicaRequirements | None,
    nodes: Iterable[NodeRoom],
    quotas: Iterable[QuotaRoom] = (),
    *,
    unready: UnreadyNodes = "by-taints",
    behaviour: Behaviour = "argosy",
) -> int:
    """How many more replicas fit: the sum over the nodes that suit them, bounded by the namespace's quotas.

    Every node is looked at once. Replicas are not moved about, and affinities between pods are not looked at.

    Args:
        requirements: of one replica; None where only the number of pods counts.
        quotas: of the namespace that the replicas are to run in.
        unready: whether nodes count that are not ready.
        behaviour: whose reading of quotas counts; see `argosy.scheduling.quota`.

    Returns:
        Replicas, never negative.
    """
    demands = demands_of(requirements)
    suits = node_matcher(requirements.node_claim if requirements is not None else None)
    fitting = sum(
        _fitting(node, demands)
        for node in nodes
        if node.free_pods > 0 and (node.ready or unready == "by-taints") and suits(node)
    )
    admitted = replicas_admitted(requirements, quotas, behaviour=behaviour)
    return fitting if admitted is None else min(fitting, admitted)


def _fitting(node: NodeRoom, demands: Sequence[Demand]) -> int:
    least = node.free_pods
    for demand in demands:
        free = node.free.get(demand.name)
        if free is None:
            return 0
        least = min(least, demand.fits(free.nanos))
    return least


def stuck(pods: Iterable[WorkloadPod], *, older_than_seconds: float, now: datetime) -> int:
    """How many pods the scheduler of their cluster has found no node for, for longer than a threshold.

    Args:
        older_than_seconds: the threshold; a negative one counts as 0.
        now: with a time zone.
    """
    latest = now - timedelta(seconds=max(older_than_seconds, 0))
    return sum(_is_stuck(pod, latest) for pod in pods)


def _is_stuck(pod: WorkloadPod, latest: datetime) -> bool:
    condition = pod.scheduled
    if condition is None or condition.status != "False" or condition.reason != "Unschedulable":
        return False
    # A condition without a time is as old as can be.
    return condition.last_transition_time is None or condition.last_transition_time < latest
