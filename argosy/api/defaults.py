"""What Karmada's admission webhook fills in, so that the rest of Argosy sees one form."""

from __future__ import annotations

from typing import Any, TypeVar

from argosy.api.override import ClusterOverridePolicy, OverridePolicy
from argosy.api.placement import Placement, SpreadConstraint
from argosy.api.policy import ClusterPropagationPolicy, Failover, PropagationPolicy, PropagationSpec

P = TypeVar("P", bound=PropagationPolicy | ClusterPropagationPolicy | OverridePolicy | ClusterOverridePolicy)

_DEFAULT_GRACE_SECONDS = 600


def defaulted_placement(placement: Placement) -> Placement:
    """The placement with spread constraints and division preference completed."""
    changes: dict[str, Any] = {}
    if placement.spread_constraints:
        changes["spread_constraints"] = tuple(_spread(c) for c in placement.spread_constraints)
    scheduling = placement.replica_scheduling
    if (
        scheduling
        and scheduling.replica_scheduling_type == "Divided"
        and not scheduling.replica_division_preference
    ):
        changes["replica_scheduling"] = scheduling.model_copy(
            update={"replica_division_preference": "Weighted"}
        )
    return placement.model_copy(update=changes) if changes else placement


def defaulted(policy: P) -> P:
    """A policy as the webhook would store it; selectors of namespaced policies get their namespace."""
    changes: dict[str, Any] = {}
    if policy.namespaced and policy.metadata.namespace and policy.spec.resource_selectors:
        changes["resource_selectors"] = tuple(
            selector.model_copy(update={"namespace": selector.namespace or policy.metadata.namespace})
            for selector in policy.spec.resource_selectors
        )
    if isinstance(policy.spec, PropagationSpec):
        changes["placement"] = defaulted_placement(policy.spec.placement)
        if policy.spec.failover is not None:
            changes["failover"] = _failover(policy.spec.failover)
    # model_copy keeps the class, which the type checker does not see through the bound union.
    return policy.model_copy(update={"spec": policy.spec.model_copy(update=changes)})  # type: ignore[return-value]


def _failover(failover: Failover) -> Failover:
    application = failover.application
    if (
        application is None
        or (application.purge_mode or "Gracefully") != "Gracefully"
        or application.grace_period_seconds is not None
    ):
        return failover
    completed = application.model_copy(update={"grace_period_seconds": _DEFAULT_GRACE_SECONDS})
    return failover.model_copy(update={"application": completed})


def _spread(constraint: SpreadConstraint) -> SpreadConstraint:
    changes: dict[str, Any] = {}
    if not constraint.spread_by_field and not constraint.spread_by_label:
        changes["spread_by_field"] = "cluster"
    if not constraint.min_groups:
        changes["min_groups"] = 1
    return constraint.model_copy(update=changes)
