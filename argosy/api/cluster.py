"""Cluster (cluster.karmada.io/v1alpha1): a member cluster, its facts and its state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from argosy.api.base import Bool, Int32, Int64, KubernetesObject, Model, Timestamp
from argosy.api.meta import ObjectMeta, Taint
from argosy.api.quantity import Quantity, ResourceList


class SecretReference(Model):
    """A Secret of a Karmada control plane; not used.

    Attributes:
        namespace, name: of the Secret.
    """

    namespace: str
    name: str


class ResourceModelRange(Model):
    """The half-open range of one resource's free capacity on a node of this grade.

    Attributes:
        name: the resource, such as cpu.
        min: from here on.
        max: up to, but not, this.
    """

    name: str
    min: Quantity
    max: Quantity


class ResourceModel(Model):
    """A class of nodes by free capacity; higher grades hold more.

    Attributes:
        grade: its number.
        ranges: one for each resource.
    """

    grade: Int64
    ranges: tuple[ResourceModelRange, ...] = ()


class ClusterSpec(Model):
    """Where a cluster is and what it accepts; how it is reached is said by `argosy cluster join`.

    Attributes:
        id: the UID of its namespace `kube-system`.
        sync_mode: how Karmada reaches it; Argosy does not look at it, but a Cluster has to have one.
        api_endpoint: its address; not used.
        secret_ref: credentials in a Karmada control plane; not used.
        impersonator_secret_ref: the same; not used.
        insecure_skip_tls_verification: not used.
        proxy_url: not used.
        proxy_header: not used.
        provider: of the infrastructure.
        region: where it is.
        zone: deprecated; the only zone.
        zones: in which it lies.
        taints: what keeps copies away.
        resource_models: classes of nodes by their room, by which the offline commands estimate.
    """

    id: str = ""
    sync_mode: Literal["Push", "Pull"] | None = None
    api_endpoint: str = ""
    secret_ref: SecretReference | None = None
    impersonator_secret_ref: SecretReference | None = None
    insecure_skip_tls_verification: Bool = Field(default=False, alias="insecureSkipTLSVerification")
    proxy_url: str = Field(default="", alias="proxyURL")
    proxy_header: dict[str, str] = Field(default_factory=dict)
    provider: str = ""
    region: str = ""
    zone: str = ""
    zones: tuple[str, ...] = ()
    taints: tuple[Taint, ...] = ()
    resource_models: tuple[ResourceModel, ...] = ()


class APIResource(Model):
    """A served resource.

    Attributes:
        name: its plural.
        kind: its kind.
    """

    name: str = ""
    kind: str


class APIEnablement(Model):
    """What a cluster serves of one group and version.

    Attributes:
        group_version: such as `apps/v1`.
        resources: its kinds.
    """

    group_version: str
    resources: tuple[APIResource, ...] = ()


class Condition(Model):
    """Something that is true of a cluster or not.

    Attributes:
        type: such as Ready.
        status: whether.
        reason: in one word.
        message: in a sentence.
        last_transition_time: since when.
        observed_generation: of the spec.
    """

    type: str
    status: Literal["True", "False", "Unknown"]
    reason: str = ""
    message: str = ""
    last_transition_time: Timestamp | None = None
    observed_generation: Int64 = 0


class NodeSummary(Model):
    """How many nodes a cluster has.

    Attributes:
        total_num: all.
        ready_num: those that are ready.
    """

    total_num: Int32 = 0
    ready_num: Int32 = 0


class AllocatableModeling(Model):
    """How many nodes of a grade the cluster has.

    Attributes:
        grade: the number of a resource model.
        count: of nodes.
    """

    grade: Int64
    count: Int64 = 0


class ResourceSummary(Model):
    """Capacity of the nodes, and what pods with (allocated) and without (allocating) a node request.

    Attributes:
        allocatable: what nodes offer.
        allocating: what pods without a node ask for.
        allocated: what pods with a node ask for.
        allocatable_modelings: nodes by grade.
    """

    allocatable: ResourceList = Field(default_factory=dict)
    allocating: ResourceList = Field(default_factory=dict)
    allocated: ResourceList = Field(default_factory=dict)
    allocatable_modelings: tuple[AllocatableModeling, ...] = ()


class ClusterStatus(Model):
    """What is known of a cluster; the offline commands decide by it.

    Attributes:
        kubernetes_version: of its API server.
        api_enablements: what it serves; left out, it counts as serving nothing.
        conditions: such as Ready.
        node_summary: how many nodes.
        resource_summary: how much room.
        remedy_actions: not used.
    """

    kubernetes_version: str = ""
    api_enablements: tuple[APIEnablement, ...] = ()
    conditions: tuple[Condition, ...] = ()
    node_summary: NodeSummary | None = None
    resource_summary: ResourceSummary | None = None
    remedy_actions: tuple[str, ...] = ()


class Cluster(KubernetesObject):
    """A member cluster; the properties are the facts that affinities look at.

    Attributes:
        spec: where it is and what it accepts.
        status: what is known of it.
    """

    api_version: Literal["cluster.karmada.io/v1alpha1"] = "cluster.karmada.io/v1alpha1"
    kind: Literal["Cluster"] = "Cluster"
    metadata: ObjectMeta
    spec: ClusterSpec = Field(default_factory=ClusterSpec)
    status: ClusterStatus = Field(default_factory=ClusterStatus)

    @property
    def name(self) -> str:
        return self.metadata.name

    @property
    def labels(self) -> Mapping[str, str]:
        return self.metadata.labels

    @property
    def provider(self) -> str:
        return self.spec.provider

    @property
    def region(self) -> str:
        return self.spec.region

    @property
    def zones(self) -> tuple[str, ...]:
        """The zones, among them the one written in the deprecated field."""
        return self.spec.zones or ((self.spec.zone,) if self.spec.zone else ())

    def condition(self, kind: str) -> Condition | None:
        """Return the condition of type `kind`, or None where the cluster reports none."""
        return next((condition for condition in self.status.conditions if condition.type == kind), None)
