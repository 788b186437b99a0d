"""Child processes that do not outlive their parent, unless they are meant to.

A tied process dies with the one that started it, however that one ends: on Linux the kernel sends it SIGKILL
(PR_SET_PDEATHSIG); elsewhere it lives until it is stopped. A detached one lives on, and is recorded with its
start time, which tells it from a stranger that was given the same process ID later. Either has its own
session, so that Ctrl-C in the terminal reaches the parent only, which stops its children in order.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from devcluster.places import inherited

_LAUNCH = Path(__file__).with_name("launch.py")
# The kernel ties a child to the thread that forked it, so that thread must live as long as the process.
_SPAWNER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawner")
_HAS_PROC = Path("/proc/self/stat").exists()
_POLL = 0.02
_LAST_WORDS = 5.0


@dataclass(frozen=True)
class Identity:
    """A process as it was when it was started; it leads a group of its own, which signals are sent to."""

    pid: int
    started: str

    def alive(self) -> bool:
        """Whether this very process still runs."""
        return self.started != "" and start_time(self.pid) == self.started

    def send(self, number: signal.Signals) -> None:
        """Send a signal to this process and its children, if it still runs."""
        if self.alive():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    def stop(self, *, grace: float = 10.0) -> None:
        """End it: politely, then after `grace` seconds by force; returns when it is gone."""
        self.send(signal.SIGTERM)
        self.send(signal.SIGCONT)  # A frozen process hears nothing else.
        if not self.wait(grace):
            self.kill()

    def kill(self) -> None:
        """End it by force; returns when it is gone."""
        self.send(signal.SIGKILL)
        self.wait(_LAST_WORDS)

    def wait(self, seconds: float) -> bool:
        """Wait until it is gone; False where it still runs after `seconds`."""
        deadline = time.monotonic() + seconds
        while self.alive():
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL)
        # Only a parent can take the exit status, and an unclaimed one keeps the process ID in use.
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, os.WNOHANG)
        return True


def spawn(
    command: Sequence[str | Path],
    *,
    log: Path,
    directory: Path | None = None,
    environment: Mapping[str, str] | None = None,
    detach: bool = False,
) -> Identity:
    """Start a process with its output appended to `log`, which only its owner can read.

    Args:
        command: an absolute path and its arguments.
        log: the file; its directory is made where it is missing.
        directory: where it runs; default: where this process does.
        environment: the whole environment of the process; default: this one's.
        detach: let it outlive this process; otherwise it dies with it.
    """
    # -I -S: start in milliseconds, whatever the environment of this interpreter holds.
    words = [sys.executable, "-I", "-S", str(_LAUNCH), str(0 if detach else os.getpid())]
    words += [str(directory or Path.cwd()), *map(str, command)]
    log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    pid = _SPAWNER.submit(
        os.posix_spawn,
        words[0],
        words,
        inherited() if environment is None else dict(environment),
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), append, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    ).result()
    return Identity(pid=pid, started=start_time(pid))


def start_time(pid: int) -> str:
    """What tells a process from a later one of the same ID; empty where none runs or it is a zombie."""
    if _HAS_PROC:
        fields = _stat(pid)
        return "" if not fields or _is_over(fields) else fields[19]
    return _ps(pid, "lstart")


def memory(pid: int) -> int:
    """Resident memory in bytes; 0 where the process is gone."""
    if _HAS_PROC:
        fields = _stat(pid)
        return int(fields[21]) * os.sysconf("SC_PAGE_SIZE") if fields else 0
    return int(_ps(pid, "rss") or 0) * 1024


def cpu_seconds(pid: int) -> float:
    """User and system time spent so far; 0 where the process is gone (Linux only)."""
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") if fields else 0.0


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third, the state, on; the second may itself hold spaces."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return []


def _is_over(fields: list[str]) -> bool:
    """Whether only the exit status is left: while other threads end, ports and locks may still be held."""
    return fields[0] in {"Z", "X"} and int(fields[17]) <= 1


def _ps(pid: int, column: str) -> str:
    printed = subprocess.run(
        ["ps", "-o", f"{column}=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return printed.stdout.strip()
