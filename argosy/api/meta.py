"""Shared Kubernetes types: metadata, label selectors, taints and tolerations."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from argosy.api.base import Bool, Int64, Model, Timestamp


class OwnerReference(Model):
    api_version: str
    kind: str
    name: str
    uid: str
    controller: Bool | None = None
    block_owner_deletion: Bool | None = None


class ObjectMeta(Model):
    """An object's metadata, with the fields a server sets accepted because people paste live objects."""

    name: str = ""
    namespace: str = ""
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)
    finalizers: tuple[str, ...] = ()
    generate_name: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: Int64 = 0
    self_link: str = ""
    creation_timestamp: Timestamp | None = None
    deletion_timestamp: Timestamp | None = None
    deletion_grace_period_seconds: Int64 | None = None
    owner_references: tuple[OwnerReference, ...] = ()
    managed_fields: tuple[dict[str, Any], ...] = ()


class LabelSelectorRequirement(Model):
    """One condition on a label; `operator` is In, NotIn, Exists or DoesNotExist (others never match)."""

    key: str
    operator: str
    values: tuple[str, ...] = ()


class LabelSelector(Model):
    """A conjunction of conditions on labels; the empty selector selects everything."""

    match_labels: dict[str, str] = Field(default_factory=dict)
    match_expressions: tuple[LabelSelectorRequirement, ...] = ()


TaintEffect = Literal["NoSchedule", "PreferNoSchedule", "NoExecute"]


class Taint(Model):
    key: str
    value: str = ""
    effect: TaintEffect
    time_added: Timestamp | None = None


class Toleration(Model):
    """A tolerated taint; an empty key with Exists tolerates all, an empty effect means every effect.

    `toleration_seconds` bounds how long a NoExecute taint is tolerated; None means for ever.
    """

    key: str = ""
    operator: Literal["", "Exists", "Equal", "Lt", "Gt"] = ""
    value: str = ""
    effect: Literal["", "NoSchedule", "PreferNoSchedule", "NoExecute"] = ""
    toleration_seconds: Int64 | None = None
