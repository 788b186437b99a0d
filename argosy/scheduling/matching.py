"""Which policy takes a template: Karmada's first-match rules.

Order: policies of the template's namespace before cluster policies; then the higher explicit priority, the more
specific selector (name, labels, all), and the lexically smaller name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from argosy.api.policy import AnyPropagationPolicy, PropagationPolicy
from argosy.api.selectors import MatchLevel, highest_match

CLAIMED_BY = "resourcetemplate.karmada.io/claimed-by"
SYSTEM_NAMESPACES = re.compile(r"kube-.*|karmada-system|karmada-cluster|karmada-es-.*")


class PolicyIndex:
    """Propagation policies by the kinds they select, so that one template meets only those that may match."""

    def __init__(self, policies: Iterable[AnyPropagationPolicy]) -> None:
        self._by_kind: dict[tuple[str, str], list[AnyPropagationPolicy]] = {}
        for policy in policies:
            if policy.metadata.deletion_timestamp:
                continue
            kinds = {(s.api_version, s.kind): None for s in policy.spec.resource_selectors}
            for kind in kinds:
                self._by_kind.setdefault(kind, []).append(policy)

    def best(self, manifest: Mapping[str, Any]) -> AnyPropagationPolicy | None:
        """The policy that takes an unclaimed template, or None where none matches."""
        if not is_propagated(manifest):
            return None
        namespace = manifest.get("metadata", {}).get("namespace")
        candidates = self._by_kind.get((manifest.get("apiVersion", ""), manifest.get("kind", "")), ())
        ranked = [
            (
                not isinstance(policy, PropagationPolicy),
                -policy.spec.priority,
                -level,
                policy.metadata.name,
                policy,
            )
            for policy in candidates
            if _in_scope(policy, namespace)
            and (level := highest_match(policy.spec.resource_selectors, manifest)) != MatchLevel.NONE
        ]
        return min(ranked, key=lambda rank: rank[:4])[4] if ranked else None


def is_propagated(manifest: Mapping[str, Any]) -> bool:
    """Whether policies apply to a template at all: not in system namespaces, not claimed by another controller."""
    metadata = manifest.get("metadata", {})
    if (metadata.get("labels") or {}).get(CLAIMED_BY):
        return False
    return not SYSTEM_NAMESPACES.fullmatch(metadata.get("namespace") or "")


def still_matches(policy: AnyPropagationPolicy, manifest: Mapping[str, Any]) -> bool:
    """Whether a policy may keep a template that it placed before."""
    in_scope = _in_scope(policy, manifest.get("metadata", {}).get("namespace"))
    return in_scope and highest_match(policy.spec.resource_selectors, manifest) != MatchLevel.NONE


def _in_scope(policy: AnyPropagationPolicy, namespace: str | None) -> bool:
    if isinstance(policy, PropagationPolicy):
        return namespace is not None and policy.metadata.namespace == namespace
    return True
