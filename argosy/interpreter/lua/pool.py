"""Scripts of customizations, called in a few processes that are kept running."""

from __future__ import annotations

import asyncio
from typing import Any, Self

from argosy.api.behaviour import Behaviour
from argosy.errors import InterpreterError, InterpreterLost
from argosy.interpreter.lua import frames
from argosy.interpreter.lua.process import LuaProcess


class LuaPool:
    """Calls functions of Lua scripts, each call in a fresh state, with at most 1 s and 64 MiB.

    Processes are started when they are first needed, and replaced when a script was stopped. They end with this
    process, even if it is killed. A pool belongs to the event loop it is first used in.

    Attributes:
        size: how many calls may run at once.
    """

    def __init__(self, *, size: int = 2) -> None:
        if size < 1:
            msg = "a pool has at least one process"
            raise ValueError(msg)
        self.size = size
        self._free = asyncio.Semaphore(size)
        self._idle: list[LuaProcess] = []
        self._busy: set[LuaProcess] = set()
        self._closed = False
        self._closing = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def call(
        self,
        script: str,
        function: str,
        *arguments: Any,
        results: int = 1,
        part_of: str | None = None,
        behaviour: Behaviour = "argosy",
    ) -> Any:
        """Load `script`, call its global `function` with JSON values, and return what it returns.

        That is one JSON value, or a list of so many where `results` is above 1. A whole number stays one; an empty
        table is `{}` or `[]` where the arguments have such at the same place, `[]` alone, and left out elsewhere.
        With `part_of` the arguments' field of that name is what the answer is compared with.

        Raises:
            InterpreterError: the script does not load, fails, exceeds a limit, or returns what is no JSON.
            InterpreterLost: the process was lost by no fault of the script; the call may be repeated.
        """
        found = await self._ask(
            {
                "script": script,
                "function": function,
                "arguments": arguments,
                "results": results,
                "partOf": part_of,
                "behaviour": behaviour,
            }
        )
        return found if results > 1 else found[0]

    async def check(self, script: str) -> None:
        """Compile `script` without running it.

        Raises:
            InterpreterError: it does not load; the message names the line.
            InterpreterLost: the process was lost by no fault of the script; the check may be repeated.
        """
        await self._ask({"script": script, "function": None, "arguments": ()})

    async def warm(self) -> None:
        """Start all processes now, so that no call waits for one.

        Raises:
            InterpreterLost: a process did not come up.
        """
        missing = self.size - len(self._idle) - len(self._busy)
        await asyncio.gather(*(self._add() for _ in range(missing)))

    async def close(self) -> None:
        """End all processes and wait until they are gone; calls that run fail, and later ones too. May be repeated."""
        self._closed = True
        await asyncio.gather(*(process.stop() for process in (*self._idle, *self._busy)))
        self._idle.clear()
        async with self._closing:
            for _ in range(self.size):
                await self._free.acquire()
            for _ in range(self.size):
                self._free.release()

    async def _add(self) -> None:
        async with self._free:
            await self._keep(await LuaProcess.start())

    async def _ask(self, request: dict[str, Any]) -> list[Any]:
        try:
            sent = frames.frame(request)
        except (ValueError, RecursionError) as error:
            raise InterpreterError(f"The object cannot be given to a script ({error}); reduce it.") from None
        async with self._free:
            answer = await self._answered(sent)
        if "fault" in answer:
            raise InterpreterError(f"The script failed: {answer['fault']}; correct it.")
        found: list[Any] = answer["results"]
        return found

    async def _answered(self, request: bytes) -> dict[str, Any]:
        if self._closed:
            raise InterpreterLost("The processes that run scripts were closed; start anew.")
        process = await self._taken()
        self._busy.add(process)
        try:
            answer = await process.ask(request)
        except BaseException:
            # A cancelled call too leaves a process in the middle of something.
            await process.stop()
            raise
        finally:
            self._busy.discard(process)
        await self._keep(process)
        return answer

    async def _taken(self) -> LuaProcess:
        while self._idle:
            process = self._idle.pop()
            if process.alive:
                return process
            await process.stop()
        return await LuaProcess.start()

    async def _keep(self, process: LuaProcess) -> None:
        if self._closed:
            await process.stop()
        else:
            self._idle.append(process)
