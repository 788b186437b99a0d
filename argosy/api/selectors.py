"""Selection: labels, templates and clusters. Rules as Karmada's, stated in its reference tables."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any

from argosy.api.cluster import Cluster
from argosy.api.meta import LabelSelector
from argosy.api.placement import ClusterAffinity, FieldSelectorRequirement
from argosy.api.policy import ResourceSelector


class MatchLevel(IntEnum):
    """How specifically a selector matches; a policy's implicit priority is its best selector's."""

    NONE = 0
    ALL = 1
    LABEL = 2
    NAME = 3


def labels_match(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    """Whether every part of a label selector holds; an empty selector holds always."""
    if any(labels.get(key) != value for key, value in (selector.match_labels or {}).items()):
        return False
    for requirement in selector.match_expressions or ():
        value, values = labels.get(requirement.key), requirement.values or ()
        match requirement.operator:
            case "In":
                holds = value is not None and value in values
            case "NotIn":
                holds = value is None or value not in values
            case "Exists":
                holds = value is not None
            case "DoesNotExist":
                holds = value is None
        if not holds:
            return False
    return True


def template_match(selector: ResourceSelector, manifest: Mapping[str, Any]) -> MatchLevel:
    """How specifically `selector` matches a template; a name decides alone, without the label selector."""
    metadata = manifest.get("metadata", {})
    if selector.api_version != manifest.get("apiVersion") or selector.kind != manifest.get("kind"):
        return MatchLevel.NONE
    if selector.namespace and selector.namespace != metadata.get("namespace"):
        return MatchLevel.NONE
    if selector.name:
        return MatchLevel.NAME if selector.name == metadata.get("name") else MatchLevel.NONE
    if selector.label_selector is None:
        return MatchLevel.ALL
    matched = labels_match(selector.label_selector, metadata.get("labels") or {})
    return MatchLevel.LABEL if matched else MatchLevel.NONE


def cluster_matches(affinity: ClusterAffinity | None, cluster: Cluster) -> bool:
    """Whether a cluster is meant by an affinity; no affinity means every cluster."""
    if affinity is None:
        return True
    if cluster.name in (affinity.exclude_clusters or ()):
        return False
    if affinity.label_selector and not labels_match(affinity.label_selector, cluster.metadata.labels or {}):
        return False
    requirements = (affinity.field_selector.match_expressions if affinity.field_selector else None) or ()
    if not all(_field_holds(requirement, cluster) for requirement in requirements):
        return False
    return not affinity.cluster_names or cluster.name in affinity.cluster_names


def _field_holds(requirement: FieldSelectorRequirement, cluster: Cluster) -> bool:
    values = set(requirement.values or ())
    match requirement.key:
        case "zone":
            held = set(cluster.zones)
        case "provider" | "region":
            value = cluster.spec.provider if requirement.key == "provider" else cluster.spec.region
            held = {value} if value else set()
        case _:
            return False
    match requirement.operator:
        case "In":
            return bool(held & values)
        case "NotIn":
            return not held & values
        case "Exists":
            return bool(held)
        case "DoesNotExist":
            return not held
        case _:
            return False
