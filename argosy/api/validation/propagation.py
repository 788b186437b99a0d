"""Problems of propagation policies."""

from __future__ import annotations

from collections.abc import Iterator

from argosy.api.behaviour import Behaviour
from argosy.api.formats import is_label_key
from argosy.api.policy import (
    AnyPropagationPolicy,
    ApplicationFailover,
    Failover,
    PropagationPolicy,
    PropagationSpec,
    ResourceSelector,
    StatePreservation,
    Suspension,
)
from argosy.api.validation.placement import placement_problems
from argosy.api.validation.problem import Problem


def propagation_problems(policy: AnyPropagationPolicy, behaviour: Behaviour) -> Iterator[Problem]:
    spec = policy.spec
    if not spec.resource_selectors:
        yield Problem(
            path="spec.resourceSelectors", message="selects nothing", remedy="name at least one resource"
        )
    if isinstance(policy, PropagationPolicy):
        yield from selector_problems(spec.resource_selectors, policy.metadata.namespace)
    yield from placement_problems(spec.placement, "spec.placement", behaviour)
    yield from _preemption_problems(spec)
    if spec.failover is not None:
        yield from _failover_problems(spec.failover, propagates_dependencies=spec.propagate_deps)
    if spec.suspension is not None:
        yield from _suspension_problems(spec.suspension)


def selector_problems(selectors: tuple[ResourceSelector, ...], namespace: str) -> Iterator[Problem]:
    """Yield the selectors of a namespaced policy that reach beyond its own namespace."""
    for index, selector in enumerate(selectors):
        if selector.namespace != namespace:
            yield Problem(
                path=f"spec.resourceSelectors[{index}].namespace",
                message=f"is {selector.namespace!r}, not the policy's namespace {namespace!r}",
                remedy="remove it, or use the cluster-scoped kind of policy",
            )


def _preemption_problems(spec: PropagationSpec) -> Iterator[Problem]:
    if spec.preemption != "Always":
        return
    for index, selector in enumerate(spec.resource_selectors):
        if not selector.name:
            yield Problem(
                path=f"spec.resourceSelectors[{index}].name",
                message="is empty although spec.preemption is Always",
                remedy="name the resource, or do not preempt",
            )


def _failover_problems(failover: Failover, *, propagates_dependencies: bool) -> Iterator[Problem]:
    path = "spec.failover"
    if failover.application is not None:
        if not propagates_dependencies:
            yield Problem(
                path="spec.propagateDeps",
                message="is not true although spec.failover.application is set",
                remedy="set it to true",
            )
        yield from _application_problems(failover.application, f"{path}.application")
    if failover.cluster is not None:
        yield from _state_problems(failover.cluster.state_preservation, f"{path}.cluster.statePreservation")


def _application_problems(application: ApplicationFailover, path: str) -> Iterator[Problem]:
    conditions, period = application.decision_conditions, application.grace_period_seconds
    if conditions is not None and (conditions.toleration_seconds or 0) < 0:
        yield Problem(
            path=f"{path}.decisionConditions.tolerationSeconds",
            message=f"is {conditions.toleration_seconds}",
            remedy="write 0 or more seconds",
        )
    at = f"{path}.gracePeriodSeconds"
    gracefully = application.purge_mode == "Gracefully"
    if gracefully and period is None:
        yield Problem(path=at, message="is missing although purgeMode is Gracefully", remedy="add it")
    if period is not None and not gracefully:
        yield Problem(
            path=at,
            message="has an effect only with purgeMode Gracefully",
            remedy="remove it or change purgeMode",
        )
    if period is not None and period <= 0:
        yield Problem(path=at, message=f"is {period}", remedy="write more than 0 seconds")
    yield from _state_problems(application.state_preservation, f"{path}.statePreservation")


def _state_problems(preservation: StatePreservation | None, path: str) -> Iterator[Problem]:
    for index, rule in enumerate(preservation.rules if preservation is not None else ()):
        if not is_label_key(rule.alias_label_name):
            yield Problem(
                path=f"{path}.rules[{index}].aliasLabelName",
                message=f"is {rule.alias_label_name[:80]!r}, which is no label key",
                remedy="use letters, digits, hyphens, underscores and dots",
            )


def _suspension_problems(suspension: Suspension) -> Iterator[Problem]:
    some = suspension.dispatching_on_clusters
    if suspension.dispatching and some is not None and some.cluster_names:
        yield Problem(
            path="spec.suspension",
            message="suspends dispatching everywhere and on some clusters",
            remedy="keep one of them",
        )
