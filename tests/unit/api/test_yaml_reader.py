from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.api.json_reader import NotJson, read_json
from argosy.api.yaml_reader import DEEPEST, YamlProblem, read_yaml


def _only(text: str) -> Any:
    (document,) = read_yaml(text)
    return document.value


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        *((word, True) for word in ("y", "Y", "yes", "YES", "on", "On", "true", "True")),
        *((word, False) for word in ("n", "N", "no", "No", "off", "OFF", "false", "FALSE")),
        *((word, None) for word in ("", "~", "null", "Null")),
        *((word, word) for word in ("tRue", "nul", "2001-01-01", "2001-01-01T00:00:00Z", "12:30", "1.2.3")),
        ("0755", 493),
        ("0o17", 15),
        ("08", 8),
        ("0x1F", 31),
        ("-0b11", -3),
        ("1_000", 1000),
        ("_1", "_1"),
        ("+5", 5),
        ("1e3", 1000),
        ("1.0", 1),
        ("-.5", -0.5),
        ("1.50", 1.5),
        ("1e400", "1e400"),
        ("9223372036854775807", 2**63 - 1),
        ("'yes'", "yes"),
        ('"5"', "5"),
        ("!!str 5", "5"),
        ("! 5", "5"),
        ("!!int '5'", 5),
        ("!!float 3", 3),
    ],
)
def test_scalars_resolve_as_kubernetes_library_does(scalar: str, value: Any) -> None:
    read = _only(f"a: {scalar}")["a"]

    assert (read, type(read)) == (value, type(value))


def test_keys_are_text_as_in_json() -> None:
    assert _only("1: a\nyes: b\n1.5: c") == {"1": "a", "true": "b", "1.5": "c"}


def test_merge_keys_yield_to_what_is_written_and_to_the_first_merged() -> None:
    text = "a: &x {b: 1}\ne: &y {b: 2, f: 3}\nc:\n  <<: [*x, *y]\n  d: 4\ng: {<<: *x, b: 5}"

    value = _only(text)

    assert value["c"] == {"b": 1, "f": 3, "d": 4}
    assert value["g"] == {"b": 5}


def test_aliases_are_independent_copies() -> None:
    value = _only("a: &x [1]\nb: *x\n&k c: 2\nd: *k")

    value["a"].append(2)

    assert value == {"a": [1, 2], "b": [1], "c": 2, "d": "c"}


def test_documents_come_with_their_lines() -> None:
    documents = list(read_yaml("a: 1\n---\n\n---\n# comment\nb: 2\n...\n---\nc: 3\n"))

    assert [(one.value, one.line) for one in documents] == [
        ({"a": 1}, 1),
        (None, 4),
        ({"b": 2}, 6),
        ({"c": 3}, 9),
    ]


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("a: 1\nb: 2\na: 3", 3, "a is given twice"),
        ("spec:\n  items:\n  - a: 1\n  - {a: 1, a: 2}", 4, "spec.items[1].a is given twice"),
        ("a: 1\n1: x\n'1': y", 3, "1 is given twice"),
        ("a: [1\nb: 2", 2, "it is not YAML"),
        ("a:\n\tb: 1", 2, "it is not YAML"),
        ("a: \x01", 1, "it is not YAML"),
        ('a: "\\ud800"', 1, "it is not YAML"),
        ("a: !Ref x", 1, "a has a tag of its own"),
        ("a: !!binary aGk=", 1, "a has a tag of its own"),
        ("a: !!int x", 1, "a does not fit its tag"),
        ("a: .inf", 1, "a is not a finite number"),
        ("a: 9223372036854775808", 1, "a is a whole number larger than Kubernetes can hold"),
        ("a: *x", 1, "an alias names no anchor before it"),
        ("a: &x [*x]", 1, "an alias contains itself"),
        ("a: {<<: [1]}", 1, "<< merges what is not a mapping"),
        ("? [a]\n: b", 1, "a key is not text"),
        ("a: &x [1]\n*x : 2", 2, "a key is not text"),
        ("~: b", 1, "a key is empty or not text"),
    ],
)
def test_what_would_be_lost_or_cannot_be_read_is_refused_with_its_line(
    text: str, line: int, problem: str
) -> None:
    with pytest.raises(YamlProblem) as refused:
        list(read_yaml(text))

    assert refused.value.line == line
    assert refused.value.problem.startswith(problem)


def test_documents_before_a_broken_one_are_still_read() -> None:
    reading = read_yaml("a: 1\n---\nb: [")

    assert next(reading).value == {"a": 1}
    with pytest.raises(YamlProblem):
        next(reading)


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_deep_nesting_is_refused_early(opening: str) -> None:
    with pytest.raises(YamlProblem, match="nested deeper"):
        list(read_yaml(opening * 100_000))


def test_aliases_cannot_nest_deeper_than_text_may() -> None:
    lines = ["a0: &a0 [1]", *(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, DEEPEST + 1))]

    with pytest.raises(YamlProblem, match="nested deeper"):
        list(read_yaml("\n".join(lines)))


@pytest.mark.parametrize(
    "bomb",
    [
        "\n".join(
            ["a0: &a0 [x, x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12))]
        ),
        f's: &s "{"x" * 100_000}"\nl: [{", ".join(["*s"] * 2000)}]',
    ],
)
def test_expanding_aliases_are_bounded(bomb: str) -> None:
    with pytest.raises(YamlProblem, match="too large once its aliases are expanded"):
        list(read_yaml(bomb))


def test_no_message_repeats_a_value() -> None:
    for text in ("a: !Ref hunter2", "a: hunter2: x", "a: &x hunter2\nb: !!int *x", 'a: "hunter2'):
        with pytest.raises(YamlProblem) as refused:
            list(read_yaml(text))
        assert "hunter2" not in refused.value.problem + refused.value.remedy


plain_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False, width=32).filter(
        lambda number: not number.is_integer()
    )
    | st.text(
        st.characters(exclude_categories=["Cs"], max_codepoint=0xFFFF)
    ),  # pairs of escapes are JSON only
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.text("abc", max_size=3), plain_json))
def test_json_reads_the_same_as_json_and_as_yaml(value: dict[str, Any]) -> None:
    text = json.dumps(value)

    assert [one.value for one in read_json(text)] == [value]
    assert _only(text) == value


@given(st.text(st.sampled_from("abx: -[]{}&*!|>'\"\n\t#?,<0159.~%@`")))
def test_any_text_is_read_or_refused_by_the_one_error(text: str) -> None:
    try:
        for document in read_yaml(text):
            json.dumps(document.value, allow_nan=False)
    except YamlProblem as problem:
        assert problem.line >= 1  # noqa: PT017  either outcome is right; neither may be anything else


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"a": 1, "a": 2}', "a is given twice"),
        ('{"a": NaN}', "not finite"),
        ('{"a": 1e999}', "not finite"),
        ('{"a": 9223372036854775808}', "larger than Kubernetes"),
        ('{"a": ' + "9" * 5000 + "}", "larger than Kubernetes"),
        ("[" * 100_000, "nested too deep"),
        ("[" * 300 + "]" * 300, "nested deeper"),
    ],
)
def test_json_is_refused_for_the_same_reasons(text: str, problem: str) -> None:
    with pytest.raises(YamlProblem, match=problem):
        list(read_json(text))


def test_json_values_may_follow_one_another() -> None:
    assert [(one.value, one.line) for one in read_json('{"a": 1.0}\n\n[2]')] == [({"a": 1}, 1), ([2], 3)]
    with pytest.raises(NotJson):
        list(read_json("{a: 1}"))
