"""PropagationPolicy and ClusterPropagationPolicy (policy.karmada.io/v1alpha1)."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from argosy.api.base import Bool, Int32, KubernetesObject, Model
from argosy.api.meta import LabelSelector, ObjectMeta
from argosy.api.placement import Placement


class ResourceSelector(Model):
    """Which templates are meant; with a `name`, `label_selector` is not consulted.

    An empty `namespace` means any; `label_selector` None means all, the empty selector too, but the
    latter ranks as a match by label.
    """

    api_version: str
    kind: str
    namespace: str = ""
    name: str = ""
    label_selector: LabelSelector | None = None


class DecisionConditions(Model):
    toleration_seconds: Int32 | None = None


class StatePreservationRule(Model):
    """Carries a value of the old object's status into a label of the new one."""

    alias_label_name: str
    json_path: str


class StatePreservation(Model):
    rules: tuple[StatePreservationRule, ...] = ()


class ApplicationFailover(Model):
    """What happens when the workload itself stays unhealthy; `grace_period_seconds` is in seconds."""

    decision_conditions: DecisionConditions | None = None
    purge_mode: Literal["Directly", "Gracefully", "Never"] | None = None
    grace_period_seconds: Int32 | None = None
    state_preservation: StatePreservation | None = None


class ClusterFailover(Model):
    """What happens when the cluster fails."""

    purge_mode: Literal["Directly", "Gracefully"] | None = None
    state_preservation: StatePreservation | None = None


class Failover(Model):
    application: ApplicationFailover | None = None
    cluster: ClusterFailover | None = None


class SuspendedClusters(Model):
    cluster_names: tuple[str, ...] = ()


class Suspension(Model):
    """Stops dispatching everywhere, or to the clusters named."""

    dispatching: Bool | None = None
    dispatching_on_clusters: SuspendedClusters | None = None


class SchedulePriority(Model):
    priority_class_source: Literal["KubePriorityClass"]
    priority_class_name: str


ConflictResolution = Literal["Abort", "Overwrite"]


class PropagationSpec(Model):
    """What is propagated, where, and under which terms; None and zero mean that nothing was written."""

    resource_selectors: tuple[ResourceSelector, ...]
    association: Bool = False
    propagate_deps: Bool = False
    placement: Placement = Field(default_factory=Placement)
    priority: Int32 = 0
    preemption: Literal["Always", "Never"] | None = None
    dependent_overrides: tuple[str, ...] = ()
    scheduler_name: str = ""
    failover: Failover | None = None
    conflict_resolution: ConflictResolution | None = None
    activation_preference: Literal["Lazy"] | None = None
    suspension: Suspension | None = None
    preserve_resources_on_deletion: Bool | None = None
    schedule_priority: SchedulePriority | None = None


class PropagationPolicy(KubernetesObject):
    namespaced: ClassVar[bool] = True

    api_version: Literal["policy.karmada.io/v1alpha1"] = "policy.karmada.io/v1alpha1"
    kind: Literal["PropagationPolicy"] = "PropagationPolicy"
    metadata: ObjectMeta
    spec: PropagationSpec


class ClusterPropagationPolicy(KubernetesObject):
    api_version: Literal["policy.karmada.io/v1alpha1"] = "policy.karmada.io/v1alpha1"
    kind: Literal["ClusterPropagationPolicy"] = "ClusterPropagationPolicy"
    metadata: ObjectMeta
    spec: PropagationSpec


AnyPropagationPolicy = PropagationPolicy | ClusterPropagationPolicy
