"""One run of the real `argosy` command, as a person or a script would start it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Run:
    """What a run said, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one sentence on standard error."""
        lines = [line for line in self.err.splitlines() if line.startswith("error: ")]
        assert len(lines) == 1, self.err
        return lines[0].removeprefix("error: ")


def argosy(*words: str, stdin: str = "", **environment: str) -> Run:
    """Run `argosy`; nothing of the caller's Temporal settings leaks in."""
    done = subprocess.run(
        [sys.executable, "-m", "cli", *words],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
        cwd=ROOT,
        env={**unconfigured(), "PYTHONPATH": str(ROOT), **environment},
    )
    return checked(Run(done.returncode, done.stdout, done.stderr))


def unconfigured() -> dict[str, str]:
    """This process's environment without any settings of Temporal and Argosy."""
    inherited = {
        name: value
        for name, value in os.environ.items()  # noqa: TID251 - handed on to the child
        if not name.startswith(("TEMPORAL_", "ARGOSY_"))
    }
    return {**inherited, "TEMPORAL_CONFIG_FILE": os.devnull}


def checked(run: Run) -> Run:
    """A run that may have failed, but not by an error of the program."""
    assert "Traceback" not in run.err, run.err
    return run


def write(path: Path, *manifests: dict[str, Any]) -> str:
    """Write manifests as one file; its name."""
    path.write_text(yaml.safe_dump_all(manifests))
    return str(path)


async def until(holds: Callable[[], bool]) -> None:
    """Wait, for a minute at most, until something holds."""
    async with asyncio.timeout(60):
        while not await asyncio.to_thread(holds):
            await asyncio.sleep(0.2)
