"""How a process that used the Temporal SDK ends: at once, after flushing.

An interpreter that ends in order stops every thread of the SDK that brings it an answer, and then waits for that very
thread to end: it hangs for good, or aborts with code 134, wherever an answer arrives late (seen with SDK 1.35 on Python
3.11; https://github.com/temporalio/sdk-python/issues/300).
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from typing import NoReturn

INTERRUPTED = 130


def leave(code: int, *, hard: bool = True) -> NoReturn:
    """Flush, and end the process with this code; in the interpreter's own way where it is not to be `hard`."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            continue
    if hard:
        os._exit(code)
    sys.exit(code)


def leave_after(main: Callable[[], int | None]) -> NoReturn:
    """Run a program's `main` and leave with the code that it returns; with 1 and a traceback where it raises.

    Raises:
        SystemExit: its arguments are wrong, or only ask for help; the SDK was not used yet.
    """
    try:
        code = main() or 0
    except SystemExit:
        raise
    except BaseException as error:  # noqa: BLE001 - it is told whole; raised on, it would end the interpreter in order
        traceback.print_exc()
        code = INTERRUPTED if isinstance(error, KeyboardInterrupt) else 1
    leave(code)
