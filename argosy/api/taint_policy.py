"""ClusterTaintPolicy (policy.karmada.io/v1alpha1): taints that clusters get and lose by their conditions."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from argosy.api.base import KubernetesObject, Model
from argosy.api.meta import ObjectMeta, TaintEffect
from argosy.api.placement import ClusterAffinity


class MatchCondition(Model):
    """What has to be true of one condition of a cluster; a condition that the cluster does not have never is.

    Attributes:
        condition_type: such as Ready, NodesReady or Watching.
        operator: whether the status has to be among the values or must not be.
        status_values: of the condition.
    """

    condition_type: str
    operator: Literal["In", "NotIn"]
    status_values: tuple[Literal["True", "False", "Unknown"], ...] = ()


class PolicyTaint(Model):
    """A taint as a policy writes it; since when it counts is up to the cluster.

    Attributes:
        key: a label key.
        effect: NoSchedule keeps new copies away, NoExecute moves those that are there too.
        value: of the key.
    """

    key: str
    effect: TaintEffect
    value: str = ""


class TaintPolicySpec(Model):
    """All conditions of a list have to be true; an empty list never is.

    Attributes:
        target_clusters: left out, every cluster.
        add_on_conditions: when the taints come.
        remove_on_conditions: when they go.
        taints: at least one; no key and effect twice.
    """

    target_clusters: ClusterAffinity | None = None
    add_on_conditions: tuple[MatchCondition, ...] = ()
    remove_on_conditions: tuple[MatchCondition, ...] = ()
    taints: tuple[PolicyTaint, ...] = Field(min_length=1)


class ClusterTaintPolicy(KubernetesObject):
    """Taints that clusters get and lose by their conditions.

    Attributes:
        spec: what is wanted.
    """

    api_version: Literal["policy.karmada.io/v1alpha1"] = "policy.karmada.io/v1alpha1"
    kind: Literal["ClusterTaintPolicy"] = "ClusterTaintPolicy"
    metadata: ObjectMeta
    spec: TaintPolicySpec
