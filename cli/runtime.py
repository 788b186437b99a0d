"""How every command runs: connect, act, say what went wrong in one sentence, and leave with the right code.

The SDK's last callbacks are waited for; why the process then ends at once is in activities/exits.py.
"""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections.abc import Awaitable, Callable, Sequence
from typing import NoReturn

from activities.exits import INTERRUPTED, leave
from argosy.config import Settings, traces_wanted
from argosy.errors import ArgosyError

GROUPS = {"cluster", "dev", "worker"}
# They trace what they are asked for, not how long they run.
LASTING = {("worker", "run"), ("serve",)}
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
    except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - the unexpected ends the process at once, too
        known = _temporal_failure(error)
        if known is None:
            traceback.print_exc()
        else:
            _say(str(known))
            code = known.exit_code
    leave(code, hard=hard)


async def _drained(command: Callable[[Settings], Awaitable[int | None]], settings: Settings) -> int | None:
    try:
        if not traces_wanted():
            return await command(settings)
        return await _traced(command, settings)
    finally:
        await asyncio.sleep(0.05)


async def _traced(command: Callable[[Settings], Awaitable[int | None]], settings: Settings) -> int | None:
    """The command in a span of its own, except where it goes on until it is stopped."""
    from activities import tracing

    words = command_words(sys.argv[1:])
    if words in LASTING:
        return await command(settings)
    tracing.start("argosy")
    try:
        with tracing.span(" ".join(("argosy", *words))):
            return await command(settings)
    finally:
        await asyncio.to_thread(tracing.stop)


def command_words(arguments: Sequence[str]) -> tuple[str, ...]:
    """The command that is run, such as `cluster join`, without what it is run on."""
    words = [word for word in arguments if not word.startswith("-")]
    return tuple(words[: 2 if words and words[0] in GROUPS else 1])


def _temporal_failure(error: BaseException) -> ArgosyError | None:
    """What it means where Temporal failed in a way that no command expects; None for anything else."""
    from temporalio.service import RPCError

    from activities.connection import failure

    return failure(error) if isinstance(error, RPCError) else None


def _say(message: str) -> None:
    sys.stderr.write(f"error: {message}\n")
