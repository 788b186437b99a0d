from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from argosy.errors import InterpreterError, InterpreterLost
from argosy.interpreter.lua import frames
from argosy.interpreter.lua.pool import LuaPool

ADD = "function Add(a, b) return a + b end"
ENDLESS = "function Run() while true do end end"


@pytest.fixture(scope="module")
async def pool() -> AsyncIterator[LuaPool]:
    async with LuaPool(size=1) as running:
        yield running


async def _works(pool: LuaPool) -> bool:
    return bool(await pool.call(ADD, "Add", 1, 2) == 3)


def _pids(pool: LuaPool) -> list[int]:
    return [process.pid for process in (*pool._idle, *pool._busy)]


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize(
    "script",
    [
        ENDLESS,
        "while true do end",
        "function Run() while true do pcall(function() while true do end end) end end",
        "function Run() local t = {} t[1] = 1 while #t > 0 do t[1] = t[1] + 1 end end",
        # Inside the string library, where no hook of Lua's own would look.
        "function Run() return string.find(string.rep('a', 999999), string.rep('a-', 200) .. 'b') end",
    ],
)
async def test_a_script_that_does_not_end_is_killed_and_the_next_call_works(
    pool: LuaPool, script: str
) -> None:
    assert await _works(pool)
    started = time.monotonic()

    with pytest.raises(InterpreterError, match="more than 1 s") as stopped:
        await pool.call(script, "Run")

    assert 0.9 < time.monotonic() - started < 10
    assert not stopped.value.retryable
    assert await _works(pool)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("function Run() local t = {} while true do t[#t + 1] = {#t} end end", "more than 64 MiB"),
        ("function Run() local s = 'x' while true do s = s .. s end end", "more than 64 MiB"),
        ("function Run() return ('x'):rep(1e9) end", "more than 64 MiB"),
        ("local s = ('x'):rep(9e5) function Run() return s:rep(8) end", "too large"),
        ("function Run() local t = {1} for i = 1, 60 do t = {t, t} end return t end", "too large"),
        ("function Run() local t = {} t.t = t return t end", "nested deeper"),
        ("function Run() local function f() return 1 + f() end return f() end", "stack overflow"),
        ("function Run() return ('x'):rep(1000001):len() end", "longer than 1000000"),
        ("function Run() return {1, nil, 3} end", "without gaps"),
        ("function Run() return {1, a = 2} end", "neither a list"),
        ("function Run() return print end", "holds a function"),
        ("function Run() return {a = 0/0} end", "not finite"),
        ("function Run() return '\\255' end", "not UTF-8"),
        ("function Run(", "script:1"),
        ("function Run() return nothing.at end", "script:1: attempt to index global 'nothing'"),
        ("function Run() error({}) end", "without a message"),
        ("Run = 3", "no function Run"),
        ("", "no function Run"),
        ("\x1bLua", "not text"),
    ],
)
async def test_what_a_script_does_wrong_is_said(pool: LuaPool, script: str, reason: str) -> None:
    assert await _works(pool)
    before = _pids(pool)

    with pytest.raises(InterpreterError, match=reason) as fault:
        await pool.call(script, "Run")

    assert not fault.value.retryable
    assert await _works(pool)
    assert _pids(pool) == before, "no process had to be replaced"


async def test_a_script_that_breaks_lua_itself_only_takes_its_process(pool: LuaPool) -> None:
    # The pattern matcher of Lua 5.1 recurses without looking at its stack.
    script = "function Run(subject, pattern) return subject:find(pattern) end"

    with pytest.raises(InterpreterError, match="broke its interpreter"):
        await pool.call(script, "Run", "a" * 300_000, "a?" * 300_000)

    assert await _works(pool)


async def test_every_call_begins_anew(pool: LuaPool) -> None:
    leave = "function Run() left = 1 string.left = 1 table.concat = nil require('kube').left = 1 end"
    look = "function Run() return left, ('').left, require('kube').left, type(table.concat) end"

    await pool.call(leave, "Run")

    assert await pool.call(look, "Run", results=4) == [None, None, None, "function"]


async def test_values_come_back_as_they_went(pool: LuaPool) -> None:
    value: dict[str, Any] = {
        "empty": {},
        "none": [],
        "list": [1, 2.5, "x", True, {"in": [{}], "of": [[]]}],
        "large": 9_223_372_036_854_775_807,
        "close": 9_007_199_254_740_993,
        "text": "Größe \u4f60 \U0001f600 \x00",
    }
    script = "function Run(value) return value end"

    assert await pool.call(script, "Run", value) == value
    assert await pool.call(script, "Run", None) is None
    assert await pool.call(script, "Run", {}) == []
    assert await pool.call("function Run() return {a = {}, b = {{}}} end", "Run") == {"b": []}
    assert await pool.call(script, "Run", {"a": None, "b": 1}) == {"b": 1}
    assert isinstance(await pool.call("function Run() return 6 / 2 end", "Run"), int)
    kept = await pool.call(
        "function Run(v) return v.status end", "Run", {"status": {"a": {}}}, part_of="status"
    )
    assert kept == {"a": {}}


async def test_what_is_no_json_is_not_sent(pool: LuaPool) -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    for wrong in (float("nan"), object(), deep, "x" * frames.LARGEST):
        with pytest.raises(InterpreterError, match="cannot be given"):
            await pool.call(ADD, "Add", wrong)
    with pytest.raises(InterpreterError):
        await pool.call(ADD + "\ud800", "Add", 1, 2)
    assert await _works(pool)


async def test_compiling_does_not_run(pool: LuaPool) -> None:
    await pool.check("while true do end")
    with pytest.raises(InterpreterError, match="script:2"):
        await pool.check("local a = 1\nlocal = 2")


async def test_a_lost_process_is_replaced_and_the_call_may_be_repeated(pool: LuaPool) -> None:
    assert await _works(pool)
    (pid,) = _pids(pool)
    call = asyncio.ensure_future(pool.call(ENDLESS, "Run"))
    await asyncio.sleep(0.2)
    os.kill(pid, signal.SIGKILL)

    with pytest.raises(InterpreterLost, match="SIGKILL") as lost:
        await call

    assert lost.value.retryable
    assert await _works(pool)
    assert _pids(pool) != [pid]


async def test_a_process_that_ended_while_idle_is_not_asked(pool: LuaPool) -> None:
    assert await _works(pool)
    (pid,) = _pids(pool)
    os.kill(pid, signal.SIGKILL)
    while pool._idle[0].alive:
        await asyncio.sleep(0.01)

    assert await _works(pool)


async def test_calls_run_beside_each_other_up_to_the_size() -> None:
    async with LuaPool(size=2) as pool:
        await pool.warm()
        slow = "function Run() local till = os.time() + 0 for i = 1, 2e6 do till = till + 1 end return i end"
        assert len(_pids(pool)) == 2
        await asyncio.gather(*(pool.call(slow, "Run") for _ in range(8)))
        assert len(_pids(pool)) == 2


async def test_a_cancelled_call_frees_its_place() -> None:
    async with LuaPool(size=1) as pool:
        await pool.warm()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await pool.call(ENDLESS, "Run")
        assert await _works(pool)


async def test_closing_ends_every_process_and_call() -> None:
    pool = LuaPool(size=2)
    await pool.warm()
    pids = _pids(pool)
    running = asyncio.ensure_future(pool.call(ENDLESS, "Run"))
    await asyncio.sleep(0.1)

    await asyncio.gather(pool.close(), pool.close())

    assert not any(_runs(pid) for pid in pids)
    with pytest.raises(InterpreterLost):
        await running
    with pytest.raises(InterpreterLost, match="closed"):
        await pool.call(ADD, "Add", 1, 2)


PARENT = f"""
import asyncio
from argosy.interpreter.lua.pool import LuaPool

async def main():
    pool = LuaPool(size=2)
    await pool.warm()
    print(*(process.pid for process in pool._idle), flush=True)
    await pool.call({ENDLESS!r}, "Run")

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_no_process_outlives_a_parent_that_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert all(_runs(pid) for pid in pids)
        parent.kill()
    deadline = time.monotonic() + 20
    while any(_runs(pid) for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.05)


WORDS = (
    "function Run ( ) end local = return while do for if then else nil 1 'x' .. , { } [ ] . : pcall error # - % ^ "
    "string rep _G kube require unpack print tostring [[ ]] -- \x1b \x00 \ud800 goto ::"
)
TOKENS = st.sampled_from(WORDS.split())


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(script=st.text(max_size=60) | st.lists(TOKENS, max_size=25).map(" ".join))
def test_no_script_reaches_beyond_its_process(script: str, fuzzed: tuple[asyncio.Runner, LuaPool]) -> None:
    runner, pool = fuzzed

    async def call() -> None:
        try:
            await pool.call(f"function Run() {script} end", "Run")
            await pool.call(script, "Run")
        except InterpreterError:
            pass

    runner.run(call())
    assert runner.run(_works(pool))


@pytest.fixture(scope="module")
def fuzzed() -> Any:
    with asyncio.Runner() as runner:
        pool = LuaPool(size=1)
        yield runner, pool
        runner.run(pool.close())
