"""The local environment of `argosy dev`: Temporal with its UI, member clusters, and a worker."""

from __future__ import annotations

import base64
import json
import secrets
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from argosy.errors import ArgosyError
from devcluster.member import Member, start_all, stop_all
from devcluster.places import inherited, state_home
from devcluster.process import Identity, spawn
from devcluster.temporal import NAMESPACE, TemporalServer

DEFAULT_PORT = 7233
DEFAULT_UI_PORT = 8233
WORKER_START = 30.0


class WorkerFailed(ArgosyError):
    """The local worker did not start."""


@dataclass(frozen=True)
class MemberSpec:
    """A member cluster of the local environment."""

    name: str
    region: str
    zone: str
    provider: str = "local"


MEMBERS = (
    MemberSpec("member1", region="eu", zone="eu-1"),
    MemberSpec("member2", region="eu", zone="eu-2"),
    MemberSpec("member3", region="us", zone="us-1"),
)


@dataclass(frozen=True)
class PartStatus:
    """One process of the environment, for `argosy dev status`."""

    name: str
    running: bool
    address: str
    memory: int = 0


class Environment:
    """All of it, in one directory that only its owner can read."""

    def __init__(self, directory: Path | None = None, *, members: tuple[MemberSpec, ...] = MEMBERS) -> None:
        self.directory = directory or state_home() / "dev"
        self.specs = members

    @property
    def members(self) -> list[Member]:
        """The members, running or not."""
        self._prepare()
        return [Member(spec.name, self.directory / spec.name) for spec in self.specs]

    @property
    def temporal(self) -> TemporalServer:
        """The Temporal server, running or not."""
        self._prepare()
        return TemporalServer(self.directory / "temporal", port=DEFAULT_PORT, ui_port=DEFAULT_UI_PORT)

    @property
    def key_ring(self) -> Path:
        """The payload key ring; payloads are encrypted if and only if it exists."""
        return self.directory / "keys.json"

    @property
    def encrypted(self) -> bool:
        """Whether the environment's payloads are encrypted."""
        return self.key_ring.exists()

    def variables(self) -> dict[str, str]:
        """What a command needs in its environment to use this one."""
        found = {"TEMPORAL_ADDRESS": self.temporal.address, "TEMPORAL_NAMESPACE": NAMESPACE}
        if self.encrypted:
            found["ARGOSY_ENCRYPTION_KEYS"] = str(self.key_ring)
        return found

    def exists(self) -> bool:
        """Whether an environment was brought up here and not taken down."""
        return (self.directory / "temporal" / "temporal.json").exists()

    def up(self, *, progress: Callable[[str], None], encrypt: bool = False) -> None:
        """Start members and Temporal; what runs already is left alone, what fails is taken down again.

        Raises:
            ArgosyError: a part did not start; says which and where its log is.
        """
        self._prepare()
        if encrypt and not self.encrypted:
            write_key_ring(self.key_ring)
        try:
            start_all(self.members, progress=progress, detach=True)
            progress("starting Temporal")
            self.temporal.start(detach=True)
        except ArgosyError:
            self.down()
            raise

    def start_worker(self, *, ready: Callable[[], bool]) -> None:
        """Start the worker, if it does not run, and wait until `ready` says that it polls.

        Raises:
            WorkerFailed: it ended or did not get ready; names the log to look at.
        """
        if self._worker() is None:
            identity = spawn(
                [sys.executable, "-m", "worker"],
                log=self.directory / "worker.log",
                environment=inherited(**self.variables()),
                detach=True,
            )
            (self.directory / "worker.json").write_text(json.dumps(identity.__dict__), encoding="utf-8")
        deadline = time.monotonic() + WORKER_START
        while not ready():
            if self._worker() is None or time.monotonic() > deadline:
                raise WorkerFailed(f"the worker did not start; see {self.directory / 'worker.log'}")
            time.sleep(0.1)

    def down(self, *, keep_data: bool = False) -> None:
        """Stop everything; the data goes too unless it is to be kept."""
        worker = self._worker()
        if worker is not None:
            worker.stop(grace=15)
        if self.directory.exists():
            self.temporal.stop()
            stop_all(self.members)
            if not keep_data:
                shutil.rmtree(self.directory)

    def status(self) -> list[PartStatus]:
        """Every process with its address and memory."""
        if not self.exists():
            return []
        temporal, worker = self.temporal, self._worker()
        parts = [PartStatus("temporal", temporal.pid is not None, temporal.address, temporal.memory())]
        parts.append(PartStatus("ui", temporal.pid is not None, temporal.ui_url))
        parts.append(PartStatus("worker", worker is not None, str(self.directory / "worker.log")))
        parts += [
            PartStatus(member.name, member.ready(), member.server, member.memory()) for member in self.members
        ]
        return parts

    def _worker(self) -> Identity | None:
        path = self.directory / "worker.json"
        if not path.exists():
            return None
        identity = Identity(**json.loads(path.read_text(encoding="utf-8")))
        return identity if identity.alive() else None

    def _prepare(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)


def write_key_ring(path: Path) -> None:
    """Create a key ring file with one fresh key, readable by its owner only."""
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    path.touch(mode=0o600)
    path.write_text(json.dumps({"active": "local", "keys": {"local": key}}), encoding="utf-8")
