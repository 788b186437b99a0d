from __future__ import annotations

import pytest

from argosy.api.formats import is_dns_label, is_dns_subdomain, is_json_pointer, is_label_key, is_label_value


@pytest.mark.parametrize(
    ("text", "label", "subdomain", "key", "value"),
    [
        ("", False, False, False, True),
        ("a", True, True, True, True),
        ("a-b", True, True, True, True),
        ("-a", False, False, False, False),
        ("a-", False, False, False, False),
        ("A", False, False, True, True),
        ("a.b", False, True, True, True),
        ("a..b", False, False, True, True),
        ("a_b", False, False, True, True),
        ("a b", False, False, False, False),
        ("a\n", False, False, False, False),
        ("é", False, False, False, False),
        ("x" * 63, True, True, True, True),
        ("x" * 64, False, True, False, False),
        ("example.com/a", False, False, True, False),
        ("Example.com/a", False, False, False, False),
        ("example.com/", False, False, False, False),
        ("/a", False, False, False, False),
        ("a/b/c", False, False, False, False),
        (".".join(["x" * 63] * 4), False, False, False, False),
    ],
)
def test_names_keys_and_values(text: str, *, label: bool, subdomain: bool, key: bool, value: bool) -> None:
    assert (is_dns_label(text), is_dns_subdomain(text), is_label_key(text), is_label_value(text)) == (
        label,
        subdomain,
        key,
        value,
    )


@pytest.mark.parametrize(("text", "valid"), [("", True), ("/", True), ("/a~0b/-", True), ("a", False)])
def test_json_pointers(text: str, *, valid: bool) -> None:
    assert is_json_pointer(text) is valid
