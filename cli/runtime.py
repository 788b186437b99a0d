"""How every command runs: connect, act, say what went wrong in one sentence, and leave with the right code.

A short-lived process that used the Temporal SDK can abort while the interpreter shuts down, which would turn a
success into exit code 134. Hence the wait for the SDK's last callbacks, and the hard exit after flushing.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from typing import NoReturn

from argosy.config import Settings
from argosy.errors import ArgosyError

INTERRUPTED = 130
TIMED_OUT = 3


class TimedOut(ArgosyError):
    """Waiting took longer than the user allowed."""

    exit_code = TIMED_OUT


def run(command: Callable[[Settings], Awaitable[int | None]]) -> NoReturn:
    """Run a command to its end and leave the process; never returns."""
    code = 1
    hard = True
    try:
        settings = Settings.from_env()
        hard = settings.hard_exit
        code = asyncio.run(_drained(command, settings)) or 0
    except ArgosyError as error:
        _say(str(error))
        code = error.exit_code
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has gone; there is nobody left to tell.
        code = 1
    except Exception as error:
        sentence = _temporal_sentence(error)
        if sentence is None:
            raise
        _say(sentence)
    leave(code, hard=hard)


def leave(code: int, *, hard: bool = True) -> NoReturn:
    """Flush and end the process."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            continue
    if hard:
        os._exit(code)
    sys.exit(code)


async def _drained(command: Callable[[Settings], Awaitable[int | None]], settings: Settings) -> int | None:
    try:
        return await command(settings)
    finally:
        await asyncio.sleep(0.05)


def _temporal_sentence(error: Exception) -> str | None:
    """What to say where Temporal failed in a way that no command expects; None for anything else."""
    from temporalio.service import RPCError

    if not isinstance(error, RPCError):
        return None
    brief = " ".join(error.message.split())[:300]
    return (
        f"Temporal does not take the request ({error.status.name}: {brief}); check the server, then try again"
    )


def _say(message: str) -> None:
    sys.stderr.write(f"error: {message}\n")
