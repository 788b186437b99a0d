"""What makes a well-formed policy wrong: the rules of Karmada's validating webhooks, with remedies."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from argosy.api.override import AnyOverridePolicy, Overriders
from argosy.api.placement import ClusterAffinity, Placement, SpreadConstraint
from argosy.api.policy import AnyPropagationPolicy, Failover, ResourceSelector
from argosy.api.record import Record

_NAME_PART = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)")
_PREFIX = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_FIELD_KEYS = ("provider", "region", "zone")


class Problem(Record):
    """One fault: the field's path, what is wrong with it, and what to write instead."""

    path: str
    message: str


def problems_of(policy: AnyPropagationPolicy | AnyOverridePolicy) -> list[Problem]:
    """Everything that the webhooks would refuse in a policy; empty where it is valid."""
    selectors = _selectors(policy.spec.resource_selectors or (), policy.metadata.namespace)
    if isinstance(policy, AnyOverridePolicy):
        return [*selectors, *_override_spec(policy)]
    return [*selectors, *_propagation_spec(policy)]


def label_key_fault(key: str) -> str:
    """Why a text is no label key; empty where it is one."""
    prefix, slash, name = key.rpartition("/")
    if slash and (len(prefix) > 253 or not _PREFIX.fullmatch(prefix)):
        return f"the prefix of {key!r} must be a DNS name"
    if not _NAME_PART.fullmatch(name):
        return f"{key!r} must be at most 63 letters, digits, '-', '_' and '.', beginning and ending with a letter or digit"
    return ""


def label_value_fault(value: str) -> str:
    """Why a text is no label value; empty where it is one."""
    if value and not _NAME_PART.fullmatch(value):
        return f"{value!r} must be at most 63 letters, digits, '-', '_' and '.', beginning and ending with a letter or digit"
    return ""


def _selectors(selectors: Iterable[ResourceSelector], namespace: str | None) -> Iterator[Problem]:
    if not namespace:
        return
    for position, selector in enumerate(selectors):
        if selector.namespace != namespace:
            yield Problem(
                path=f"spec.resourceSelectors[{position}].namespace",
                message=f"must be the policy's own namespace, {namespace}; leave it out",
            )


def _propagation_spec(policy: AnyPropagationPolicy) -> Iterator[Problem]:
    spec = policy.spec
    yield from _placement(spec.placement)
    if spec.suspension and spec.suspension.dispatching and spec.suspension.dispatching_on_clusters:
        if spec.suspension.dispatching_on_clusters.cluster_names:
            yield Problem(
                path="spec.suspension",
                message="dispatching and dispatchingOnClusters exclude each other; keep one",
            )
    if spec.preemption == "Always":
        for position, selector in enumerate(spec.resource_selectors):
            if not selector.name:
                yield Problem(
                    path=f"spec.resourceSelectors[{position}].name",
                    message="preemption needs every selector to name its template; add a name",
                )
    if spec.failover is not None:
        yield from _failover(spec.failover, propagate_deps=bool(spec.propagate_deps))


def _placement(placement: Placement) -> Iterator[Problem]:
    base = "spec.placement"
    if placement.cluster_affinity is not None and placement.cluster_affinities:
        yield Problem(path=base, message="clusterAffinity and clusterAffinities exclude each other; keep one")
    yield from _field_selector(placement.cluster_affinity, f"{base}.clusterAffinity")
    yield from _affinity_groups(placement, base)
    for position, toleration in enumerate(placement.cluster_tolerations or ()):
        if toleration.operator in {"Lt", "Gt"}:
            yield Problem(
                path=f"{base}.clusterTolerations[{position}].operator",
                message=f"{toleration.operator} is not supported; use Exists or Equal",
            )
    yield from _spread_constraints(placement.spread_constraints or (), f"{base}.spreadConstraints")
    strategy = placement.replica_scheduling
    if strategy is not None and strategy.weight_preference is not None:
        for position, rule in enumerate(strategy.weight_preference.static_weight_list or ()):
            path = f"{base}.replicaScheduling.weightPreference.staticWeightList[{position}]"
            if rule.weight < 1:
                yield Problem(path=f"{path}.weight", message=f"must be at least 1, not {rule.weight}")
            yield from _field_selector(rule.target_cluster, f"{path}.targetCluster")
    workload = placement.workload_affinity
    if workload is not None:
        keys = [term.group_by_label_key for term in (workload.affinity, workload.anti_affinity) if term]
        for key in keys:
            if label_key_fault(key):
                yield Problem(path=f"{base}.workloadAffinity", message=label_key_fault(key))
        if len(keys) == 2 and keys[0] == keys[1]:
            yield Problem(
                path=f"{base}.workloadAffinity",
                message="affinity and antiAffinity must not group by the same label; change one",
            )


def _affinity_groups(placement: Placement, base: str) -> Iterator[Problem]:
    seen: set[str] = set()
    for position, term in enumerate(placement.cluster_affinities or ()):
        path = f"{base}.clusterAffinities[{position}]"
        fault = label_key_fault(term.affinity_name)
        if fault:
            yield Problem(path=path, message=fault)
        if term.affinity_name in seen:
            yield Problem(path=path, message=f"affinityName {term.affinity_name} is used twice; rename one")
        seen.add(term.affinity_name)
        yield from _field_selector(term, path)
        if not term.overflow_affinities:
            continue
        overflow = f"{path}.overflowAffinities"
        if _selects_everything(term):
            yield Problem(
                path=overflow, message="needs the group itself to select clusters; add a selection to it"
            )
        if not _divides_by_capacity(placement):
            yield Problem(
                path=overflow,
                message="works only with replicaScheduling Divided by dynamicWeight or Aggregated; set it",
            )
        names = {term.affinity_name}
        for number, inner in enumerate(term.overflow_affinities):
            inner_path = f"{overflow}[{number}].affinityName"
            if label_key_fault(inner.affinity_name):
                yield Problem(path=inner_path, message=label_key_fault(inner.affinity_name))
            if inner.affinity_name in names:
                yield Problem(path=inner_path, message=f"{inner.affinity_name} is used twice; rename one")
            names.add(inner.affinity_name)
            yield from _field_selector(inner, f"{overflow}[{number}]")


def _spread_constraints(constraints: Iterable[SpreadConstraint], base: str) -> Iterator[Problem]:
    seen: list[str] = []
    for position, constraint in enumerate(constraints):
        path = f"{base}[{position}]"
        least, most = constraint.min_groups or 0, constraint.max_groups or 0
        if constraint.spread_by_field and constraint.spread_by_label:
            yield Problem(path=path, message="spreadByField and spreadByLabel exclude each other; keep one")
        if least < 0 or most < 0:
            yield Problem(path=path, message="minGroups and maxGroups must not be negative")
        if 0 < most < least:
            yield Problem(path=path, message=f"maxGroups {most} is lower than minGroups {least}; raise it")
        if constraint.spread_by_field:
            seen.append(constraint.spread_by_field)
    for field in sorted({field for field in seen if seen.count(field) > 1}):
        yield Problem(path=base, message=f"{field} is constrained twice; keep one")
    if seen and "cluster" not in seen:
        yield Problem(path=base, message="one of the constraints must be spreadByField: cluster; add it")


def _failover(failover: Failover, *, propagate_deps: bool) -> Iterator[Problem]:
    application = failover.application
    if application is None:
        return
    base = "spec.failover.application"
    if not propagate_deps:
        yield Problem(path="spec.propagateDeps", message="application failover needs it; set it to true")
    conditions = application.decision_conditions
    tolerance = conditions.toleration_seconds if conditions else None
    if tolerance is not None and tolerance < 0:
        yield Problem(path=f"{base}.decisionConditions.tolerationSeconds", message="must not be negative")
    grace = application.grace_period_seconds
    graceful = (application.purge_mode or "Gracefully") == "Gracefully"
    if grace is not None and not graceful:
        yield Problem(
            path=f"{base}.gracePeriodSeconds", message="goes with purgeMode Gracefully only; remove it"
        )
    if graceful and grace is None:
        yield Problem(
            path=f"{base}.gracePeriodSeconds", message="is required with purgeMode Gracefully; set it"
        )
    if grace is not None and grace <= 0:
        yield Problem(path=f"{base}.gracePeriodSeconds", message="must be greater than 0")


def _override_spec(policy: AnyOverridePolicy) -> Iterator[Problem]:
    spec = policy.spec
    if spec.override_rules:
        single = (("targetCluster", spec.target_cluster), ("overriders", spec.overriders))
        for field, value in single:
            if value is not None and value != Overriders():
                yield Problem(
                    path=f"spec.{field}",
                    message="is deprecated and excludes overrideRules; move it into a rule",
                )
    for position, rule in enumerate(spec.override_rules or ()):
        base = f"spec.overrideRules[{position}]"
        yield from _field_selector(rule.target_cluster, f"{base}.targetCluster")
        yield from _overriders(rule.overriders, f"{base}.overriders")
    if not spec.override_rules:
        yield from _field_selector(spec.target_cluster, "spec.targetCluster")
        yield from _overriders(spec.overriders, "spec.overriders")


def _overriders(overriders: Overriders, base: str) -> Iterator[Problem]:
    for position, image in enumerate(overriders.image_overrider or ()):
        if image.predicate is not None:
            yield from _pointer(image.predicate.path, f"{base}.imageOverrider[{position}].predicate.path")
    for position, label in enumerate(overriders.labels_overrider or ()):
        path = f"{base}.labelsOverrider[{position}].value"
        for key, value in (label.value or {}).items():
            fault = label_key_fault(key) or label_value_fault(value)
            if fault:
                yield Problem(path=path, message=fault)
    for position, annotation in enumerate(overriders.annotations_overrider or ()):
        for key in annotation.value or {}:
            if label_key_fault(key.lower()):
                path = f"{base}.annotationsOverrider[{position}].value"
                yield Problem(path=path, message=label_key_fault(key))
    for position, field in enumerate(overriders.field_overrider or ()):
        path = f"{base}.fieldOverrider[{position}]"
        yield from _pointer(field.field_path, f"{path}.fieldPath")
        if bool(field.json_operations) == bool(field.yaml_operations):
            yield Problem(path=path, message="needs exactly one of json and yaml")
        for name, entries in (("json", field.json_operations), ("yaml", field.yaml_operations)):
            for number, entry in enumerate(entries):
                inner = f"{path}.{name}[{number}]"
                yield from _pointer(entry.sub_path, f"{inner}.subPath")
                yield from _value(entry.operator, entry.value, f"{inner}.value")


def _value(operator: str, value: Any, path: str) -> Iterator[Problem]:
    if operator == "remove" and value is not None:
        yield Problem(path=path, message="remove takes no value; leave it out")
    if operator != "remove" and value is None:
        yield Problem(path=path, message=f"{operator} needs a value; add it")


def _pointer(path: str, where: str) -> Iterator[Problem]:
    if path and not path.startswith("/"):
        yield Problem(path=where, message=f"{path!r} is no JSON pointer; begin it with a slash")


def _field_selector(affinity: ClusterAffinity | None, base: str) -> Iterator[Problem]:
    if affinity is None or affinity.field_selector is None:
        return
    for requirement in affinity.field_selector.match_expressions or ():
        path = f"{base}.fieldSelector"
        if requirement.key not in _FIELD_KEYS:
            yield Problem(path=path, message=f"unknown key {requirement.key!r}; use provider, region or zone")
        elif requirement.operator not in {"In", "NotIn"}:
            yield Problem(path=path, message=f"unknown operator {requirement.operator!r}; use In or NotIn")


def _selects_everything(affinity: ClusterAffinity) -> bool:
    return not (
        affinity.label_selector or affinity.field_selector or affinity.cluster_names or affinity.exclude
    )


def _divides_by_capacity(placement: Placement) -> bool:
    strategy = placement.replica_scheduling
    if strategy is None or strategy.replica_scheduling_type != "Divided":
        return False
    weights = strategy.weight_preference
    return strategy.replica_division_preference == "Aggregated" or bool(weights and weights.dynamic_weight)
