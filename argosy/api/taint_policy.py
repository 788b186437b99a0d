"""ClusterTaintPolicy (policy.karmada.io/v1alpha1): taints that clusters get and lose by their conditions."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from argosy.api.base import KubernetesObject, Model
from argosy.api.meta import ObjectMeta, TaintEffect
from argosy.api.placement import ClusterAffinity


class MatchCondition(Model):
    """What has to be true of one condition of a cluster; a condition that the cluster does not have never is."""

    condition_type: str
    operator: Literal["In", "NotIn"]
    status_values: tuple[Literal["True", "False", "Unknown"], ...] = ()


class PolicyTaint(Model):
    """A taint as a policy writes it; since when it counts is up to the cluster."""

    key: str
    effect: TaintEffect
    value: str = ""


class TaintPolicySpec(Model):
    """All conditions of a list have to be true; an empty list never is.

    Attributes:
        target_clusters: None is every cluster.
    """

    target_clusters: ClusterAffinity | None = None
    add_on_conditions: tuple[MatchCondition, ...] = ()
    remove_on_conditions: tuple[MatchCondition, ...] = ()
    taints: tuple[PolicyTaint, ...] = Field(min_length=1)


class ClusterTaintPolicy(KubernetesObject):
    api_version: Literal["policy.karmada.io/v1alpha1"] = "policy.karmada.io/v1alpha1"
    kind: Literal["ClusterTaintPolicy"] = "ClusterTaintPolicy"
    metadata: ObjectMeta
    spec: TaintPolicySpec
