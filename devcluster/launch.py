"""Become a command: `python launch.py PARENT DIRECTORY COMMAND...`, tied to PARENT unless that is 0.

Done in a program of its own because code between fork and exec is unsafe in a process with threads.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Tie this process to its parent, go to the directory and become the command."""
    parent, directory, command = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    if parent:
        tie_to_parent()
    # The parent may have died before the tie was made.
    if parent and os.getppid() != parent:
        sys.exit("the parent of this process is gone")
    os.chdir(directory)
    os.execv(command[0], command)  # noqa: S606 - no shell is wanted


def tie_to_parent() -> None:
    """Have the kernel end this process with its parent; other systems than Linux leave that to whoever stops it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main()
