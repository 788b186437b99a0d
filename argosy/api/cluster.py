"""The Cluster kind, complete to the field."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from argosy.api.base import Model
from argosy.api.meta import ObjectMeta, Taint
from argosy.api.quantity import Quantity, ResourceList


class SecretRef(Model):
    namespace: str
    name: str


class ResourceModelRange(Model):
    name: str
    min: Quantity
    max: Quantity


class ResourceModel(Model):
    grade: int = Field(ge=0)
    ranges: tuple[ResourceModelRange, ...] = Field(min_length=1)


class ClusterSpec(Model):
    """What a cluster is by decision."""

    id: str | None = None
    sync_mode: Literal["Push", "Pull"] | None = None
    api_endpoint: str | None = None
    secret_ref: SecretRef | None = None
    impersonator_secret_ref: SecretRef | None = None
    insecure_skip_tls_verification: bool | None = Field(default=None, alias="insecureSkipTLSVerification")
    proxy_url: str | None = Field(default=None, alias="proxyURL")
    proxy_header: dict[str, str] | None = None
    provider: str | None = None
    region: str | None = None
    zone: str | None = None
    zones: tuple[str, ...] | None = None
    taints: tuple[Taint, ...] | None = None
    resource_models: tuple[ResourceModel, ...] | None = None


class EnabledResource(Model):
    name: str
    kind: str


class ApiEnablement(Model):
    group_version: str
    resources: tuple[EnabledResource, ...] | None = None


class NodeSummary(Model):
    total_num: int | None = None
    ready_num: int | None = None


class AllocatableModeling(Model):
    grade: int
    count: int


class ResourceSummary(Model):
    allocatable: ResourceList | None = None
    allocating: ResourceList | None = None
    allocated: ResourceList | None = None
    allocatable_modelings: tuple[AllocatableModeling, ...] | None = None


class ClusterStatus(Model):
    """What a cluster is by observation."""

    kubernetes_version: str | None = None
    api_enablements: tuple[ApiEnablement, ...] | None = None
    conditions: tuple[dict[str, Any], ...] | None = None
    node_summary: NodeSummary | None = None
    resource_summary: ResourceSummary | None = None
    remedy_actions: tuple[str, ...] | None = None


class Cluster(Model):
    """A member cluster, as Karmada's API describes it."""

    api_version: Literal["cluster.karmada.io/v1alpha1"] = "cluster.karmada.io/v1alpha1"
    kind: Literal["Cluster"] = "Cluster"
    metadata: ObjectMeta
    spec: ClusterSpec = ClusterSpec()
    status: ClusterStatus = ClusterStatus()

    @property
    def name(self) -> str:
        """The cluster's name."""
        return self.metadata.name

    @property
    def zones(self) -> tuple[str, ...]:
        """All zones, the deprecated single one included."""
        return self.spec.zones or ((self.spec.zone,) if self.spec.zone else ())
