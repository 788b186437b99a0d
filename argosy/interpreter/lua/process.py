"""One process that runs scripts, seen from the side that asks."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from pathlib import Path
from typing import Any

import argosy
from argosy.errors import InterpreterError, InterpreterLost
from argosy.interpreter.lua import frames

# What only a script can bring about; any other end may be somebody else's doing.
_TOO_LONG = frozenset((signal.SIGALRM, signal.SIGXCPU))
_BROKEN = frozenset((signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGILL, signal.SIGFPE))
_STARTING = 30.0
_ANSWERING = 5.0
"""Seconds. The process limits itself to one; more have passed only where it was stopped, or the machine is stuck."""


class LuaProcess:
    """A process that answers one request at a time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls) -> LuaProcess:
        """Start a process and wait until it is ready.

        Raises:
            InterpreterLost: it did not come up.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "argosy.interpreter.lua.sandboxed"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                # Nothing of this process's surroundings is the script's business, its secrets least of all.
                env={"PYTHONPATH": str(Path(argosy.__file__).parents[1])},
                # An interrupt at the terminal is for the parent, which closes the process in its own time.
                start_new_session=True,
            )
        except OSError as error:
            raise InterpreterLost(f"No process for scripts can be started ({error}); free some.") from None
        started = cls(process)
        try:
            await started._read(_STARTING)
        except BaseException:
            await started.stop()
            raise
        return started

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs, as far as is known."""
        return self._process.returncode is None

    async def ask(self, request: bytes) -> dict[str, Any]:
        """Send a request, made by `frames.frame`, and return the answer; after an error the process is of no use.

        Raises:
            InterpreterError: the script exceeded its time, or broke the process.
            InterpreterLost: the process ended for another reason, or does not answer.
        """
        stream = self._process.stdin
        assert stream is not None  # noqa: S101  it was asked for above
        # It may have ended; how it did is found out by reading.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            stream.write(request)
            await stream.drain()
        return await self._read(_ANSWERING)

    async def _read(self, seconds: float) -> dict[str, Any]:
        stream = self._process.stdout
        assert stream is not None  # noqa: S101  it was asked for above
        try:
            async with asyncio.timeout(seconds):
                size = frames.length(await stream.readexactly(frames.HEADER))
                answer: dict[str, Any] = frames.content(await stream.readexactly(size))
        except TimeoutError:
            raise InterpreterLost(
                f"The process that runs scripts did not answer for {seconds:.0f} s; it is replaced."
            ) from None
        except (asyncio.IncompleteReadError, ConnectionResetError):
            raise self._ended(await self._process.wait()) from None
        except ValueError as error:
            raise InterpreterLost(f"The process that runs scripts answered nonsense ({error}).") from None
        return answer

    @staticmethod
    def _ended(status: int) -> InterpreterError | InterpreterLost:
        if -status in _TOO_LONG:
            return InterpreterError("The script ran for more than 1 s; let it do less.")
        if -status in _BROKEN:
            name = signal.Signals(-status).name
            return InterpreterError(f"The script broke its interpreter ({name}); simplify it.")
        how = f"by {signal.Signals(-status).name}" if status < 0 else f"with status {status}"
        return InterpreterLost(f"The process that runs scripts ended {how}; another one takes its place.")

    async def stop(self) -> None:
        """Kill the process, whatever it does, and wait until it is gone."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        await self._process.wait()
        # The pipe's transport closes itself a moment later, which may be after the loop.
        self._process._transport.close()  # type: ignore[attr-defined]  # noqa: SLF001  no public way
