from __future__ import annotations

from typing import Any

import pytest

from argosy.api.managed_fields import applied_fields, digest_of, lost, owns

CONTAINER = 'k:{"name":"web"}'
OURS: dict[str, Any] = {
    "f:spec": {
        "f:replicas": {},
        "f:template": {"f:spec": {"f:containers": {CONTAINER: {".": {}, "f:image": {}, "f:name": {}}}}},
    }
}
MANIFEST = {
    "spec": {"replicas": 3, "template": {"spec": {"containers": [{"name": "web", "image": "nginx"}]}}},
    "data": {"a/b": "1"},
}


def _metadata(ours: dict[str, Any], *others: dict[str, Any]) -> dict[str, Any]:
    mine = {"manager": "argosy", "operation": "Apply", "fieldsV1": ours}
    return {"managedFields": [*others, mine]}


def _scaled(**changes: Any) -> dict[str, Any]:
    return {
        "manager": "kubectl",
        "operation": "Update",
        "subresource": "scale",
        "time": "2026-01-02T03:04:05Z",
        "fieldsV1": {"f:spec": {"f:replicas": {}}},
        **changes,
    }


def test_only_what_was_applied_counts_as_ours() -> None:
    update = {"manager": "argosy", "operation": "Update", "fieldsV1": {"f:data": {}}}
    assert applied_fields(_metadata(OURS, update), "argosy") == OURS
    assert applied_fields({}, "argosy") == {}
    assert applied_fields({"managedFields": None}, "argosy") == {}


def test_the_digest_does_not_depend_on_order() -> None:
    assert digest_of({"f:a": {}, "f:b": {}}) == digest_of({"f:b": {}, "f:a": {}})
    assert digest_of({"f:a": {}}) != digest_of({"f:b": {}})


def test_a_field_that_was_taken_is_named_with_who_took_it_and_when() -> None:
    without = {"f:spec": {"f:template": OURS["f:spec"]["f:template"]}}
    found = lost(_metadata(without, _scaled()), _metadata(OURS), "argosy")
    assert found.fields == ("spec.replicas",)
    assert [str(writer) for writer in found.writers] == ["kubectl at 2026-01-02T03:04:05Z"]


def test_a_removed_list_item_is_named_by_its_keys_and_by_nobody() -> None:
    found = lost(_metadata({"f:spec": {"f:replicas": {}}}), _metadata(OURS), "argosy")
    assert found.fields == ("spec.template.spec.containers[name=web]",)
    assert found.writers == ()


def test_nothing_was_lost_where_nothing_came_back() -> None:
    assert lost(_metadata(OURS, _scaled()), _metadata(OURS, _scaled()), "argosy") == ((), ())


@pytest.mark.parametrize(
    ("pointer", "expected"),
    [
        (("spec", "replicas"), True),
        (("spec",), True),
        (("spec", "template", "spec", "containers", "0", "image"), True),
        (("spec", "template", "spec", "containers", "0", "args"), False),
        (("spec", "template", "spec", "containers", "1", "image"), False),
        (("spec", "template", "spec", "containers", "x"), False),
        (("data", "a/b"), False),
        (("spec", "replicas", "x"), False),
    ],
)
def test_ownership_follows_a_pointer_through_lists(pointer: tuple[str, ...], expected: bool) -> None:
    assert owns(OURS, MANIFEST, pointer) is expected
