"""Run a command that dies when its parent does: `python tied.py PARENT COMMAND...` becomes COMMAND.

Done in a program of its own because code between fork and exec is unsafe in a process with threads.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Tie this process to its parent, then become the command."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # The parent may have died before the tie was made.
    if os.getppid() == parent:
        os.execv(command[0], command)  # noqa: S606 - no shell is wanted
    sys.exit(1)


if __name__ == "__main__":
    main()
