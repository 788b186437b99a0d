"""One call in this process: what becomes of values on the way into Lua and back."""

from __future__ import annotations

import contextlib
import gc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lupa import lua51  # type: ignore[import-untyped]  # it has no types

from argosy.interpreter.lua.state import ScriptFault, run
from argosy.interpreter.lua.tables import settled

SAME = "function Run(...) return ... end"


def _run(script: str, *arguments: Any, results: int = 1) -> list[Any]:
    return run(script, "Run", arguments, results=results, part_of=None, behaviour="argosy")


TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
LEAVES = (
    st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.sampled_from([2**63 - 1, 2**53 + 1, -(2**60) - 7])
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
)
# An empty container only stands alone: what is beside it in a list shares its place.
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=4) | st.dictionaries(TEXT, inner, min_size=1, max_size=4)
    ),
    max_leaves=15,
)
FIELDS = st.dictionaries(TEXT, VALUES | st.just({}) | st.just([]), min_size=1, max_size=5)


@settings(max_examples=200, deadline=None)
@given(FIELDS)
def test_every_object_survives_a_script_that_returns_it(value: dict[str, Any]) -> None:
    (returned,) = _run(SAME, value)
    assert _as_lua_tells_apart(returned) == _as_lua_tells_apart(value)


def _as_lua_tells_apart(value: Any) -> Any:
    """With large numbers as Lua holds them: in one list, two that are the same to it may change places."""
    if isinstance(value, dict):
        return {key: _as_lua_tells_apart(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_lua_tells_apart(item) for item in value]
    return float(value) if type(value) is int and abs(value) >= 2**53 else value


def test_large_numbers_come_back_exactly() -> None:
    value = {"a": 2**53 + 1, "b": [2**63 - 1, -(2**60) - 7], "c": {"d": 2**53}}
    assert _run(SAME, value) == [value]


@pytest.mark.parametrize(
    ("value", "references", "expected"),
    [
        ([], [{"a": 1}], []),
        ({"a": [], "b": [], "c": []}, [{"a": {}, "b": []}], {"a": {}, "b": []}),
        ({"a": []}, [{"a": []}, {"a": {}}], {"a": {}}),
        ({"a": {"b": []}}, [], {"a": {}}),
        ({"a": [{"b": []}, {"b": [], "c": 1}]}, [{"a": [{"b": {}}]}], {"a": [{"b": {}}, {"b": {}, "c": 1}]}),
        ({"a": [[], 1, []]}, [], {"a": [1]}),
        ({"a": [[], 1]}, [{"a": [{}]}], {"a": [{}, 1]}),
        ({"a": 2**53, "b": 2.0**63}, [{"x": 2**53 + 1}, [2**63 - 1]], {"a": 2**53 + 1, "b": 2**63 - 1}),
        ({"a": 2**53}, [{"x": 2**53 + 1, "y": 2**53}], {"a": 2**53}),
        ({"a": 2**53, "b": 2**53}, [{"a": 2**53 + 1, "b": 2**53}], {"a": 2**53 + 1, "b": 2**53}),
        ({"a": True, "b": None}, [{"a": 1}], {"a": True, "b": None}),
    ],
)
def test_empty_tables_are_what_the_given_objects_had_there(
    value: Any, references: list[Any], expected: Any
) -> None:
    assert settled(value, references) == expected


def test_numbers_are_those_of_lua() -> None:
    script = """
        function Run(n)
          return n / 2, 7 / 2, 2 ^ 53, math.floor(3.7), #"äö", tostring(123456789012345), tostring(-2.5)
        end
    """
    results = _run(script, 8, results=7)
    assert results == [4, 3.5, 2**53, 3, 4, "123456789012345", "-2.5"]
    assert [type(one) for one in results[:4]] == [int, float, int, int]


def test_the_standard_functions_that_compute_are_there() -> None:
    script = """
        function Run(list)
          table.sort(list, function(a, b) return a > b end)
          table.insert(list, 0)
          local words = {}
          for word in string.gmatch("b a", "%a") do words[#words + 1] = word end
          local ok, message = pcall(error, "wrong", 0)
          return list, table.concat(words, ","), select("#", unpack(list)), ("x=%d"):format(3), tonumber("0x10"),
            ok, message, math.max(1, 2), next({}), _VERSION
        end
    """
    assert _run(script, [1, 3, 2], results=10) == [
        [3, 2, 1, 0],
        "b,a",
        4,
        "x=3",
        16,
        False,
        "wrong",
        2,
        None,
        "Lua 5.1",
    ]


def test_fewer_results_are_padded_and_more_left_out() -> None:
    assert _run("function Run() return 1 end", results=2) == [1, None]
    assert _run("function Run() end", results=2) == [None, None]
    assert _run("function Run() return 1, 2, print end", results=2) == [1, 2]


POD = {"spec": {"containers": [{"resources": {"requests": {"cpu": "1"}}}]}}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("kube.resourceAdd()", "0"),
        ("kube.resourceAdd('500m', '1', nil, '0.25', nil)", "1750m"),
        ("kube.resourceAdd('1Gi', '512Mi')", "1536Mi"),
        ("kube.getResourceQuantity('1500m')", 1.5),
        ("kube.getResourceQuantity(nil)", 0),
        ("kube.getResourceQuantity('2Gi')", 2**31),
        ("kube.accuratePodRequirements(pod)", {"resourceRequest": {"cpu": "1"}}),
        ("kube.accuratePodRequirements({})", None),
        ("kube.getPodDependencies({}, 'a')", None),
        ("kube.getPodDependencies({spec = {serviceAccountName = 'sa'}}, nil)[1].namespace", "default"),
        ("require('kube') == kube", True),
    ],
)
def test_the_kube_library(expression: str, expected: Any) -> None:
    script = f"local kube = require('kube') function Run(pod) return {expression} end"
    assert _run(script, POD) == [expected]


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("kube.resourceAdd('x')", "not a quantity"),
        ("kube.resourceAdd(1)", "argument #1 should be text, not a number"),
        ("kube.getResourceQuantity('-1')", "negative"),
        ("kube.getResourceQuantity()", "takes 1 argument, not 0"),
        ("kube.accuratePodRequirements(nil)", "argument #1 should be a table, not nil"),
        ("kube.accuratePodRequirements({1})", "argument #1 should be a table"),
        ("kube.accuratePodRequirements(pod, 1)", "takes 1 argument, not 2"),
        ("kube.getPodDependencies({})", "takes 2 arguments, not 1"),
        ("kube.getPodDependencies({}, {})", "argument #2 should be text"),
        ("kube.getPodDependencies({a = print}, 'a')", "holds a function"),
        ("kube.nothing()", "nil value"),
    ],
)
def test_misuse_of_the_kube_library_is_said(expression: str, reason: str) -> None:
    script = f"local kube = require('kube') function Run(pod) return {expression} end"
    with pytest.raises(ScriptFault, match=reason):
        _run(script, POD)


def test_misuse_can_be_caught_by_the_script() -> None:
    script = "function Run() return pcall(require('kube').resourceAdd, 'x') end"
    worked, message = _run(script, results=2)
    assert worked is False
    assert "resourceAdd: 'x' is not a quantity" in message


def test_no_state_is_left_behind() -> None:
    """State and library refer to each other through C, where no collector would find them."""
    for script in (
        SAME,
        "function Run() error('x') end",
        "function Run() return require('kube').resourceAdd() end",
    ):
        with contextlib.suppress(ScriptFault):
            _run(script)
    gc.collect()
    assert not [one for one in gc.get_objects() if isinstance(one, lua51.LuaRuntime)]
