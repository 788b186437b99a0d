"""What scripts would have to reach to get out of their state, and what holds where they did."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator

import pytest

from argosy.errors import InterpreterError
from argosy.interpreter.lua.pool import LuaPool


@pytest.fixture(scope="module")
async def pool() -> AsyncIterator[LuaPool]:
    async with LuaPool(size=1) as running:
        yield running


@pytest.mark.parametrize(
    "expression",
    [
        *("io", "debug", "package", "coroutine", "python", "jit", "ffi", "arg", "string.dump", "gcinfo"),
        *("os.execute", "os.exit", "os.getenv", "os.remove", "os.rename", "os.tmpname", "os.setlocale"),
        *("_G._G.io", "_G.python", "require('kube').__class__", "('').dump"),
    ],
)
async def test_is_not_there(pool: LuaPool, expression: str) -> None:
    assert await pool.call(f"function Run() return {expression} == nil end", "Run") is True


@pytest.mark.parametrize(
    "statement",
    [
        "load('return 1')",
        "loadstring('\\27Lua')",
        "loadfile('/etc/passwd')",
        "dofile('/etc/passwd')",
        "module('x')",
        "require('io')",
        "require('python')",
        "require('lupa')",
        "getmetatable('').__index = 1",
        "setmetatable(_G, {})",
        "setmetatable({}, {__gc = print})",
        "rawset(_G, 'x', 1)",
        "rawget(_G, 'x')",
        "rawequal(1, 1)",
        "getfenv(0)",
        "setfenv(1, {})",
        "newproxy(true)",
        "collectgarbage('count')",
        "io.open('/etc/passwd')",
        "os.execute('true')",
        "debug.getregistry()",
        "package.loadlib('libc.so', 'system')",
        "package.loaded.python.eval('1')",
        "python.builtins.open('/etc/passwd')",
        "require('kube').resourceAdd.__globals__.x = 1",
    ],
)
async def test_cannot_be_called(pool: LuaPool, statement: str) -> None:
    with pytest.raises(InterpreterError, match=r"not supported|not found|nil value|attempt to index"):
        await pool.call(f"function Run() {statement} end", "Run")


@pytest.mark.parametrize(
    "arguments",
    ["'\\255'", "'x'", "{}", "print", "{[print] = print}", "{{}, a = 1}", "('x'):rep(9e5)", "0/0"],
)
@pytest.mark.parametrize(
    "function", ["resourceAdd", "accuratePodRequirements", "getPodDependencies", "getResourceQuantity"]
)
async def test_no_error_hands_out_an_object_of_the_process(
    pool: LuaPool, function: str, arguments: str
) -> None:
    script = f"""
        local kube = require('kube')
        function Run()
          local worked, answer = pcall(kube.{function}, {arguments})
          local caught
          xpcall(function() return kube.{function}({arguments}, nil) end, function(e) caught = e end)
          return type(answer), type(caught)
        end
    """
    assert "userdata" not in await pool.call(script, "Run", results=2)


async def test_nothing_in_reach_belongs_to_the_process_around(pool: LuaPool) -> None:
    script = """
        local seen, found = {}, {}
        local function walk(value, path)
          if type(value) == "userdata" or type(value) == "thread" then found[#found + 1] = path end
          if type(value) ~= "table" or seen[value] then return end
          seen[value] = true
          for key, item in pairs(value) do walk(key, path) walk(item, path .. "." .. tostring(key)) end
        end
        function Run(object)
          walk(_G, "_G") walk(object, "object") walk(require("kube"), "kube")
          return #found, table.concat(found, " ")
        end
    """
    assert await pool.call(script, "Run", {"a": [1]}, results=2) == [0, ""]


async def test_the_clock_is_all_of_the_system_that_is_seen(pool: LuaPool) -> None:
    script = """
        function Run()
          local names = {}
          for name in pairs(os) do names[#names + 1] = name end
          table.sort(names)
          return table.concat(names, " "), os.time() > 1e9, os.date("!%Y", 0)
        end
    """
    assert await pool.call(script, "Run", results=3) == ["date time", True, "1970"]


BREAKOUT = """
import os, socket, sys
from argosy.interpreter.lua.sandboxed import _limit
_limit()
def refused(action):
    try:
        action()
    except OSError:
        return True
    return False
print(
    refused(lambda: open("/etc/hostname")),
    refused(lambda: socket.socket()),
    refused(lambda: os.pipe()),
    len(os.environ) <= 2,
)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other limits")
def test_who_got_out_would_find_nothing_to_open() -> None:
    command = [sys.executable, "-c", BREAKOUT]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={"LC_CTYPE": "C.UTF-8"})
    assert done.stdout.split() == ["True"] * 4
