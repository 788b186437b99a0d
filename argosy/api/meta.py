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
    """One condition on a label.

    Attributes:
        key: the label.
        operator: In, NotIn, Exists or DoesNotExist; with any other the selector selects nothing.
        values: for In and NotIn.
    """

    key: str
    operator: str
    values: tuple[str, ...] = ()


class LabelSelector(Model):
    """A conjunction of conditions on labels; the empty selector selects everything.

    Attributes:
        match_labels: labels with their values.
        match_expressions: further conditions.
    """

    match_labels: dict[str, str] = Field(default_factory=dict)
    match_expressions: tuple[LabelSelectorRequirement, ...] = ()


TaintEffect = Literal["NoSchedule", "PreferNoSchedule", "NoExecute"]


class Taint(Model):
    """What keeps copies away that do not tolerate it.

    Attributes:
        key: a label key.
        value: of the key.
        effect: NoSchedule keeps new copies away, NoExecute moves those that are there too.
        time_added: since when; a NoExecute taint without it counts from now on.
    """

    key: str
    value: str = ""
    effect: TaintEffect
    time_added: Timestamp | None = None


class Toleration(Model):
    """A tolerated taint.

    Attributes:
        key: empty with Exists tolerates all.
        operator: Exists, or Equal, which is meant where nothing is written; Lt and Gt are refused.
        value: of the taint, with Equal.
        effect: empty is every effect.
        toleration_seconds: how long a NoExecute taint is tolerated; left out, for ever.
    """

    key: str = ""
    operator: Literal["", "Exists", "Equal", "Lt", "Gt"] = ""
    value: str = ""
    effect: Literal["", "NoSchedule", "PreferNoSchedule", "NoExecute"] = ""
    toleration_seconds: Int64 | None = None
