"""Cluster (cluster.karmada.io/v1alpha1): a member cluster, its facts and its state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from argosy.api.base import Bool, Int32, Int64, KubernetesObject, Model, Timestamp
from argosy.api.meta import ObjectMeta, Taint
from argosy.api.quantity import Quantity, ResourceList


class SecretReference(Model):
    namespace: str
    name: str


class ResourceModelRange(Model):
    """The half-open range of one resource's free capacity on a node of this grade."""

    name: str
    min: Quantity
    max: Quantity


class ResourceModel(Model):
    """A class of nodes by free capacity; higher grades hold more."""

    grade: Int64
    ranges: tuple[ResourceModelRange, ...] = ()


class ClusterSpec(Model):
    """`zone` is the deprecated single zone; read zones through `Cluster.zones`."""

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
    """A served resource: its plural `name` and its kind."""

    name: str = ""
    kind: str


class APIEnablement(Model):
    group_version: str
    resources: tuple[APIResource, ...] = ()


class Condition(Model):
    type: str
    status: Literal["True", "False", "Unknown"]
    reason: str = ""
    message: str = ""
    last_transition_time: Timestamp | None = None
    observed_generation: Int64 = 0


class NodeSummary(Model):
    total_num: Int32 = 0
    ready_num: Int32 = 0


class AllocatableModeling(Model):
    """How many nodes of a grade the cluster has."""

    grade: Int64
    count: Int64 = 0


class ResourceSummary(Model):
    """Capacity of the nodes, and what pods with (allocated) and without (allocating) a node request."""

    allocatable: ResourceList = Field(default_factory=dict)
    allocating: ResourceList = Field(default_factory=dict)
    allocated: ResourceList = Field(default_factory=dict)
    allocatable_modelings: tuple[AllocatableModeling, ...] = ()


class ClusterStatus(Model):
    kubernetes_version: str = ""
    api_enablements: tuple[APIEnablement, ...] = ()
    conditions: tuple[Condition, ...] = ()
    node_summary: NodeSummary | None = None
    resource_summary: ResourceSummary | None = None
    remedy_actions: tuple[str, ...] = ()


class Cluster(KubernetesObject):
    """A member cluster; the properties are the facts that affinities look at."""

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
