"""Every recorded history replays in today's workflows, whatever the hash seed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from activities.converter import data_converter
from argosy.config import Settings
from worker.sandbox import strict_runner
from worker.wiring import WORKFLOWS

HISTORIES = sorted((Path(__file__).parent / "histories").rglob("*.json"))


async def replay(name: str, history: str) -> None:
    """Replay one history in the full sandbox.

    Raises:
        Exception: today's workflow would have done something else.
    """
    replayer = Replayer(
        workflows=WORKFLOWS,
        data_converter=data_converter(Settings(), namespace="default"),
        workflow_runner=strict_runner(),
    )
    await replayer.replay_workflow(WorkflowHistory.from_json(name, history))


def test_there_are_histories_of_every_workflow() -> None:
    assert {path.stem.rpartition("-")[0] for path in HISTORIES} >= {
        "busy_propagation",
        "waiting_propagation",
        "policy_set",
        "cluster",
    }


@pytest.mark.parametrize("path", HISTORIES, ids=[path.stem for path in HISTORIES])
async def test_a_recorded_history_replays(path: Path) -> None:
    await replay(path.stem, path.read_text(encoding="utf-8"))  # noqa: ASYNC240 - a small local file


@pytest.mark.parametrize("seed", ["1", "4711"])
def test_all_histories_replay_under_another_hash_seed(seed: str) -> None:
    environment = {**os.environ, "PYTHONHASHSEED": seed}  # noqa: TID251 - handed on to the child
    code = (
        "import asyncio, sys\n"
        "from tests.replay.test_replay import HISTORIES, replay\n"
        "async def all_of_them():\n"
        "    for path in HISTORIES:\n"
        "        await replay(path.stem, path.read_text())\n"
        "asyncio.run(all_of_them())\n"
        "import os; os._exit(0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
