"""Processes that begin with everything imported: what is tested is a crash, and not how long a start takes."""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from multiprocessing.process import BaseProcess
from pathlib import Path

from devcluster.launch import tie_to_parent
from devcluster.process import Identity, start_time
from tests.cli.runs import Run, checked

# The last is what the process that starts them has been imported as.
IMPORTED = [
    "worker.main",
    "cli.main",
    "cli.session",
    "cli.cluster_page",
    "cli.returning",
    "tests.chaos.round",
]
PATIENCE = 90.0

_READY = multiprocessing.get_context("forkserver")
_READY.set_forkserver_preload(IMPORTED)


def worker(environment: Mapping[str, str], *, log: Path) -> Identity:
    """Start a worker, which dies with this process."""
    pid = _started(_work, environment, log).pid or 0
    return Identity(pid=pid, started=start_time(pid))


def argosy(words: list[str], environment: Mapping[str, str]) -> Run:
    """Run one command, as a person would."""
    with tempfile.TemporaryDirectory() as directory:
        out, err = Path(directory, "out"), Path(directory, "err")
        process = _started(_command, environment, out, err, words)
        process.join(PATIENCE)
        code = process.exitcode
        process.kill()
        return checked(Run(-1 if code is None else code, out.read_text(), err.read_text()))


def _started(target: Callable[..., None], *arguments: object) -> BaseProcess:
    process: BaseProcess = _READY.Process(target=target, args=arguments)
    process.start()
    return process


def _work(environment: dict[str, str], log: Path) -> None:
    from worker.main import main  # noqa: PLC0415 - it is there already

    _become(environment, out=log, err=log)
    main()


def _command(environment: dict[str, str], out: Path, err: Path, words: list[str]) -> None:
    from cli.main import main  # noqa: PLC0415 - it is there already

    _become(environment, out=out, err=err)
    sys.argv = ["argosy", *words]
    main()


def _become(environment: dict[str, str], *, out: Path, err: Path) -> None:
    """Lead a group of its own, as whatever is spawned does, and die with the process that all are begun by."""
    tie_to_parent()
    os.setsid()
    os.environ.clear()  # noqa: TID251 - what a new process is given
    os.environ.update(environment)  # noqa: TID251 - see above
    for stream, path in ((sys.stdout, out), (sys.stderr, err)):
        stream.flush()
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(file, stream.fileno())
        os.close(file)
