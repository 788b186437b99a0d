"""PropagationPolicy and ClusterPropagationPolicy, complete to the field."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from argosy.api.base import Model
from argosy.api.meta import LabelSelector, ObjectMeta
from argosy.api.placement import Placement

POLICY_GROUP = "policy.karmada.io/v1alpha1"


class ResourceSelector(Model):
    """Which templates: exact `apiVersion` and `kind`, then by name, by labels, or all."""

    api_version: str = Field(min_length=1)
    kind: str = Field(min_length=1)
    namespace: str | None = None
    name: str | None = None
    label_selector: LabelSelector | None = None


class SuspendClusters(Model):
    cluster_names: tuple[str, ...] | None = None


class Suspension(Model):
    dispatching: bool | None = None
    dispatching_on_clusters: SuspendClusters | None = None


class SchedulePriority(Model):
    priority_class_source: Literal["KubePriorityClass"]
    priority_class_name: str = Field(min_length=1)


class StatePreservationRule(Model):
    alias_label_name: str = Field(min_length=1)
    json_path: str = Field(min_length=1)


class StatePreservation(Model):
    rules: tuple[StatePreservationRule, ...]


class DecisionConditions(Model):
    toleration_seconds: int | None = None


class ApplicationFailover(Model):
    decision_conditions: DecisionConditions
    purge_mode: Literal["Directly", "Gracefully", "Never"] | None = None
    grace_period_seconds: int | None = None
    state_preservation: StatePreservation | None = None


class ClusterFailover(Model):
    purge_mode: Literal["Directly", "Gracefully"] | None = None
    state_preservation: StatePreservation | None = None


class Failover(Model):
    application: ApplicationFailover | None = None
    cluster: ClusterFailover | None = None


class PropagationSpec(Model):
    """What a propagation policy asks for."""

    resource_selectors: tuple[ResourceSelector, ...] = Field(min_length=1)
    association: bool | None = None
    propagate_deps: bool | None = None
    placement: Placement | None = None
    priority: int | None = None
    preemption: Literal["Always", "Never"] | None = None
    dependent_overrides: tuple[str, ...] | None = None
    scheduler_name: str | None = None
    failover: Failover | None = None
    conflict_resolution: Literal["Abort", "Overwrite"] | None = None
    activation_preference: Literal["Lazy", ""] | None = None
    suspension: Suspension | None = None
    preserve_resources_on_deletion: bool | None = None
    schedule_priority: SchedulePriority | None = None


class PropagationPolicy(Model):
    """Places templates of its own namespace."""

    api_version: Literal["policy.karmada.io/v1alpha1"]
    kind: Literal["PropagationPolicy"]
    metadata: ObjectMeta
    spec: PropagationSpec


class ClusterPropagationPolicy(Model):
    """Places templates of every namespace, and cluster-scoped ones."""

    api_version: Literal["policy.karmada.io/v1alpha1"]
    kind: Literal["ClusterPropagationPolicy"]
    metadata: ObjectMeta
    spec: PropagationSpec


AnyPropagationPolicy = PropagationPolicy | ClusterPropagationPolicy
