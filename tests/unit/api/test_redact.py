from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from argosy.api.redact import AFTER, BEFORE, MASK, redacted, redacted_pair

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
SECRET: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "s", "annotations": {LAST_APPLIED: '{"data":{"a":"hunter2"}}', "note": "kept"}},
    "data": {"a": "hunter2", "b": "hunter2"},
    "stringData": {"c": "hunter2"},
}


def test_keys_stay_and_values_go() -> None:
    before = copy.deepcopy(SECRET)

    shown = redacted(SECRET)

    assert shown["data"] == {"a": MASK, "b": MASK}
    assert shown["stringData"] == {"c": MASK}
    assert shown["metadata"]["annotations"] == {LAST_APPLIED: MASK, "note": "kept"}
    assert before == SECRET


@pytest.mark.parametrize(
    "manifest",
    [
        {"apiVersion": "v1", "kind": "List", "items": [SECRET]},
        {"apiVersion": "v1", "kind": "SecretList", "items": [SECRET, 5]},
        {"kind": "Secret", "data": "hunter2"},
        {"kind": "Secret", "data": ["hunter2"], "metadata": {"annotations": None}},
        {"kind": "Secret", "stringData": {"a": {"b": "hunter2"}}, "metadata": "odd"},
    ],
)
def test_lists_and_malformed_secrets_are_masked_too(manifest: dict[str, Any]) -> None:
    assert "hunter2" not in json.dumps(redacted(manifest))


@pytest.mark.parametrize("api_version", ["v1", "example.com/v1"])
def test_other_objects_come_back_equal(api_version: str) -> None:
    kind = "ConfigMap" if api_version == "v1" else "Secret"
    manifest = {"apiVersion": api_version, "kind": kind, "data": {"a": "b"}}

    assert redacted(manifest) == manifest


def test_a_diff_shows_that_a_value_changed_but_not_how() -> None:
    after = {**SECRET, "data": {"a": "hunter3", "b": "hunter2", "new": "x"}}

    left, right = redacted_pair(SECRET, after)

    assert left["data"] == {"a": BEFORE, "b": MASK}
    assert right["data"] == {"a": AFTER, "b": MASK, "new": AFTER}
    assert left["metadata"] == right["metadata"]
