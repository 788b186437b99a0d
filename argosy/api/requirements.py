"""What a workload needs: the interpreter's answer that the scheduler estimates with."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from argosy.api.base import Int32, Model
from argosy.api.meta import Toleration
from argosy.api.quantity import ResourceList


class NodeClaim(Model):
    """Conditions on nodes; `hard_node_affinity` is a core/v1 NodeSelector as written."""

    hard_node_affinity: dict[str, Any] | None = None
    node_selector: dict[str, str] = Field(default_factory=dict)
    tolerations: tuple[Toleration, ...] = ()


class ReplicaRequirements(Model):
    """What one replica requests."""

    node_claim: NodeClaim | None = None
    resource_request: ResourceList = Field(default_factory=dict)
    namespace: str = ""
    priority_class_name: str = ""


class ComponentRequirements(Model):
    node_claim: NodeClaim | None = None
    resource_request: ResourceList = Field(default_factory=dict)
    priority_class_name: str = ""


class Component(Model):
    """One pod template of a workload that has several, such as a job manager and its workers."""

    name: str
    replicas: Int32 = 0
    replica_requirements: ComponentRequirements | None = None
