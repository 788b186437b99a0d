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
    """One RFC 6902 operation on the object; a missing `value` is null.

    Attributes:
        path: a JSON pointer into the object, such as `/spec/paused`.
        operator: of RFC 6902.
        value: of any type; for add and replace.
    """

    path: str
    operator: OverriderOperator | None = None
    value: Any = None


class ImagePredicate(Model):
    """Which image is meant.

    Attributes:
        path: a JSON pointer to it, such as `/spec/template/spec/containers/0/image`.
    """

    path: str


class ImageOverrider(Model):
    """Changes one component of the image reference at `predicate`, or of all containers without one.

    Attributes:
        predicate: left out, all images of a pod template.
        component: which part of the image reference.
        operator: add appends to the part, remove takes it away.
        value: of the part.
    """

    predicate: ImagePredicate | None = None
    component: Literal["Registry", "Repository", "Tag"]
    operator: OverriderOperator
    value: str = ""


class CommandArgsOverrider(Model):
    """Adds words to, or removes them from, the command or arguments of one container.

    Attributes:
        container_name: the container.
        operator: add appends the words, remove takes away those that are there.
        value: the words.
    """

    container_name: str
    operator: Literal["add", "remove"]
    value: tuple[str, ...] = ()


class LabelAnnotationOverrider(Model):
    """Changes the object's own labels or annotations.

    Attributes:
        operator: replace changes those that are there, add the others too.
        value: names with their values.
    """

    operator: OverriderOperator
    value: dict[str, str] = Field(default_factory=dict)


class FieldPatchOperation(Model):
    """One RFC 6902 operation inside an embedded document; `value` None means that none was given.

    Attributes:
        sub_path: a JSON pointer into the embedded document.
        operator: of RFC 6902.
        value: for add and replace.
    """

    sub_path: str
    operator: OverriderOperator
    value: Any = None


class FieldOverrider(Model):
    """Edits a JSON or YAML document embedded as a string at `field_path`.

    Attributes:
        field_path: a JSON pointer to the text that is the document.
        json_operations: for a JSON document; either these or `yaml`.
        yaml_operations: for a YAML document.
    """

    field_path: str
    json_operations: tuple[FieldPatchOperation, ...] = Field(default=(), alias="json")
    yaml_operations: tuple[FieldPatchOperation, ...] = Field(default=(), alias="yaml")


class Overriders(Model):
    """The seven kinds of changes, applied in the order image … field, plaintext last.

    Attributes:
        plaintext: anything, by JSON patch.
        image_overrider: registry, repository or tag of images.
        command_overrider: the command of a container.
        args_overrider: the arguments of a container.
        labels_overrider: the object's labels.
        annotations_overrider: the object's annotations.
        field_overrider: a JSON or YAML document inside a text.
    """

    plaintext: tuple[PlaintextOverrider, ...] = ()
    image_overrider: tuple[ImageOverrider, ...] = ()
    command_overrider: tuple[CommandArgsOverrider, ...] = ()
    args_overrider: tuple[CommandArgsOverrider, ...] = ()
    labels_overrider: tuple[LabelAnnotationOverrider, ...] = ()
    annotations_overrider: tuple[LabelAnnotationOverrider, ...] = ()
    field_overrider: tuple[FieldOverrider, ...] = ()


class OverrideRule(Model):
    """Changes for some clusters.

    Attributes:
        target_cluster: left out, every cluster.
        overriders: the changes.
    """

    target_cluster: ClusterAffinity | None = None
    overriders: Overriders


class OverrideSpec(Model):
    """Rules for the selected objects.

    Attributes:
        resource_selectors: left out, every template in reach.
        override_rules: applied from first to last.
        target_cluster: deprecated, with `overriders`: the only rule, where there are no `override_rules`.
        overriders: deprecated, see `target_cluster`.
    """

    resource_selectors: tuple[ResourceSelector, ...] = ()
    override_rules: tuple[OverrideRule, ...] = ()
    target_cluster: ClusterAffinity | None = None
    overriders: Overriders = Field(default_factory=Overriders)


class OverridePolicy(KubernetesObject):
    """What differs per cluster in templates of its namespace.

    Attributes:
        spec: the rules.
    """

    namespaced: ClassVar[bool] = True

    api_version: Literal["policy.karmada.io/v1alpha1"] = "policy.karmada.io/v1alpha1"
    kind: Literal["OverridePolicy"] = "OverridePolicy"
    metadata: ObjectMeta
    spec: OverrideSpec


class ClusterOverridePolicy(KubernetesObject):
    """What differs per cluster in templates of any namespace, or of none.

    Attributes:
        spec: the rules.
    """

    api_version: Literal["policy.karmada.io/v1alpha1"] = "policy.karmada.io/v1alpha1"
    kind: Literal["ClusterOverridePolicy"] = "ClusterOverridePolicy"
    metadata: ObjectMeta
    spec: OverrideSpec


AnyOverridePolicy = OverridePolicy | ClusterOverridePolicy
