"""PropagationPolicy and ClusterPropagationPolicy (policy.karmada.io/v1alpha1)."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from argosy.api.base import Bool, Int32, KubernetesObject, Model
from argosy.api.meta import LabelSelector, ObjectMeta
from argosy.api.placement import Placement


class ResourceSelector(Model):
    """Which templates are meant.

    Attributes:
        api_version, kind: as the template writes them; both have to be equal.
        namespace: empty is any namespace; in a policy with a namespace it is that one.
        name: with one, `label_selector` is not consulted; empty is any name.
        label_selector: left out, it selects everything; an empty one too, but as a match by label, which ranks higher.
    """

    api_version: str
    kind: str
    namespace: str = ""
    name: str = ""
    label_selector: LabelSelector | None = None


class DecisionConditions(Model):
    """When a workload counts as failed.

    Attributes:
        toleration_seconds: how long its copy has to be unhealthy; 300 where nothing is written.
    """

    toleration_seconds: Int32 | None = None


class StatePreservationRule(Model):
    """Carries a value of the old object's status into a label of the new one.

    Attributes:
        alias_label_name: the label that the new copy gets.
        json_path: where the value stands in the old copy's status, such as `{ .jobStatus.jobID }`.
    """

    alias_label_name: str
    json_path: str


class StatePreservation(Model):
    """What of a copy's status its successor gets.

    Attributes:
        rules: one for each value.
    """

    rules: tuple[StatePreservationRule, ...] = ()


class ApplicationFailover(Model):
    """What happens when the workload itself stays unhealthy.

    Attributes:
        decision_conditions: when it counts as failed.
        purge_mode: what becomes of the old copy; Gracefully where nothing is written.
        grace_period_seconds: seconds that the old copy waits for healthy ones elsewhere, with Gracefully only; 600
            where nothing is written.
        state_preservation: values that travel to the new copy.
    """

    decision_conditions: DecisionConditions | None = None
    purge_mode: Literal["Directly", "Gracefully", "Never"] | None = None
    grace_period_seconds: Int32 | None = None
    state_preservation: StatePreservation | None = None


class ClusterFailover(Model):
    """What happens when the cluster fails.

    Attributes:
        purge_mode: what becomes of the old copy; Gracefully where nothing is written.
        state_preservation: values that travel to the new copy.
    """

    purge_mode: Literal["Directly", "Gracefully"] | None = None
    state_preservation: StatePreservation | None = None


class Failover(Model):
    """When and how copies move away.

    Attributes:
        application: because the workload fails; needs `propagateDeps: true`. Left out, it does not move.
        cluster: because the cluster fails; what it says is how the old copy goes, not whether copies move.
    """

    application: ApplicationFailover | None = None
    cluster: ClusterFailover | None = None


class SuspendedClusters(Model):
    """Clusters to which nothing is written.

    Attributes:
        cluster_names: their names.
    """

    cluster_names: tuple[str, ...] = ()


class Suspension(Model):
    """Stops dispatching everywhere, or to the clusters named.

    Attributes:
        dispatching: true is: write nothing, to no cluster.
        dispatching_on_clusters: write nothing to these.
    """

    dispatching: Bool | None = None
    dispatching_on_clusters: SuspendedClusters | None = None


class SchedulePriority(Model):
    """Who is placed first where many are placed at once.

    Attributes:
        priority_class_source: there is only one.
        priority_class_name: a PriorityClass that was submitted like any template; without it nothing is placed.
    """

    priority_class_source: Literal["KubePriorityClass"]
    priority_class_name: str


ConflictResolution = Literal["Abort", "Overwrite"]


class PropagationSpec(Model):
    """What is propagated, where, and under which terms; None and zero mean that nothing was written.

    Attributes:
        resource_selectors: at least one; a template that any of them means is selected.
        association: a deprecated name of `propagateDeps`; refused.
        propagate_deps: whether ConfigMaps, Secrets and the like follow the workload that names them.
        placement: which clusters, and how many replicas in each.
        priority: the higher one takes a template that several policies select; may be negative.
        preemption: Always lets the policy take templates that others have, by priority, and needs selectors with names;
            Never where nothing is written.
        dependent_overrides: override policies that have to exist before anything is placed.
        scheduler_name: refused, except for `default-scheduler`.
        failover: when and how copies move away.
        conflict_resolution: what happens to an object that is there already and is not Argosy's; Abort where nothing
            is written, Overwrite takes it over.
        activation_preference: Lazy lets an edit of the policy wait until the template itself changes.
        suspension: write nothing, for the time being.
        preserve_resources_on_deletion: whether copies stay when the template is deleted.
        schedule_priority: who is placed first.
    """

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
    """Where templates of its namespace go, and on which terms.

    Attributes:
        spec: what is wanted.
    """

    namespaced: ClassVar[bool] = True

    api_version: Literal["policy.karmada.io/v1alpha1"] = "policy.karmada.io/v1alpha1"
    kind: Literal["PropagationPolicy"] = "PropagationPolicy"
    metadata: ObjectMeta
    spec: PropagationSpec


class ClusterPropagationPolicy(KubernetesObject):
    """Where templates of any namespace, or of none, go.

    Attributes:
        spec: what is wanted.
    """

    api_version: Literal["policy.karmada.io/v1alpha1"] = "policy.karmada.io/v1alpha1"
    kind: Literal["ClusterPropagationPolicy"] = "ClusterPropagationPolicy"
    metadata: ObjectMeta
    spec: PropagationSpec


AnyPropagationPolicy = PropagationPolicy | ClusterPropagationPolicy
