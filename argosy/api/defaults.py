"""What Karmada's API fills in for the author of a policy, kept apart from reading and from deciding.

Two steps, in the API server's order: the defaults of the resource's schema, then those of the mutating
webhook. Random identifiers and finalizers, which the webhook adds too, have no meaning here.
"""

from __future__ import annotations

from datetime import datetime

from argosy.api.cluster import Cluster, ResourceModel, ResourceModelRange
from argosy.api.meta import Taint
from argosy.api.override import AnyOverridePolicy
from argosy.api.placement import Placement, ReplicaSchedulingStrategy, SpreadConstraint
from argosy.api.policy import (
    AnyPropagationPolicy,
    ApplicationFailover,
    Failover,
    PropagationSpec,
    ResourceSelector,
)
from argosy.api.quantity import Quantity

DEFAULT_SCHEDULER = "default-scheduler"
DEFAULT_TOLERATION_SECONDS = 300
DEFAULT_GRACE_PERIOD_SECONDS = 600


def default_policy(policy: AnyPropagationPolicy) -> AnyPropagationPolicy:
    """Return `policy` as Karmada's API would store it; applying this twice changes nothing more."""
    spec = _webhook_defaults(_schema_defaults(policy.spec))
    if policy.namespaced:
        selectors = _in_namespace(spec.resource_selectors, policy.metadata.namespace)
        spec = spec.model_copy(update={"resource_selectors": selectors})
    return policy.model_copy(update={"spec": spec})


def default_override(policy: AnyOverridePolicy) -> AnyOverridePolicy:
    """Return `policy` with its selectors bound to its own namespace, where it has one."""
    if not policy.namespaced:
        return policy
    selectors = _in_namespace(policy.spec.resource_selectors, policy.metadata.namespace)
    return policy.model_copy(
        update={"spec": policy.spec.model_copy(update={"resource_selectors": selectors})}
    )


def default_placement(placement: Placement) -> Placement:
    """Return `placement` with the webhook's defaults; `maxGroups` has none."""
    constraints = tuple(_default_constraint(constraint) for constraint in placement.spread_constraints)
    strategy = placement.replica_scheduling
    if strategy is not None and strategy.replica_scheduling_type == "Divided":
        preference = strategy.replica_division_preference or "Weighted"
        strategy = strategy.model_copy(update={"replica_division_preference": preference})
    return placement.model_copy(update={"spread_constraints": constraints, "replica_scheduling": strategy})


def _default_constraint(constraint: SpreadConstraint) -> SpreadConstraint:
    field = constraint.spread_by_field
    if field is None and not constraint.spread_by_label:
        field = "cluster"
    return constraint.model_copy(update={"spread_by_field": field, "min_groups": constraint.min_groups or 1})


def _in_namespace(selectors: tuple[ResourceSelector, ...], namespace: str) -> tuple[ResourceSelector, ...]:
    return tuple(
        selector.model_copy(update={"namespace": selector.namespace or namespace}) for selector in selectors
    )


def _schema_defaults(spec: PropagationSpec) -> PropagationSpec:
    strategy = spec.placement.replica_scheduling
    return spec.model_copy(
        update={
            "preemption": spec.preemption or "Never",
            "scheduler_name": spec.scheduler_name or DEFAULT_SCHEDULER,
            "conflict_resolution": spec.conflict_resolution or "Abort",
            "placement": spec.placement.model_copy(update={"replica_scheduling": _default_type(strategy)}),
            "failover": _default_failover(spec.failover),
        }
    )


def _default_type(strategy: ReplicaSchedulingStrategy | None) -> ReplicaSchedulingStrategy | None:
    if strategy is None or strategy.replica_scheduling_type is not None:
        return strategy
    return strategy.model_copy(update={"replica_scheduling_type": "Divided"})


def _default_failover(failover: Failover | None) -> Failover | None:
    if failover is None:
        return None
    application, cluster = failover.application, failover.cluster
    if application is not None:
        application = application.model_copy(update={"purge_mode": application.purge_mode or "Gracefully"})
        conditions = application.decision_conditions
        if conditions is not None and conditions.toleration_seconds is None:
            conditions = conditions.model_copy(update={"toleration_seconds": DEFAULT_TOLERATION_SECONDS})
            application = application.model_copy(update={"decision_conditions": conditions})
    if cluster is not None:
        cluster = cluster.model_copy(update={"purge_mode": cluster.purge_mode or "Gracefully"})
    return Failover(application=application, cluster=cluster)


def _webhook_defaults(spec: PropagationSpec) -> PropagationSpec:
    imports_services = any(
        (selector.api_version, selector.kind) == ("multicluster.x-k8s.io/v1alpha1", "ServiceImport")
        for selector in spec.resource_selectors
    )
    failover = spec.failover
    if failover is not None and failover.application is not None:
        application = _default_grace_period(failover.application)
        failover = failover.model_copy(update={"application": application})
    return spec.model_copy(
        update={
            "placement": default_placement(spec.placement),
            "propagate_deps": spec.propagate_deps or imports_services,
            "failover": failover,
        }
    )


def _default_grace_period(application: ApplicationFailover) -> ApplicationFailover:
    if application.purge_mode != "Gracefully" or application.grace_period_seconds is not None:
        return application
    return application.model_copy(update={"grace_period_seconds": DEFAULT_GRACE_PERIOD_SECONDS})


LARGEST_AMOUNT = Quantity(2**63 - 1)
_CPU_BOUNDS = ("0", "1", "2", "4", "8", "16", "32", "64", "128")
_MEMORY_BOUNDS = ("0", "4Gi", "16Gi", "32Gi", "64Gi", "128Gi", "256Gi", "512Gi", "1024Gi")


def default_cluster(cluster: Cluster, *, now: datetime) -> Cluster:
    """Return `cluster` as Karmada's API would store a new one.

    The deprecated zone moves to the zones, NoExecute taints count from `now` where they say nothing, and
    resource models are the nine grades of Karmada where none are given, and reach from zero to infinity.
    """
    spec = cluster.spec
    update = {
        "zone": "" if not spec.zones else spec.zone,
        "zones": cluster.zones,
        "taints": tuple(_with_time(taint, now) for taint in spec.taints),
        "resource_models": _normalised(spec.resource_models or _standard_models()),
    }
    return cluster.model_copy(update={"spec": spec.model_copy(update=update)})


def _with_time(taint: Taint, now: datetime) -> Taint:
    if taint.effect != "NoExecute" or taint.time_added is not None:
        return taint
    return taint.model_copy(update={"time_added": now})


def _standard_models() -> tuple[ResourceModel, ...]:
    return tuple(
        ResourceModel(
            grade=grade, ranges=(_range("cpu", _CPU_BOUNDS, grade), _range("memory", _MEMORY_BOUNDS, grade))
        )
        for grade in range(len(_CPU_BOUNDS))
    )


def _range(name: str, bounds: tuple[str, ...], grade: int) -> ResourceModelRange:
    upper = Quantity(bounds[grade + 1]) if grade + 1 < len(bounds) else LARGEST_AMOUNT
    return ResourceModelRange(name=name, min=Quantity(bounds[grade]), max=upper)


def _normalised(models: tuple[ResourceModel, ...]) -> tuple[ResourceModel, ...]:
    ordered = sorted(models, key=lambda model: model.grade)
    ordered[0] = _with_ranges(ordered[0], {"min": Quantity(0)})
    ordered[-1] = _with_ranges(ordered[-1], {"max": LARGEST_AMOUNT})
    return tuple(ordered)


def _with_ranges(model: ResourceModel, update: dict[str, Quantity]) -> ResourceModel:
    return model.model_copy(update={"ranges": tuple(one.model_copy(update=update) for one in model.ranges)})
