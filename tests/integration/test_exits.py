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

class Late:
    def __del__(self):
        time.sleep(0.5)

async def ask():
    client = await Client.connect(sys.argv[1])
    for _ in range(20):
        asyncio.ensure_future(client.count_workflows(""))
    await asyncio.sleep(0)

def main():
    global late
    asyncio.run(ask())
    late = Late()
    print("done")
    {end}

leave_after(main)
"""


@pytest.mark.parametrize(("end", "code"), [("pass", 0), ("return 3", 3), ("raise LookupError('told')", 1)])
def test_a_process_ends_whatever_is_under_way(temporal_server: TemporalServer, end: str, code: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM.replace("{end}", end), temporal_server.address],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (code, "done\n"), done.stderr
    assert done.stderr.rstrip().endswith("LookupError: told") == (code == 1), done.stderr
