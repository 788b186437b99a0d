"""How the worker process ends where it cannot begin."""

from __future__ import annotations

import os
import subprocess
import sys

from devcluster.ports import free_port
from tests.cli.runs import ROOT


def test_a_worker_without_temporal_ends_with_one_sentence() -> None:
    environment = {
        **os.environ,  # noqa: TID251 - handed on to the child
        "TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}",
    }
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-m", "worker"],
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
            cwd=ROOT,
            env=environment,
        )
        assert done.returncode == 1, done.stderr
        assert "error: Temporal does not answer" in done.stderr
        assert "Fatal" not in done.stderr
