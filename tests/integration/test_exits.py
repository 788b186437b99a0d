"""Processes that used the Temporal SDK end, and with their code, while answers are on their way."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from devcluster.temporal import TemporalServer

# An interpreter that ends in order clears `late` first, and answers come while it sleeps.
_PROGRAM = """
import asyncio, sys, time
from temporalio.client import Client
from activities.exits import leave_after
from cli.runtime import run

class Late:
    def __del__(self):
        time.sleep(0.5)

async def main(settings=None):
    global late
    late = Late()
    client = await Client.connect(sys.argv[1])
    for _ in range(500):
        asyncio.ensure_future(client.count_workflows(""))
    await asyncio.sleep(0)
    print("done")
    {end}

{how}
"""
PROGRAM = "leave_after(lambda: asyncio.run(main()))"
COMMAND = "run(main)"


@pytest.mark.parametrize(
    ("how", "end", "code", "told"),
    [
        (PROGRAM, "pass", 0, ""),
        (PROGRAM, "return 3", 3, ""),
        (PROGRAM, "raise LookupError('told')", 1, "LookupError: told"),
        (PROGRAM, "raise asyncio.CancelledError", 1, "asyncio.exceptions.CancelledError"),
        (PROGRAM, "raise KeyboardInterrupt", 130, "KeyboardInterrupt"),
        (COMMAND, "raise LookupError('told')", 1, "LookupError: told"),
        (COMMAND, "raise asyncio.CancelledError", 1, "asyncio.exceptions.CancelledError"),
        (COMMAND, "raise KeyboardInterrupt", 130, ""),
    ],
)
def test_a_process_ends_whatever_is_under_way(
    temporal_server: TemporalServer, how: str, end: str, code: int, told: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM.format(how=how, end=end), temporal_server.address],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (code, "done\n"), done.stderr
    assert done.stderr.rstrip().rpartition("\n")[2] == told
