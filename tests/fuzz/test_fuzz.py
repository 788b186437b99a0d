"""Hostile input: no crash, no hang over a second, and only errors that tell a person what to do.

ARGOSY_FUZZ multiplies the number of tries.
"""

from __future__ import annotations

import contextlib
import copy
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from argosy.api import documents
from argosy.api.cluster import Cluster
from argosy.api.override import ClusterOverridePolicy
from argosy.errors import ArgosyError, InterpreterError, OverrideError
from argosy.interpreter.lua.pool import LuaPool
from argosy.overrides.image import Image
from argosy.overrides.render import apply_patches, difference, render

TRIES = int(os.environ.get("ARGOSY_FUZZ", "1"))  # noqa: TID251 - a switch of the tests, not a setting
SLOWEST = 10.0
"""Seconds of processor time: what grows without a bound takes far longer, and what is bounded less on any machine."""
CLUSTER = Cluster.model_validate({"metadata": {"name": "c"}, "spec": {"syncMode": "Push"}})


def tries(count: int) -> Callable[[Any], Any]:
    quick = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.function_scoped_fixture]
    return settings(max_examples=count * TRIES, deadline=None, suppress_health_check=quick)


@contextmanager
def without_hanging() -> Iterator[None]:
    """A hang is a failure; the time is processor time, so that a busy machine is none."""
    began = time.process_time()
    yield
    assert time.process_time() - began < SLOWEST


# -- YAML ------------------------------------------------------------------------------------------------------

PIECES = st.sampled_from(
    [
        *(
            "apiVersion: v1\n",
            "kind: ConfigMap\n",
            "metadata: {name: a}\n",
            "data:\n",
            "  k: v\n",
            "---\n",
            "...\n",
        ),
        *(
            "- ",
            "? ",
            ": ",
            "[",
            "]",
            "{",
            "}",
            "&a ",
            "*a",
            "<<: *a\n",
            "!!binary ",
            "!!python/object:os.system x\n",
        ),
        *(
            "|\n",
            ">-\n",
            "'",
            '"',
            "\\x00",
            "\t",
            "\r\n",
            "\ufeff",
            "\u2028",
            "%YAML 1.1\n",
            "0x",
            "1e999",
            "~",
            "#",
        ),
        *(
            "a: &a [x, x]\n",
            "b: &b [*a, *a]\n",
            "items:\n",
            "kind: List\n",
            "9" * 400,
            "\x00",
            "\ud7ff",
            "null: 1\n",
        ),
    ]
)
TEXT = st.lists(PIECES | st.text(max_size=5), max_size=25).map("".join)


def bomb(levels: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, levels)]
    return "\n".join(lines) + "\n"


@tries(300)
@given(TEXT)
@example(bomb(12))
@example("a: " + "[" * 50_000)
@example("{" * 50_000)
@example("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: " + "{a: " * 5_000)
@example("k: " + "9" * 100_000)
@example("- " * 20_000)
@example('{"a": ' * 50_000)
def test_any_text_is_read_or_refused(text: str) -> None:
    with without_hanging(), contextlib.suppress(ArgosyError):
        for document in documents.read_text(text, source="x"):
            documents.check_template(document)


# -- overrides -------------------------------------------------------------------------------------------------

POINTER = st.lists(
    st.sampled_from(
        [
            "spec",
            "containers",
            "template",
            "metadata",
            "labels",
            "0",
            "-1",
            "-",
            "01",
            "~0",
            "~1",
            "~2",
            "",
            "a" * 50,
        ]
    )
    | st.text(max_size=4),
    max_size=7,
).map(lambda parts: "/" + "/".join(parts))
VALUE = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
OPERATOR = st.sampled_from(["add", "remove", "replace"])
PLAINTEXT = st.fixed_dictionaries(
    {"path": POINTER | st.text(max_size=8), "operator": OPERATOR, "value": VALUE}
)
IMAGE = st.text(st.sampled_from("abcZ019.:/@-_ \n\u00e9"), max_size=40) | st.text(max_size=20)
IMAGES = st.fixed_dictionaries(
    {
        "component": st.sampled_from(["Registry", "Repository", "Tag"]),
        "operator": OPERATOR,
        "value": IMAGE,
    },
    optional={"predicate": st.fixed_dictionaries({"path": POINTER})},
)
EMBEDDED = st.fixed_dictionaries({"subPath": POINTER, "operator": OPERATOR}, optional={"value": VALUE})
FIELDS = st.fixed_dictionaries(
    {"fieldPath": st.sampled_from(["/data/config", "/data/none", "/data"]) | POINTER},
    optional={"yaml": st.lists(EMBEDDED, max_size=2), "json": st.lists(EMBEDDED, max_size=2)},
)
OVERRIDERS = st.fixed_dictionaries(
    {},
    optional={
        "plaintext": st.lists(PLAINTEXT, max_size=4),
        "imageOverrider": st.lists(IMAGES, max_size=3),
        "fieldOverrider": st.lists(FIELDS, max_size=2),
    },
)


def embedded(language: str) -> dict[str, Any]:
    """A rule for the document in the manifest's data."""
    operation = {"subPath": "/a", "operator": "add", "value": 1}
    return {"fieldOverrider": [{"fieldPath": "/data/config", language: [operation]}]}


def manifest(image: str, config: str) -> dict[str, Any]:
    pod = {"containers": [{"name": "c", "image": image}], "initContainers": [{"name": "i", "image": "a/b:1"}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d", "namespace": "n", "labels": {"a": "b"}},
        "data": {"config": config},
        "spec": {"template": {"spec": pod}, "a/b": {"~": 1}, "list": [[1], {"0": 2}, None]},
    }


@tries(300)
@given(OVERRIDERS, IMAGE, TEXT)
@example(
    {
        "fieldOverrider": [
            {"fieldPath": "/data/config", "yaml": [{"subPath": "/a", "operator": "add", "value": 1}]}
        ]
    },
    "a",
    bomb(12),
)
@example(
    {
        "fieldOverrider": [
            {"fieldPath": "/data/config", "yaml": [{"subPath": "/a", "operator": "add", "value": 1}]}
        ]
    },
    "a",
    "[" * 20_000,
)
@example(
    {
        "fieldOverrider": [
            {"fieldPath": "/data/config", "json": [{"subPath": "/a", "operator": "add", "value": 1}]}
        ]
    },
    "a",
    "[" * 100_000,
)
def test_any_rule_applies_or_is_refused_and_never_touches_the_template(
    overriders: dict[str, Any], image: str, config: str
) -> None:
    template = manifest(image, config)
    before = copy.deepcopy(template)
    try:
        policy = ClusterOverridePolicy.model_validate(
            {"metadata": {"name": "p"}, "spec": {"overrideRules": [{"overriders": overriders}]}}
        )
    except ValidationError:
        return
    rendered = None
    with without_hanging(), contextlib.suppress(OverrideError):
        rendered, _ = render(template, CLUSTER, [policy])
    assert template == before
    if rendered is not None:
        assert apply_patches(template, difference(template, rendered)) == rendered
        again, _ = render(template, CLUSTER, [policy])
        assert again == rendered


@tries(300)
@given(IMAGE)
@example("a" * 100_000)
@example(("a-" * 5_000) + "!")
@example(("a/" * 5_000) + "A")
@example("a__" * 3_000 + "_")
@example("a@" + "b+" * 3_000)
def test_any_image_is_read_or_refused(image: str) -> None:
    with without_hanging():
        try:
            read = Image.parse(image)
        except OverrideError:
            return
    assert read.repository


# -- Lua -------------------------------------------------------------------------------------------------------

HOSTILE = {
    "a loop": "while true do end",
    "recursion": "local function f() return f() + 1 end return f()",
    "a long string": 'return ("x"):rep(1e9)',
    "a growing string": 'local s = "x" while true do s = s .. s end',
    "a growing table": "local t = {} while true do t[#t + 1] = {} end",
    "a slow pattern": 'return (("a"):rep(5000)):find(("a*"):rep(50) .. "b")',
    "a slow substitution": 'return (("a"):rep(9e5)):gsub(".-b", "x")',
    "a deep answer": "local t = {} for i = 1, 1e5 do t = {t} end return t",
    "an endless answer": "local t = {} t.t = t return t",
    "formatting": 'return ("%99999999d"):format(1)',
    "sorting by a lie": "local t = {} for i = 1, 1e5 do t[i] = i end table.sort(t, function() return true end)",
    "a library": 'return require("os").execute("id")',
    "the environment": 'return os.getenv("HOME")',
    "a file": 'return io.open("/etc/passwd"):read()',
    "loading": 'return load("return 1")()',
    "loading a string": 'return loadstring("return 1")()',
    "a metatable of strings": 'getmetatable("").__index = nil return ("x"):rep(3)',
    "the debugger": "return debug.getregistry()",
    "Python": "return python.eval('1')",
    "an attribute": "return obj.__class__",
    "a coroutine": "local function f() coroutine.wrap(f)() end f()",
    "an error that is a table": "error({})",
    "an error with a metatable": "error(setmetatable({}, {__tostring = function() while true do end end}))",
}


@pytest.fixture(scope="module")
async def pool() -> AsyncIterator[LuaPool]:
    async with LuaPool(size=1) as running:
        yield running


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
async def test_a_hostile_script_ends_as_an_error_and_harms_no_other(pool: LuaPool, body: str) -> None:
    script = f"function Run(obj) {body} end"
    began = time.monotonic()
    answer: Any = None
    with contextlib.suppress(InterpreterError):
        answer = await pool.call(script, "Run", {"a": 1})
    # What comes back is plain data of this script's own making, never something of the host's.
    assert answer is None or isinstance(answer, str | int | float | list | dict)
    assert "root:" not in str(answer)
    # A second for the script, and for a new process in its place.
    assert time.monotonic() - began < 15
    assert await pool.call("function Run(obj) return obj.a + 1 end", "Run", {"a": 1}) == 2


STATEMENT = st.sampled_from(
    [
        *(
            "local x = obj",
            "x = {x, x}",
            "x.a = x",
            "return x",
            "return obj",
            "for i = 1, 3 do",
            "end",
            "if x then",
        ),
        *(
            "obj[1] = obj",
            "obj = nil",
            'x = ("%s"):rep(9, x)',
            "x = #obj",
            "x = -x",
            "x = x .. x",
            "x = tostring(x)",
        ),
        *(
            "x = tonumber(x)",
            "x = string.rep",
            "x = pcall(x)",
            "x = select('#', x)",
            "x = next(obj)",
            "x = 1/0",
        ),
        *(
            "x = 0/0",
            "x = 2^63",
            "x = math.huge",
            "x = ('\\0'):byte()",
            "x = table.concat({1, 2}, x)",
            "goto a",
        ),
    ]
)


@tries(60)
@given(statements=st.lists(STATEMENT, max_size=8), given_object=VALUE)
async def test_any_script_answers_or_fails(pool: LuaPool, statements: list[str], given_object: Any) -> None:
    with contextlib.suppress(InterpreterError):
        await pool.call(f"function Run(obj) {' '.join(statements)} end", "Run", given_object)
