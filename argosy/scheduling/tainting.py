"""What cluster taint policies make of a cluster's taints.

Source: Karmada's cluster taint policy controller.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from argosy.api.cluster import Cluster
from argosy.api.meta import Taint
from argosy.api.selectors import cluster_matches
from argosy.api.taint_policy import ClusterTaintPolicy, MatchCondition


class TaintChange(NamedTuple):
    """A taint that a policy adds, or removes."""

    taint: Taint
    policy: str
    added: bool


def taint_changes(
    cluster: Cluster, conditions: Mapping[str, str], policies: Sequence[ClusterTaintPolicy]
) -> list[TaintChange]:
    """What is different when every policy has had its turn; a taint that is there is not touched, nor its value.

    Args:
        cluster: with its taints as they are.
        conditions: type -> status.
        policies: in the order of their creation; each adds first and removes then.
    """
    before = {(taint.key, str(taint.effect)): taint for taint in cluster.spec.taints}
    after = dict(before)
    by: dict[tuple[str, str], str] = {}
    for policy in policies:
        spec = policy.spec
        if spec.target_clusters is not None and not cluster_matches(spec.target_clusters, cluster):
            continue
        wanted = {
            (taint.key, str(taint.effect)): Taint(key=taint.key, value=taint.value, effect=taint.effect)
            for taint in spec.taints
        }
        if hold(spec.add_on_conditions, conditions):
            for key, taint in wanted.items():
                if key not in after:
                    after[key], by[key] = taint, policy.metadata.name
        if hold(spec.remove_on_conditions, conditions):
            for key in wanted:
                if after.pop(key, None) is not None:
                    by[key] = policy.metadata.name
    removed = [TaintChange(taint, by[key], False) for key, taint in before.items() if key not in after]
    # What one policy removes and the next one adds again is there as it was.
    added = [TaintChange(taint, by[key], True) for key, taint in after.items() if key not in before]
    return [*removed, *added]


def hold(wanted: Iterable[MatchCondition], conditions: Mapping[str, str]) -> bool:
    """Whether there are conditions and all of them hold; one that the cluster does not have never holds."""
    looked = [
        one.condition_type in conditions
        and (conditions[one.condition_type] in one.status_values) == (one.operator == "In")
        for one in wanted
    ]
    return bool(looked) and all(looked)
