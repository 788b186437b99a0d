"""Child processes that do not outlive their parent, unless they are meant to.

An attached process dies with the one that started it, however that one ends: on Linux the kernel sends it
SIGKILL (PR_SET_PDEATHSIG), and it has its own process group, so that Ctrl-C in the terminal reaches the parent,
which stops its children in order. A detached one is recorded with its start time, which tells it from a
stranger that was given the same process ID later.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
_PR_SET_PDEATHSIG = 1
# The kernel ties a child to the thread that forked it, so the forking thread must live as long as the process.
_SPAWNER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawner")
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Identity:
    """A process as it was when it was started."""

    pid: int
    started: str

    def alive(self) -> bool:
        """Whether this very process still runs."""
        return start_time(self.pid) == self.started != ""

    def send(self, number: signal.Signals) -> None:
        """Send a signal to this process, if it still runs."""
        if self.alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def stop(self, *, grace: float = 10.0) -> None:
        """End it: politely, then after `grace` seconds by force; returns when it is gone."""
        self.send(signal.SIGTERM)
        if not self.wait(grace):
            self.send(signal.SIGKILL)
            self.wait(5)

    def wait(self, seconds: float) -> bool:
        """Wait until it is gone; False where it still runs after `seconds`."""
        deadline = time.monotonic() + seconds
        while self.alive():
            if time.monotonic() > deadline:
                return False
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self.pid, os.WNOHANG)
            time.sleep(0.02)
        return True


def spawn(
    command: Sequence[str | Path],
    *,
    log: Path,
    environment: Mapping[str, str] | None = None,
    detach: bool = False,
) -> Identity:
    """Start a process with its output appended to `log`.

    Args:
        detach: let it outlive this process; otherwise it dies with it.
    """
    parent = os.getpid()

    def tied() -> None:
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)

    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        log.chmod(0o600)
        process = _SPAWNER.submit(
            subprocess.Popen,
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(environment) if environment is not None else None,
            start_new_session=True,
            preexec_fn=None if detach else tied,
        ).result()
    process.returncode = 0  # Ours to reap through Identity; silences Popen's own warning at exit.
    return Identity(pid=process.pid, started=start_time(process.pid))


def start_time(pid: int) -> str:
    """What tells a process from a later one of the same ID; empty where none runs or it is a zombie."""
    if PROC.exists():
        try:
            fields = (PROC / str(pid) / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        except (OSError, IndexError):
            return ""
        return "" if fields[0] == "Z" else fields[19]
    return _ps("lstart", pid)


def memory(pid: int) -> int:
    """Resident memory in bytes; 0 where the process is gone."""
    return int(_ps("rss", pid) or 0) * 1024


def _ps(field: str, pid: int) -> str:
    printed = subprocess.run(
        ["ps", "-o", f"{field}=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return printed.stdout.strip()


def cpu_seconds(pid: int) -> float:
    """User and system time spent so far; 0 where the process is gone (Linux only)."""
    try:
        fields = (PROC / str(pid) / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
