"""Problems of override policies."""

from __future__ import annotations

from collections.abc import Iterator

from argosy.api.formats import is_json_pointer, is_label_key, is_label_value
from argosy.api.override import (
    AnyOverridePolicy,
    FieldOverrider,
    FieldPatchOperation,
    LabelAnnotationOverrider,
    OverridePolicy,
    Overriders,
    OverrideSpec,
)
from argosy.api.validation.placement import affinity_problems
from argosy.api.validation.problem import Problem
from argosy.api.validation.propagation import selector_problems

_ANNOTATIONS_BYTES = 256 * 1024


def override_problems(policy: AnyOverridePolicy) -> Iterator[Problem]:
    spec = policy.spec
    if isinstance(policy, OverridePolicy):
        yield from selector_problems(spec.resource_selectors, policy.metadata.namespace)
    yield from _deprecated_problems(spec)
    for index, rule in enumerate(spec.override_rules):
        path = f"spec.overrideRules[{index}]"
        if rule.target_cluster is not None:
            yield from affinity_problems(rule.target_cluster, f"{path}.targetCluster")
        yield from _overrider_problems(rule.overriders, f"{path}.overriders")


def _deprecated_problems(spec: OverrideSpec) -> Iterator[Problem]:
    """The deprecated single rule beside rules; its own content is not judged, as in Karmada."""
    if not spec.override_rules:
        return
    if spec.target_cluster is not None:
        yield Problem(
            path="spec.targetCluster",
            message="cannot stand beside spec.overrideRules",
            remedy="move it into a rule",
        )
    if not _is_empty(spec.overriders):
        yield Problem(
            path="spec.overriders",
            message="cannot stand beside spec.overrideRules",
            remedy="move them into a rule",
        )


def _is_empty(overriders: Overriders) -> bool:
    """Whether the deprecated block counts as empty: Karmada does not look at its field overriders."""
    return not any(
        (
            overriders.plaintext,
            overriders.image_overrider,
            overriders.command_overrider,
            overriders.args_overrider,
            overriders.labels_overrider,
            overriders.annotations_overrider,
        )
    )


def _overrider_problems(overriders: Overriders, path: str) -> Iterator[Problem]:
    for index, image in enumerate(overriders.image_overrider):
        if image.predicate is not None:
            yield from _pointer_problems(
                image.predicate.path, f"{path}.imageOverrider[{index}].predicate.path"
            )
    for index, labels in enumerate(overriders.labels_overrider):
        yield from _label_problems(labels, f"{path}.labelsOverrider[{index}].value")
    for index, notes in enumerate(overriders.annotations_overrider):
        yield from _annotation_problems(notes, f"{path}.annotationsOverrider[{index}].value")
    for index, field in enumerate(overriders.field_overrider):
        yield from _field_problems(field, f"{path}.fieldOverrider[{index}]")


def _label_problems(overrider: LabelAnnotationOverrider, path: str) -> Iterator[Problem]:
    for key, value in overrider.value.items():
        if not is_label_key(key):
            yield Problem(path=path, message=f"has the key {key[:80]!r}", remedy="write a valid label key")
        if not is_label_value(value):
            yield Problem(
                path=path,
                message=f"has a value for {key[:80]} that is no label value",
                remedy="use at most 63 letters, digits, hyphens, underscores and dots",
            )


def _annotation_problems(overrider: LabelAnnotationOverrider, path: str) -> Iterator[Problem]:
    for key in overrider.value:
        if not is_label_key(key.lower()):
            yield Problem(
                path=path, message=f"has the key {key[:80]!r}", remedy="write a valid annotation key"
            )
    size = sum(len(key.encode()) + len(value.encode()) for key, value in overrider.value.items())
    if size > _ANNOTATIONS_BYTES:
        yield Problem(
            path=path, message=f"holds {size} bytes", remedy=f"stay within {_ANNOTATIONS_BYTES} bytes"
        )


def _field_problems(overrider: FieldOverrider, path: str) -> Iterator[Problem]:
    yield from _pointer_problems(overrider.field_path, f"{path}.fieldPath")
    if overrider.json_operations and overrider.yaml_operations:
        yield Problem(path=path, message="has both json and yaml", remedy="keep the one the field holds")
    if not overrider.json_operations and not overrider.yaml_operations:
        yield Problem(path=path, message="has neither json nor yaml", remedy="add the one the field holds")
    for name, operations in (("json", overrider.json_operations), ("yaml", overrider.yaml_operations)):
        for index, operation in enumerate(operations):
            yield from _operation_problems(operation, f"{path}.{name}[{index}]")


def _operation_problems(operation: FieldPatchOperation, path: str) -> Iterator[Problem]:
    yield from _pointer_problems(operation.sub_path, f"{path}.subPath")
    given = operation.value is not None
    if operation.operator == "remove" and given:
        yield Problem(path=f"{path}.value", message="has no meaning for remove", remedy="remove it")
    if operation.operator != "remove" and not given:
        yield Problem(
            path=f"{path}.value", message=f"is missing for {operation.operator}", remedy="add the value"
        )


def _pointer_problems(pointer: str, path: str) -> Iterator[Problem]:
    if not is_json_pointer(pointer):
        yield Problem(
            path=path,
            message=f"is {pointer[:80]!r}, which is no JSON pointer",
            remedy="begin it with a slash",
        )
