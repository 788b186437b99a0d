from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.api.redact import MASK
from argosy.api.redact_nested import redacted_json, redacted_value

CANARY = "aHVudGVyMg=="
SECRET: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "s", "annotations": {"kubectl.kubernetes.io/last-applied-configuration": CANARY}},
    "data": {"password": CANARY},
    "stringData": {"other": CANARY},
}


def text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


PLACES: list[Any] = [
    SECRET,
    {"template": text(SECRET)},
    {"state": {"ledger": [{"template": text(SECRET)}, {"template": None}]}},
    {"kind": "List", "items": [SECRET]},
    [[text([text({"x": SECRET})])]],
    {"template": " \n" + text(SECRET)},
    {"patches": [{"op": "replace", "path": "/data/password", "value": CANARY}]},
    {"patches": [{"op": "add", "path": "/stringData", "value": {"a": CANARY}}]},
    {"patches": [{"op": "replace", "path": "", "value": SECRET}]},
    {"plaintext": [{"path": "/data/x", "operator": "add", "value": CANARY}]},
    {"fieldOverrider": [{"fieldPath": "/data/x", "json": [{"subPath": "/a", "value": CANARY}], "yaml": []}]},
    {
        "patches": [
            {
                "op": "add",
                "path": "/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration",
                "value": text(SECRET),
            }
        ]
    },
]


@pytest.mark.parametrize("value", PLACES, ids=range(len(PLACES)))
def test_a_secret_is_masked_wherever_it_is(value: Any) -> None:
    assert CANARY in text(value)
    shown = redacted_json(text(value))
    assert CANARY not in shown
    assert MASK in shown
    # What is not secret stays: names of keys, paths.
    assert "password" in shown or "password" not in text(value)


@pytest.mark.parametrize(
    "value",
    [
        {"kind": "ConfigMap", "apiVersion": "v1", "data": {"a": "b"}},
        {"template": text({"kind": "Secret", "apiVersion": "example.com/v1", "data": {"a": "b"}})},
        {"op": "add", "path": "/database", "value": "x"},
        {"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}, "value": "x"}]},
        "{not json",
        ["[", None, 1.5, True],
    ],
)
def test_everything_else_comes_back_as_it_is(value: Any) -> None:
    assert redacted_json(json.dumps(value, indent=1)) == json.dumps(value, indent=1)


def test_what_is_nested_too_deeply_is_masked_as_a_whole() -> None:
    deep = "[" * 100_000 + text(SECRET) + "]" * 100_000
    assert json.loads(redacted_json(deep)) == MASK
    assert CANARY not in redacted_json(text({"a": deep}))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=10,
)


@given(value=JSON, levels=st.integers(0, 4), data=st.data())
def test_no_way_of_wrapping_hides_a_secret(value: Any, levels: int, data: st.DataObject) -> None:
    wrapped: Any = {"a": value, "s": SECRET}
    for _ in range(levels):
        wrapped = data.draw(st.sampled_from((text(wrapped), [wrapped, value], {"x": wrapped})))
    assert CANARY not in redacted_json(text(wrapped))
    assert redacted_value(redacted_value(wrapped)) == redacted_value(wrapped)
