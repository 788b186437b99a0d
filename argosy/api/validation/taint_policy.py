"""Problems of cluster taint policies."""

from __future__ import annotations

from collections.abc import Iterator

from argosy.api.behaviour import Behaviour
from argosy.api.conditions import ConditionType
from argosy.api.formats import is_label_key, is_label_value
from argosy.api.taint_policy import ClusterTaintPolicy, MatchCondition
from argosy.api.validation.placement import affinity_problems
from argosy.api.validation.problem import Problem

_KNOWN = tuple(str(one) for one in ConditionType)


def taint_policy_problems(policy: ClusterTaintPolicy, behaviour: Behaviour) -> Iterator[Problem]:
    """Karmada refuses NoExecute unless its webhook is told otherwise; here it is what failover is made of."""
    spec = policy.spec
    if spec.target_clusters is not None:
        yield from affinity_problems(spec.target_clusters, "spec.targetClusters")
    seen: set[tuple[str, str]] = set()
    for index, taint in enumerate(spec.taints):
        path = f"spec.taints[{index}]"
        if not is_label_key(taint.key):
            yield Problem(
                path=f"{path}.key",
                message=f"is {taint.key[:80]!r}, which is no label key",
                remedy="use letters, digits, hyphens, underscores and dots",
            )
        if not is_label_value(taint.value):
            yield Problem(
                path=f"{path}.value",
                message=f"is {taint.value[:80]!r}, which is no label value",
                remedy="use at most 63 letters, digits, hyphens, underscores and dots",
            )
        if taint.effect == "NoExecute" and behaviour == "karmada":
            yield Problem(
                path=f"{path}.effect",
                message="is NoExecute, which Karmada does not allow policies by default",
                remedy="write NoSchedule, or remove the annotation argosy.dev/behaviour",
            )
        if (taint.key, taint.effect) in seen:
            yield Problem(path=path, message=f"repeats {taint.key}:{taint.effect}", remedy="keep one of them")
        seen.add((taint.key, taint.effect))
    if behaviour == "argosy":
        yield from _condition_problems(spec.add_on_conditions, "spec.addOnConditions")
        yield from _condition_problems(spec.remove_on_conditions, "spec.removeOnConditions")
        if not spec.add_on_conditions and not spec.remove_on_conditions:
            yield Problem(
                path="spec",
                message="has neither addOnConditions nor removeOnConditions, so that it never does anything",
                remedy="add one",
            )


def _condition_problems(conditions: tuple[MatchCondition, ...], path: str) -> Iterator[Problem]:
    """A condition that no cluster has never matches, and its policy would be silent for ever."""
    for index, condition in enumerate(conditions):
        if condition.condition_type not in _KNOWN:
            yield Problem(
                path=f"{path}[{index}].conditionType",
                message=f"is {condition.condition_type[:80]!r}, which no cluster has",
                remedy=f"write {', '.join(_KNOWN[:-1])} or {_KNOWN[-1]}",
            )
