"""What is written is read back as it was, by our own reader and by one of YAML 1.1."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from argosy.api.documents import read_text
from argosy.api.yaml_writer import written

WORDS = ["y", "No", "on", "null", "~", "", "0755", "1e3", "0x1f", "12:30", "2026-11-24", "1_000", ".inf"]
SIGNS = [" a", "a ", "a: b", "#", "-", "=", "<<", "'", '"', "{}"]
LINES = ["two\nlines\n", "two\n lines", "\n", "tab\tbed", "trailing \nspace\n", "é\u2028x", "\x85"]


def round_trip(data: dict[str, Any]) -> Any:
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": data}
    text = written([manifest])
    assert yaml.safe_load(text) == manifest
    (document,) = read_text(text, source="test")
    return document.manifest["data"]


@pytest.mark.parametrize("text", WORDS + SIGNS + LINES)
def test_a_text_stays_a_text(text: str) -> None:
    assert round_trip({"key": text}) == {"key": text}


@pytest.mark.parametrize("key", ["y", "on", "1", "a/b.c", "null"])
def test_a_key_stays_a_key(key: str) -> None:
    assert round_trip({key: "x"}) == {key: "x"}


@given(
    st.dictionaries(
        st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1),
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers(-(2**63), 2**63 - 1)
            | st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab/."), inner, max_size=3),
            max_leaves=8,
        ),
        max_size=4,
    )
)
def test_everything_comes_back(data: dict[str, Any]) -> None:
    assert round_trip(data) == data


def test_the_order_is_stable_and_lines_are_lines() -> None:
    manifest = {
        "metadata": {"name": "c"},
        "data": {"b": "one\ntwo\n", "a": "yes"},
        "kind": "ConfigMap",
        "apiVersion": "v1",
    }
    assert written([manifest]) == (
        'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\ndata:\n  a: "yes"\n  b: |\n    one\n    two\n'
    )
