"""The policies of a policy set, ready for matching, and which of them places a template."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from argosy.api.override import AnyOverridePolicy
from argosy.api.plan import PolicyRef
from argosy.api.policy import AnyPropagationPolicy, PropagationPolicy
from argosy.api.policyset import (
    INTERPRETER_KINDS,
    OVERRIDE_KINDS,
    PROPAGATION_KINDS,
    PolicySetState,
    StoredPolicy,
)
from argosy.scheduling.matching import PolicyIndex, is_propagated, preempts, still_matches

_PROPAGATION: TypeAdapter[AnyPropagationPolicy] = TypeAdapter(AnyPropagationPolicy)
_OVERRIDE: TypeAdapter[AnyOverridePolicy] = TypeAdapter(AnyOverridePolicy)


@dataclass(frozen=True)
class PolicyView:
    """The policies of one policy set's run, and in the cluster scope what tells the meaning of objects."""

    generation: int
    index: PolicyIndex
    placing: Mapping[tuple[str, str], AnyPropagationPolicy]
    uids: Mapping[tuple[str, str], str]
    overrides: tuple[AnyOverridePolicy, ...]
    interpreting: tuple[dict[str, Any], ...]

    @classmethod
    def of(cls, state: PolicySetState) -> PolicyView:
        """The view of a stored set; the policies were checked before they were stored."""
        placing = [p for p in state.policies if p.kind in PROPAGATION_KINDS]
        parsed = {(p.kind, p.name): _PROPAGATION.validate_python(p.manifest) for p in placing}
        return cls(
            generation=state.generation,
            index=PolicyIndex(parsed.values()),
            placing=parsed,
            uids={(p.kind, p.name): p.uid for p in placing},
            overrides=tuple(_override(p) for p in state.policies if p.kind in OVERRIDE_KINDS),
            interpreting=interpreting(state),
        )


def interpreting(state: PolicySetState) -> tuple[dict[str, Any], ...]:
    """What of a stored set tells the meaning of objects."""
    return tuple(p.manifest for p in state.policies if p.kind in INTERPRETER_KINDS)


EMPTY = PolicyView.of(PolicySetState())


@dataclass(frozen=True)
class Chosen:
    """The policy that places a template."""

    policy: AnyPropagationPolicy
    ref: PolicyRef

    def missing_overrides(self, views: Mapping[str, PolicyView]) -> tuple[str, ...]:
        """The names in `dependentOverrides` that no override policy of the policy's own scope has."""
        scope = self.ref.namespace
        present = {
            override.metadata.name
            for view in views.values()
            for override in view.overrides
            if override.metadata.namespace == scope or not (scope or override.metadata.namespace)
        }
        return tuple(name for name in self.policy.spec.dependent_overrides if name not in present)


def choose(
    template: Mapping[str, Any], views: Mapping[str, PolicyView], bound: PolicyRef | None
) -> Chosen | None:
    """The policy that has the template or takes it: it stays with its policy while that matches it.

    Args:
        views: policy set ID -> its policies; the template's namespace and the cluster scope.
        bound: the policy that placed it last.
    """
    if not is_propagated(template):
        return None
    holder = _bound(template, views, bound)
    if holder is None:
        return _best(template, views)
    claimants = [
        (view, policy)
        for view in views.values()
        for policy in view.index.preempting
        if preempts(policy, holder.policy, template)
    ]
    # Namespaced before cluster-scoped, then by priority and name, as between policies in general.
    claimants.sort(
        key=lambda entry: (
            not isinstance(entry[1], PropagationPolicy),
            -entry[1].spec.priority,
            entry[1].metadata.name,
        )
    )
    return _chosen(*claimants[0]) if claimants else holder


def _bound(
    template: Mapping[str, Any], views: Mapping[str, PolicyView], bound: PolicyRef | None
) -> Chosen | None:
    if bound is None:
        return None
    key = ("PropagationPolicy" if bound.namespace else "ClusterPropagationPolicy", bound.name)
    for view in views.values():
        policy = view.placing.get(key)
        if policy and view.uids[key] == bound.uid and still_matches(policy, template):
            return Chosen(policy, bound)
    return None


def _best(template: Mapping[str, Any], views: Mapping[str, PolicyView]) -> Chosen | None:
    found = [(view, policy) for view in views.values() if (policy := view.index.best(template))]
    # A namespace's own policy wins over every cluster policy.
    found.sort(key=lambda entry: not isinstance(entry[1], PropagationPolicy))
    return _chosen(*found[0]) if found else None


def _chosen(view: PolicyView, policy: AnyPropagationPolicy) -> Chosen:
    return Chosen(
        policy,
        PolicyRef(
            namespace=policy.metadata.namespace if isinstance(policy, PropagationPolicy) else None,
            name=policy.metadata.name,
            uid=view.uids[policy.kind, policy.metadata.name],
        ),
    )


def _override(stored: StoredPolicy) -> AnyOverridePolicy:
    return _OVERRIDE.validate_python(stored.manifest)
