"""What the compose file describes, run on this machine: its commands and settings, with other addresses and paths.

PostgreSQL is the machine's own, Temporal's server and schema tool are built from their modules, and the container's
paths become those of a copy of `deploy/`.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from typing import Any

from argosy.api.cluster_connection import ConnectionReference
from devcluster.member import Member
from devcluster.ports import LOOPBACK, free_port
from devcluster.process import Identity, spawn
from tests.deploy.conftest import ROOT

_SERVICES = ("FRONTEND", "INTERNAL_FRONTEND", "MATCHING", "HISTORY", "WORKER")
_PORTS = (
    "FRONTEND_HTTP_PORT",
    "INTERNAL_FRONTEND_HTTP_PORT",
    *(f"{name}_{use}_PORT" for name in _SERVICES for use in ("GRPC", "MEMBERSHIP")),
)


def postgres_binaries() -> Path | None:
    """The directory with PostgreSQL's server, which Debian keeps off `PATH`."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    on_path = shutil.which("initdb")
    candidates = [*reversed(installed), *([Path(on_path).resolve().parent] if on_path else [])]
    return next((path for path in candidates if (path / "postgres").is_file()), None)


class Postgres:
    """A database server of the test's own; it refuses to run as root, so root lends it another user."""

    def __init__(self, binaries: Path, *, password: Path, log: Path) -> None:
        self.port = free_port()
        self._log, self._password = log, password
        self._binaries = binaries
        # Not below pytest's directories, which are closed to other users.
        self.directory = Path(tempfile.mkdtemp(prefix="argosy-postgres-"))
        self._user = _someone_else() if os.geteuid() == 0 else None
        given = self.directory / "password"
        shutil.copy(password, given)
        if self._user is not None:
            for path in (self.directory, given):
                os.chown(path, self._user.pw_uid, self._user.pw_gid)
        self._process: Identity | None = None
        options = (
            "--username=temporal",
            "--auth=scram-sha-256",
            f"--pwfile={given}",
            "--encoding=UTF8",
            "--no-locale",
        )
        subprocess.run(
            self._as_user("initdb", f"--pgdata={self._data}", "--no-sync", "--data-checksums", *options),
            check=True,
            capture_output=True,
            cwd=self.directory,
        )

    @property
    def _data(self) -> Path:
        return self.directory / "data"

    def start(self) -> None:
        """Start it, with every write on disk before it counts, and wait until it answers."""
        words = ("-D", str(self._data), "-p", str(self.port), "-k", str(self.directory), "-h", LOOPBACK)
        self._process = spawn(self._as_user("postgres", *words), log=self._log, directory=self.directory)
        wait_until(self._ready, what="PostgreSQL answers", seconds=30)

    def kill(self) -> None:
        """SIGKILL its main process and whoever works for it."""
        assert self._process is not None
        self._process.kill()

    def remove(self) -> None:
        """Stop it and delete its data."""
        if self._process is not None:
            self._process.kill()
        shutil.rmtree(self.directory)

    def ask(self, statement: str) -> str:
        """The answer to one statement, as plain text."""
        return self._client(
            "psql", "--tuples-only", "--no-align", f"--command={statement}", "temporal"
        ).strip()

    def dump(self, database: str) -> str:
        """Every row of a database."""
        return self._client("pg_dump", "--data-only", database)

    def _client(self, name: str, *words: str) -> str:
        options = (f"--host={LOOPBACK}", f"--port={self.port}", "--username=temporal")
        done = subprocess.run(
            [self._binaries / name, *options, *words],
            env={"PGPASSWORD": self._password.read_text().strip(), "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    def _ready(self) -> bool:
        command = [str(self._binaries / "pg_isready"), "--quiet", f"--host={LOOPBACK}", f"--port={self.port}"]
        return subprocess.run(command, check=False).returncode == 0

    def _as_user(self, name: str, *words: str) -> list[str | Path]:
        command: list[str | Path] = [self._binaries / name, *words]
        if self._user is None:
            return command
        # A process that changes its user is untied from its parent, so it is tied anew.
        setpriv = shutil.which("setpriv")
        assert setpriv is not None
        ids = (f"--reuid={self._user.pw_uid}", f"--regid={self._user.pw_gid}")
        return [setpriv, *ids, "--clear-groups", "--pdeathsig=KILL", *command]


def _someone_else() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise AssertionError("there is neither a user postgres nor nobody to run PostgreSQL as")


@dataclass
class Installation:
    """The services of the compose file by their names."""

    compose: dict[str, Any]
    directory: Path
    temporal_binaries: Mapping[str, Path]
    postgres: Postgres
    ports: dict[str, int] = field(default_factory=lambda: {name: free_port() for name in _PORTS})
    serve_port: int = field(default_factory=free_port)
    processes: dict[str, Identity] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """Where Temporal listens."""
        return f"{LOOPBACK}:{self.ports['FRONTEND_GRPC_PORT']}"

    def run(self, service: str, *, attempts: int = 1) -> str:
        """Run a service that ends; what it printed.

        Args:
            attempts: as often as the compose file restarts it where it fails.
        """
        for attempt in range(attempts):
            done = subprocess.run(
                self._command(service),
                env=self.environment(service),
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )
            if done.returncode == 0:
                return done.stdout
            if attempt + 1 < attempts:
                time.sleep(1)
        raise AssertionError(f"{service} failed: {done.stderr[-2000:]}{done.stdout[-2000:]}")

    def start_temporal(self) -> None:
        """Start the server and wait until its health check passes."""
        self._start("temporal", "temporal")
        test = self.compose["services"]["temporal"]["healthcheck"]["test"]
        if "nc" in test:
            wait_until(
                lambda: _listens(self.ports["FRONTEND_GRPC_PORT"]), what="Temporal listens", seconds=60
            )
            return
        url = test[-1].replace(":7243/", f":{self.ports['FRONTEND_HTTP_PORT']}/")
        wait_until(lambda: _answers(url), what="Temporal answers", seconds=60)

    def start_worker(self, name: str, *, source: Path = ROOT) -> None:
        """Start one more worker and wait until the compose file's health check passes for it.

        Args:
            source: where its code is.
        """
        port = free_port()
        self._start(name, "worker", source, ARGOSY_HEALTH_LISTEN=f"{LOOPBACK}:{port}")
        self._wait_until_healthy("worker", was=8081, port=port)

    def start_serve(self) -> str:
        """Start the endpoint and wait until its health check passes; its URL."""
        self._start("serve", "serve")
        self._wait_until_healthy("serve", was=8484, port=self.serve_port)
        return f"http://{LOOPBACK}:{self.serve_port}"

    def secret(self, name: str) -> str:
        """What `deploy/secrets.sh` has made."""
        return (self.directory / "deploy" / "secrets" / name).read_text(encoding="utf-8")

    def kill(self, name: str) -> None:
        """SIGKILL a worker, or `temporal`."""
        self.processes.pop(name).kill()

    def stop(self, name: str) -> None:
        """Stop a worker, or `temporal`, as Docker does."""
        self.processes.pop(name).stop(grace=20)

    def argosy(self, *words: str, source: Path = ROOT) -> str:
        """One command of a person, with the worker's settings; what it printed."""
        done = self._command_of_a_person(words, source, {})
        assert done.returncode == 0, f"argosy {' '.join(words)}: {done.stderr}{done.stdout}"
        return done.stdout

    def attempt(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """One command of a person, with the worker's settings and others; it may fail."""
        return self._command_of_a_person(words, ROOT, environment)

    def _command_of_a_person(
        self, words: Sequence[str], source: Path, environment: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "cli", *words],
            env=self.environment("worker", PYTHONPATH=str(source), **environment),
            cwd=source,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def join(self, member: Member, region: str) -> None:
        """Join a member as a person does."""
        reference = ConnectionReference(kubeconfig=str(member.kubeconfig), context=member.name)
        words = (
            f"--kubeconfig={reference.kubeconfig}",
            f"--context={reference.context}",
            f"--region={region}",
        )
        self.argosy("cluster", "join", member.name, *words)

    def environment(self, service: str, **extra: str) -> dict[str, str]:
        """What the compose file gives to a service, where it runs here."""
        here = {
            "SQL_HOST": LOOPBACK,
            "SQL_PORT": str(self.postgres.port),
            "POSTGRES_SEEDS": LOOPBACK,
            "DB_PORT": str(self.postgres.port),
            "BIND_ON_IP": LOOPBACK,
            "PROMETHEUS_ENDPOINT": f"{LOOPBACK}:{free_port()}",
            "ARGOSY_METRICS_LISTEN": f"{LOOPBACK}:{free_port()}",
            "TEMPORAL_ADDRESS": self.address,
            "DYNAMIC_CONFIG_FILE_PATH": str(ROOT / "deploy/temporal/dynamicconfig.yaml"),
        }
        secrets = f"{self.directory}/deploy/secrets/"
        written: dict[str, str] = self.compose["services"][service].get("environment", {})
        given = {
            name: here.get(name, value.replace("/run/secrets/", secrets)) for name, value in written.items()
        }
        if service == "temporal":
            given |= {name: str(port) for name, port in self.ports.items()}
        beside = [str(path.parent) for path in self.temporal_binaries.values()]
        search = [*beside, str(Path(sys.executable).parent), "/usr/bin", "/bin"]
        base = {
            "PATH": ":".join(search),
            "HOME": str(self.directory),
            "PYTHONPATH": str(ROOT),
            "USER": "argosy",
        }
        return base | given | extra

    def close(self) -> None:
        """Stop everything."""
        for process in reversed(self.processes.values()):
            process.kill()
        self.postgres.remove()

    def _start(self, name: str, service: str, source: Path = ROOT, **extra: str) -> None:
        command = self._command(service)
        self.processes[name] = spawn(
            command,
            log=self.directory / f"{name}.log",
            directory=source,
            environment=self.environment(service, PYTHONPATH=str(source), **extra),
        )

    def _wait_until_healthy(self, service: str, *, was: int, port: int) -> None:
        check = self.compose["services"][service]["healthcheck"]["test"]
        assert check[:2] == ["CMD", "python"]
        command = [sys.executable, *(word.replace(f":{was}/", f":{port}/") for word in check[2:])]
        wait_until(
            lambda: subprocess.run(command, check=False, capture_output=True).returncode == 0,
            what=f"{service} is healthy",
            seconds=60,
        )

    def _command(self, service: str) -> list[str]:
        definition = self.compose["services"][service]
        paths = {"/run/secrets/": f"{self.directory}/deploy/secrets/"}
        for config in definition.get("configs", ()):
            paths[config["target"]] = self.compose["configs"][config["source"]]["file"]
        paths["0.0.0.0:8484"] = f"{LOOPBACK}:{self.serve_port}"
        words: list[str] = [sys.executable, "-m", "cli"] if "build" in definition else []
        for word in [*(definition.get("entrypoint") or ()), *definition["command"]]:
            if word == "/etc/temporal/entrypoint.sh":
                # In the image it finds out the container's address, then does this.
                words += ["temporal-server", "start"]
                continue
            words.append(reduce(lambda text, path: text.replace(*path), paths.items(), word))
        return words


def wait_until(holds: Callable[[], bool], *, what: str, seconds: float) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"after {seconds:.0f} s still not: {what}"
        time.sleep(0.2)


def _listens(port: int) -> bool:
    try:
        with socket.create_connection((LOOPBACK, port), timeout=2):
            return True
    except OSError:
        return False


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return bool(response.status == 200)
    except OSError:
        return False
