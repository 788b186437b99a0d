from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.api.manifest import canonical_json, digest, ref_of
from argosy.errors import InvalidInput


@pytest.mark.parametrize(
    ("metadata", "text"),
    [
        ({"name": "web", "namespace": "default"}, "Deployment default/web"),
        ({"name": "web"}, "Deployment web"),
    ],
)
def test_a_reference_reads_as_people_say_it(metadata: dict[str, Any], text: str) -> None:
    ref = ref_of({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata})

    assert str(ref) == text
    assert (ref.group, ref.version) == ("apps", "v1")
    assert ref_of({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}).group == ""


@pytest.mark.parametrize(
    ("manifest", "missing"),
    [
        ({"kind": "A", "metadata": {"name": "x"}}, "apiVersion"),
        ({"apiVersion": "v1", "metadata": {"name": "x"}}, "kind"),
        ({"apiVersion": "v1", "kind": "A"}, r"metadata\.name"),
        ({"apiVersion": "v1", "kind": "A", "metadata": "x"}, r"metadata\.name"),
        ({"apiVersion": "v1", "kind": "A", "metadata": {"name": 5}}, r"metadata\.name"),
    ],
)
def test_an_object_without_identity_is_refused(manifest: dict[str, Any], missing: str) -> None:
    with pytest.raises(InvalidInput, match=missing):
        ref_of(manifest)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab"), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text("abc"), json_values))
def test_the_digest_ignores_the_order_of_keys(manifest: dict[str, Any]) -> None:
    reversed_keys = dict(reversed(manifest.items()))

    assert digest(manifest) == digest(reversed_keys)


def test_different_contents_have_different_digests() -> None:
    assert len({digest(value) for value in (None, {}, {"a": None}, {"a": 1}, {"a": "1"}, {"a": True})}) == 6


def test_canonical_json_is_compact_and_not_escaped() -> None:
    assert canonical_json({"b": "ü", "a": [1, 2]}) == '{"a":[1,2],"b":"ü"}'.encode()
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json({"a": float("nan")})
