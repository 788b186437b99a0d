"""WorkloadRebalancer (apps.karmada.io/v1alpha1): a one-time request to divide the replicas of workloads anew."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from argosy.api.base import Int32, KubernetesObject, Model
from argosy.api.meta import ObjectMeta


class WorkloadReference(Model):
    """One workload.

    Attributes:
        api_version, kind, name: as its template has them.
        namespace: empty for kinds without namespaces.
    """

    api_version: str
    kind: str
    name: str
    namespace: str = ""


class RebalancerSpec(Model):
    """What is to be divided anew.

    Attributes:
        workloads: at least one.
        ttl_seconds_after_finished: means nothing to Argosy, which keeps no such object.
    """

    workloads: tuple[WorkloadReference, ...] = Field(min_length=1)
    ttl_seconds_after_finished: Int32 | None = None


class WorkloadRebalancer(KubernetesObject):
    """A one-time request to divide the replicas of workloads anew, whatever runs where.

    Attributes:
        spec: the workloads.
    """

    api_version: Literal["apps.karmada.io/v1alpha1"] = "apps.karmada.io/v1alpha1"
    kind: Literal["WorkloadRebalancer"] = "WorkloadRebalancer"
    metadata: ObjectMeta
    spec: RebalancerSpec
