"""WorkloadRebalancer (apps.karmada.io/v1alpha1): a one-time request to divide the replicas of workloads anew."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from argosy.api.base import Int32, KubernetesObject, Model
from argosy.api.meta import ObjectMeta


class WorkloadReference(Model):
    """One workload; cluster-scoped kinds have no namespace."""

    api_version: str
    kind: str
    name: str
    namespace: str = ""


class RebalancerSpec(Model):
    """Attributes: `ttl_seconds_after_finished` means nothing to Argosy, which keeps no such object."""

    workloads: tuple[WorkloadReference, ...] = Field(min_length=1)
    ttl_seconds_after_finished: Int32 | None = None


class WorkloadRebalancer(KubernetesObject):
    api_version: Literal["apps.karmada.io/v1alpha1"] = "apps.karmada.io/v1alpha1"
    kind: Literal["WorkloadRebalancer"] = "WorkloadRebalancer"
    metadata: ObjectMeta
    spec: RebalancerSpec
