"""Problems in `spec.placement` and wherever else clusters are selected."""

from __future__ import annotations

from collections.abc import Iterator

from argosy.api.behaviour import Behaviour
from argosy.api.formats import is_label_key
from argosy.api.placement import (
    ClusterAffinity,
    ClusterAffinityTerm,
    NamedClusterAffinity,
    Placement,
    ReplicaSchedulingStrategy,
    SpreadConstraint,
    WorkloadAffinity,
)
from argosy.api.validation.problem import Problem

_LONGEST_AFFINITY_NAME = 32
_FIELD_KEYS = ("provider", "region", "zone")
_FIELD_OPERATORS = ("In", "NotIn")
_TOLERATION_OPERATORS = ("", "Exists", "Equal")


def placement_problems(placement: Placement, path: str, behaviour: Behaviour) -> Iterator[Problem]:
    if placement.cluster_affinity is not None and placement.cluster_affinities:
        yield Problem(
            path=path,
            message="has both clusterAffinity and clusterAffinities",
            remedy="keep one of them",
        )
    if placement.cluster_affinity is not None:
        yield from affinity_problems(placement.cluster_affinity, f"{path}.clusterAffinity")
    yield from _term_problems(placement, f"{path}.clusterAffinities")
    for index, toleration in enumerate(placement.cluster_tolerations):
        if toleration.operator not in _TOLERATION_OPERATORS:
            yield Problem(
                path=f"{path}.clusterTolerations[{index}].operator",
                message=f"is {toleration.operator}",
                remedy="write Exists or Equal",
            )
    yield from _spread_problems(placement.spread_constraints, f"{path}.spreadConstraints", behaviour)
    if placement.replica_scheduling is not None:
        yield from _weight_problems(placement.replica_scheduling, f"{path}.replicaScheduling")
    if placement.workload_affinity is not None:
        yield from _workload_affinity_problems(placement.workload_affinity, f"{path}.workloadAffinity")


def affinity_problems(affinity: ClusterAffinity, path: str) -> Iterator[Problem]:
    """Yield the problems of a cluster affinity wherever it stands."""
    selector = affinity.field_selector
    for requirement in selector.match_expressions if selector is not None else ():
        if requirement.key not in _FIELD_KEYS:
            yield Problem(
                path=f"{path}.fieldSelector",
                message=f"has the key {requirement.key!r}",
                remedy="write provider, region or zone",
            )
        if requirement.operator not in _FIELD_OPERATORS:
            yield Problem(
                path=f"{path}.fieldSelector",
                message=f"has the operator {requirement.operator!r}",
                remedy="write In or NotIn",
            )


def _term_problems(placement: Placement, path: str) -> Iterator[Problem]:
    names: set[str] = set()
    for index, term in enumerate(placement.cluster_affinities):
        at = f"{path}[{index}]"
        yield from _name_problems(term, at)
        if term.affinity_name in names:
            yield Problem(
                path=path,
                message=f"has two groups named {term.affinity_name!r}",
                remedy="give each its own affinityName",
            )
        names.add(term.affinity_name)
        yield from affinity_problems(term, at)
        if term.overflow_affinities:
            yield from _overflow_problems(term, placement.replica_scheduling, f"{at}.overflowAffinities")


def _name_problems(affinity: NamedClusterAffinity, path: str) -> Iterator[Problem]:
    name = affinity.affinity_name
    if not is_label_key(name):
        yield Problem(
            path=path,
            message=f"has the affinityName {name[:80]!r}, which is no label key",
            remedy="use letters, digits, hyphens, underscores and dots",
        )
    if len(name) > _LONGEST_AFFINITY_NAME:
        yield Problem(
            path=f"{path}.affinityName",
            message=f"has more than {_LONGEST_AFFINITY_NAME} characters",
            remedy="shorten it",
        )


def _overflow_problems(
    term: ClusterAffinityTerm, strategy: ReplicaSchedulingStrategy | None, path: str
) -> Iterator[Problem]:
    if not (term.label_selector or term.field_selector or term.cluster_names or term.exclude):
        yield Problem(
            path=path,
            message="needs a group that selects clusters itself",
            remedy="give the group clusterNames or a selector",
        )
    if not _divides_by_capacity(strategy):
        yield Problem(
            path=path,
            message="works only with replicas divided by capacity",
            remedy="use replicaDivisionPreference Aggregated, or Weighted with dynamicWeight",
        )
    names = {term.affinity_name}
    for index, overflow in enumerate(term.overflow_affinities):
        at = f"{path}[{index}]"
        yield from _name_problems(overflow, at)
        if overflow.affinity_name in names:
            yield Problem(
                path=f"{at}.affinityName",
                message=f"is {overflow.affinity_name!r}, which another group of this term has",
                remedy="give each its own name",
            )
        names.add(overflow.affinity_name)
        yield from affinity_problems(overflow, at)


def _divides_by_capacity(strategy: ReplicaSchedulingStrategy | None) -> bool:
    if strategy is None or strategy.replica_scheduling_type != "Divided":
        return False
    weights = strategy.weight_preference
    dynamic = weights is not None and weights.dynamic_weight is not None
    return strategy.replica_division_preference == "Aggregated" or (
        strategy.replica_division_preference == "Weighted" and dynamic
    )


def _spread_problems(
    constraints: tuple[SpreadConstraint, ...], path: str, behaviour: Behaviour
) -> Iterator[Problem]:
    for index, constraint in enumerate(constraints):
        yield from _constraint_problems(constraint, f"{path}[{index}]")
    fields = [
        constraint.spread_by_field for constraint in constraints if constraint.spread_by_field is not None
    ]
    for field in dict.fromkeys(fields):
        if fields.count(field) > 1:
            yield Problem(path=path, message=f"spreads by {field} more than once", remedy="keep one of them")
    # One property alone says enough: as many of its groups as asked for, with all of their clusters.
    if fields and "cluster" not in fields and not (behaviour == "argosy" and len(fields) == 1):
        yield Problem(
            path=path,
            message=f"spreads by {fields[0]} without spreading by cluster",
            remedy="add a constraint with spreadByField cluster",
        )


def _constraint_problems(constraint: SpreadConstraint, path: str) -> Iterator[Problem]:
    smallest, largest = constraint.min_groups, constraint.max_groups
    if constraint.spread_by_field is not None and constraint.spread_by_label:
        yield Problem(
            path=path, message="has both spreadByField and spreadByLabel", remedy="keep one of them"
        )
    for name, number in (("minGroups", smallest), ("maxGroups", largest)):
        if number < 0:
            yield Problem(path=path, message=f"has a {name} of {number}", remedy="write 0 or more")
    if 0 < largest < smallest:
        yield Problem(
            path=path,
            message=f"has a maxGroups of {largest} below its minGroups of {smallest}",
            remedy="raise maxGroups or lower minGroups",
        )


def _weight_problems(strategy: ReplicaSchedulingStrategy, path: str) -> Iterator[Problem]:
    preference = strategy.weight_preference
    for index, rule in enumerate(preference.static_weight_list if preference is not None else ()):
        at = f"{path}.weightPreference.staticWeightList[{index}]"
        if rule.weight < 1:
            yield Problem(path=f"{at}.weight", message=f"is {rule.weight}", remedy="write 1 or more")


def _workload_affinity_problems(affinity: WorkloadAffinity, path: str) -> Iterator[Problem]:
    together, apart = affinity.affinity, affinity.anti_affinity
    for name, term in (("affinity", together), ("antiAffinity", apart)):
        if term is not None and not is_label_key(term.group_by_label_key):
            yield Problem(
                path=f"{path}.{name}.groupByLabelKey",
                message=f"is {term.group_by_label_key[:80]!r}, which is no label key",
                remedy="name a label of the templates",
            )
    if together is not None and apart is not None and together.group_by_label_key == apart.group_by_label_key:
        yield Problem(
            path=path,
            message="keeps workloads together and apart by the same label",
            remedy="use two different labels",
        )
