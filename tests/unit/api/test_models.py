from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from argosy.api.base import to_manifest
from argosy.api.meta import ObjectMeta, Taint
from argosy.api.override import FieldOverrider, PlaintextOverrider
from argosy.api.placement import ClusterAffinity, SpreadConstraint
from argosy.api.policy import PropagationPolicy, PropagationSpec, Suspension

SELECTORS: list[dict[str, Any]] = [{"apiVersion": "apps/v1", "kind": "Deployment"}]


def test_null_means_absent_but_not_inside_free_values() -> None:
    spec = PropagationSpec.model_validate(
        {"resourceSelectors": SELECTORS, "placement": None, "priority": None}
    )
    plaintext = PlaintextOverrider.model_validate({"path": "/x", "value": {"a": None}})

    assert to_manifest(spec) == {"resourceSelectors": SELECTORS}
    assert to_manifest(plaintext) == {"path": "/x", "value": {"a": None}}


def test_a_false_that_was_written_is_not_the_same_as_nothing() -> None:
    assert to_manifest(Suspension(dispatching=False)) == {"dispatching": False}
    assert to_manifest(Suspension()) == {}


def test_an_empty_selector_is_not_the_same_as_none() -> None:
    assert to_manifest(ClusterAffinity.model_validate({"labelSelector": {}})) == {"labelSelector": {}}


@pytest.mark.parametrize(
    ("model", "value"),
    [
        (PropagationSpec, {"resourceSelectors": SELECTORS, "priority": "5"}),
        (PropagationSpec, {"resourceSelectors": SELECTORS, "priority": True}),
        (PropagationSpec, {"resourceSelectors": SELECTORS, "priority": 2**31}),
        (PropagationSpec, {"resourceSelectors": SELECTORS, "propagateDeps": "yes"}),
        (PropagationSpec, {"resourceSelectors": SELECTORS, "conflictResolution": "abort"}),
        (PropagationSpec, {"resourceSelectors": SELECTORS, "preemptoin": "Never"}),
        (SpreadConstraint, {"spreadByField": "rack"}),
        (SpreadConstraint, {"maxGroups": 1.0}),
        (Taint, {"key": "a", "effect": "NoSchedule", "timeAdded": 5}),
        (Taint, {"key": "a", "effect": "NoSchedule", "timeAdded": "2025-01-01T00:00:00"}),
        (ObjectMeta, {"labels": {"a": 1}}),
    ],
)
def test_wrong_types_and_unknown_fields_are_refused(model: Any, value: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        model.model_validate(value)


def test_objects_of_a_live_server_are_accepted() -> None:
    metadata = {
        "name": "p",
        "uid": "5bc8fbbc",
        "creationTimestamp": "2025-01-01T00:00:00Z",
        "managedFields": [{"manager": "kubectl", "fieldsV1": {"f:spec": {}}}],
        "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "x", "uid": "1"}],
    }

    assert to_manifest(ObjectMeta.model_validate(metadata)) == metadata


def test_documents_name_their_kind_even_when_built_in_code() -> None:
    policy = PropagationPolicy(metadata=ObjectMeta(name="p"), spec=PropagationSpec(resource_selectors=()))

    assert list(to_manifest(policy)) == ["apiVersion", "kind", "metadata", "spec"]


def test_field_names_that_python_would_shadow_keep_their_spelling() -> None:
    written = {"fieldPath": "/data/a", "json": [{"subPath": "/x", "operator": "remove"}]}

    assert to_manifest(FieldOverrider.model_validate(written)) == written


def test_models_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        ObjectMeta(name="a").name = "b"  # type: ignore[misc]  # the point of the test
