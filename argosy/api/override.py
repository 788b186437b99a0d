"""OverridePolicy and ClusterOverridePolicy, complete to the field."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from argosy.api.base import Model
from argosy.api.meta import ObjectMeta
from argosy.api.placement import ClusterAffinity
from argosy.api.policy import ResourceSelector

Operator = Literal["add", "remove", "replace"]


class PlaintextOverrider(Model):
    path: str
    operator: Operator
    value: Any = None


class ImagePredicate(Model):
    path: str


class ImageOverrider(Model):
    predicate: ImagePredicate | None = None
    component: Literal["Registry", "Repository", "Tag"]
    operator: Operator
    value: str | None = None


class CommandArgsOverrider(Model):
    container_name: str
    operator: Literal["add", "remove"]
    value: tuple[str, ...] | None = None


class LabelAnnotationOverrider(Model):
    operator: Operator
    value: dict[str, str] | None = None


class FieldPatch(Model):
    sub_path: str
    operator: Operator
    value: Any = None


class FieldOverrider(Model):
    field_path: str
    json_patches: tuple[FieldPatch, ...] | None = Field(default=None, alias="json")
    yaml_patches: tuple[FieldPatch, ...] | None = Field(default=None, alias="yaml")


class Overriders(Model):
    """What is changed; the order of execution is image, command, args, labels, annotations, field, plaintext."""

    plaintext: tuple[PlaintextOverrider, ...] | None = None
    image_overrider: tuple[ImageOverrider, ...] | None = None
    command_overrider: tuple[CommandArgsOverrider, ...] | None = None
    args_overrider: tuple[CommandArgsOverrider, ...] | None = None
    labels_overrider: tuple[LabelAnnotationOverrider, ...] | None = None
    annotations_overrider: tuple[LabelAnnotationOverrider, ...] | None = None
    field_overrider: tuple[FieldOverrider, ...] | None = None


class OverrideRule(Model):
    target_cluster: ClusterAffinity | None = None
    overriders: Overriders


class OverrideSpec(Model):
    resource_selectors: tuple[ResourceSelector, ...] | None = None
    override_rules: tuple[OverrideRule, ...] | None = None
    target_cluster: ClusterAffinity | None = None
    overriders: Overriders | None = None


class OverridePolicy(Model):
    """Changes templates of its own namespace per cluster."""

    api_version: Literal["policy.karmada.io/v1alpha1"]
    kind: Literal["OverridePolicy"]
    metadata: ObjectMeta
    spec: OverrideSpec


class ClusterOverridePolicy(Model):
    """Changes templates of every namespace, and cluster-scoped ones, per cluster."""

    api_version: Literal["policy.karmada.io/v1alpha1"]
    kind: Literal["ClusterOverridePolicy"]
    metadata: ObjectMeta
    spec: OverrideSpec


AnyOverridePolicy = OverridePolicy | ClusterOverridePolicy
