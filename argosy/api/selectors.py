"""Which labels, templates and clusters a selector means. Pure, and total: a broken selector matches nothing.

Algorithm source: Kubernetes' label selectors; Karmada's resource selectors and cluster affinity.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import IntEnum
from typing import Any, Protocol

from argosy.api.formats import is_label_key, is_label_value
from argosy.api.meta import LabelSelector, LabelSelectorRequirement
from argosy.api.placement import ClusterAffinity, FieldSelectorRequirement
from argosy.api.policy import ResourceSelector


class ClusterFacts(Protocol):
    """What an affinity can look at; `argosy.api.cluster.Cluster` is one."""

    @property
    def name(self) -> str: ...
    @property
    def labels(self) -> Mapping[str, str]: ...
    @property
    def provider(self) -> str: ...
    @property
    def region(self) -> str: ...
    @property
    def zones(self) -> tuple[str, ...]: ...


class MatchLevel(IntEnum):
    """How narrowly a selector means a template; the narrower level ranks higher."""

    NONE = 0
    ALL = 1
    LABEL = 2
    NAME = 3


def selector_problem(selector: LabelSelector) -> str | None:
    """Return why `selector` cannot be evaluated, or None where it is sound."""
    for key, value in selector.match_labels.items():
        if not is_label_key(key):
            return f"{key!r} is not a label key"
        if not is_label_value(value):
            return f"{value!r} is not a label value"
    return next(filter(None, map(_requirement_problem, selector.match_expressions)), None)


def _requirement_problem(requirement: LabelSelectorRequirement) -> str | None:
    key, operator, values = requirement.key, requirement.operator, requirement.values
    if not is_label_key(key):
        return f"{key!r} is not a label key"
    match operator:
        case "In" | "NotIn":
            if not values:
                return f"operator {operator} of {key} needs at least one value"
        case "Exists" | "DoesNotExist":
            if values:
                return f"operator {operator} of {key} takes no values"
        case _:
            return f"operator {operator!r} of {key} is none of In, NotIn, Exists and DoesNotExist"
    return next((f"{value!r} is not a label value" for value in values if not is_label_value(value)), None)


def labels_match(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    """Whether `selector` selects `labels`; an empty selector selects all, a broken one nothing."""
    return selector_problem(selector) is None and _labels_hold(selector, labels)


def _labels_hold(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    if any(labels.get(key) != value for key, value in selector.match_labels.items()):
        return False
    return all(_requirement_holds(requirement, labels) for requirement in selector.match_expressions)


def _requirement_holds(requirement: LabelSelectorRequirement, labels: Mapping[str, str]) -> bool:
    value = labels.get(requirement.key)
    match requirement.operator:
        case "In":
            return value in requirement.values
        case "NotIn":
            return value not in requirement.values
        case "Exists":
            return value is not None
        case _:
            return value is None


def match_level(selector: ResourceSelector, manifest: Mapping[str, Any]) -> MatchLevel:
    """Return how `selector` means `manifest`; with a name in the selector its labels are not consulted."""
    if manifest.get("apiVersion") != selector.api_version or manifest.get("kind") != selector.kind:
        return MatchLevel.NONE
    metadata = manifest.get("metadata") or {}
    if selector.namespace and (metadata.get("namespace") or "") != selector.namespace:
        return MatchLevel.NONE
    if selector.name:
        return MatchLevel.NAME if metadata.get("name") == selector.name else MatchLevel.NONE
    if selector.label_selector is None:
        return MatchLevel.ALL
    selected = labels_match(selector.label_selector, metadata.get("labels") or {})
    return MatchLevel.LABEL if selected else MatchLevel.NONE


def highest_match(selectors: Iterable[ResourceSelector], manifest: Mapping[str, Any]) -> MatchLevel:
    """Return the narrowest level at which any of `selectors` means `manifest`."""
    return max((match_level(selector, manifest) for selector in selectors), default=MatchLevel.NONE)


def cluster_matches(affinity: ClusterAffinity, cluster: ClusterFacts) -> bool:
    """Whether `cluster` belongs to `affinity`: not excluded, and every part given holds."""
    return cluster_matcher(affinity)(cluster)


def cluster_matcher(affinity: ClusterAffinity) -> Callable[[ClusterFacts], bool]:
    """Return the question whether a cluster belongs to `affinity`, prepared once for many clusters."""
    selector = affinity.label_selector
    if selector is not None and selector_problem(selector) is not None:
        return lambda _: False
    names, excluded = frozenset(affinity.cluster_names), frozenset(affinity.exclude)
    fields = affinity.field_selector.match_expressions if affinity.field_selector is not None else ()

    def matches(cluster: ClusterFacts) -> bool:
        name = cluster.name
        if name in excluded or (names and name not in names):
            return False
        if selector is not None and not _labels_hold(selector, cluster.labels):
            return False
        return all(_field_holds(requirement, cluster) for requirement in fields)

    return matches


def _field_holds(requirement: FieldSelectorRequirement, cluster: ClusterFacts) -> bool:
    present: tuple[str, ...]
    match requirement.key:
        case "provider":
            present = (cluster.provider,) if cluster.provider else ()
        case "region":
            present = (cluster.region,) if cluster.region else ()
        case "zone":
            present = cluster.zones
        case _:
            return False
    overlap = any(value in requirement.values for value in present)
    match requirement.operator:
        case "In":
            return overlap
        case "NotIn":
            return not overlap
        case "Exists":
            return bool(present)
        case "DoesNotExist":
            return not present
        case _:
            return False
