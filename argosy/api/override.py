"""OverridePolicy and ClusterOverridePolicy (policy.karmada.io/v1alpha1): what differs per cluster."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from argosy.api.base import KubernetesObject, Model
from argosy.api.meta import ObjectMeta
from argosy.api.placement import ClusterAffinity
from argosy.api.policy import ResourceSelector

OverriderOperator = Literal["add", "remove", "replace"]


class PlaintextOverrider(Model):
    """One RFC 6902 operation on the object; a missing `value` is null."""

    path: str
    operator: OverriderOperator | None = None
    value: Any = None


class ImagePredicate(Model):
    path: str


class ImageOverrider(Model):
    """Changes one component of the image reference at `predicate`, or of all containers without one."""

    predicate: ImagePredicate | None = None
    component: Literal["Registry", "Repository", "Tag"]
    operator: OverriderOperator
    value: str = ""


class CommandArgsOverrider(Model):
    """Adds words to, or removes them from, the command or arguments of one container."""

    container_name: str
    operator: Literal["add", "remove"]
    value: tuple[str, ...] = ()


class LabelAnnotationOverrider(Model):
    operator: OverriderOperator
    value: dict[str, str] = Field(default_factory=dict)


class FieldPatchOperation(Model):
    """One RFC 6902 operation inside an embedded document; `value` None means that none was given."""

    sub_path: str
    operator: OverriderOperator
    value: Any = None


class FieldOverrider(Model):
    """Edits a JSON or YAML document embedded as a string at `field_path`."""

    field_path: str
    json_operations: tuple[FieldPatchOperation, ...] = Field(default=(), alias="json")
    yaml_operations: tuple[FieldPatchOperation, ...] = Field(default=(), alias="yaml")


class Overriders(Model):
    """The seven kinds of changes, applied in the order image … field, plaintext last."""

    plaintext: tuple[PlaintextOverrider, ...] = ()
    image_overrider: tuple[ImageOverrider, ...] = ()
    command_overrider: tuple[CommandArgsOverrider, ...] = ()
    args_overrider: tuple[CommandArgsOverrider, ...] = ()
    labels_overrider: tuple[LabelAnnotationOverrider, ...] = ()
    annotations_overrider: tuple[LabelAnnotationOverrider, ...] = ()
    field_overrider: tuple[FieldOverrider, ...] = ()


class OverrideRule(Model):
    """Changes for the clusters of `target_cluster`; None means every cluster."""

    target_cluster: ClusterAffinity | None = None
    overriders: Overriders


class OverrideSpec(Model):
    """Rules for the selected objects; no selectors means every object in reach.

    `target_cluster` and `overriders` are the deprecated single rule, used when there are no rules.
    """

    resource_selectors: tuple[ResourceSelector, ...] = ()
    override_rules: tuple[OverrideRule, ...] = ()
    target_cluster: ClusterAffinity | None = None
    overriders: Overriders = Field(default_factory=Overriders)


class OverridePolicy(KubernetesObject):
    namespaced: ClassVar[bool] = True

    api_version: Literal["policy.karmada.io/v1alpha1"] = "policy.karmada.io/v1alpha1"
    kind: Literal["OverridePolicy"] = "OverridePolicy"
    metadata: ObjectMeta
    spec: OverrideSpec


class ClusterOverridePolicy(KubernetesObject):
    api_version: Literal["policy.karmada.io/v1alpha1"] = "policy.karmada.io/v1alpha1"
    kind: Literal["ClusterOverridePolicy"] = "ClusterOverridePolicy"
    metadata: ObjectMeta
    spec: OverrideSpec


AnyOverridePolicy = OverridePolicy | ClusterOverridePolicy
