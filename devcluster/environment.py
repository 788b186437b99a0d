"""The local environment of `argosy dev`: member clusters, Temporal with its UI, and a worker."""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from argosy.errors import ArgosyError, InvalidInput, NotFound
from devcluster.build import Progress
from devcluster.emulated.fleet import EmulatedClusters
from devcluster.member import BARE, Member, start_all, stop_all
from devcluster.places import inherited, state_home
from devcluster.ports import DEFAULT_PORT, DEFAULT_UI_PORT, LOOPBACK, free_port, is_free
from devcluster.process import Identity, memory, spawn
from devcluster.records import alone, read_record, write_private, write_record
from devcluster.temporal import NAMESPACE, TemporalServer

WORKER_START = 60.0
"""Seconds that the worker may take until it polls."""
_WORKER_GRACE = 15.0
_POLL = 0.1


class WorkerFailed(ArgosyError):
    """The local worker did not start."""


class CodecFailed(ArgosyError):
    """The local codec server did not start."""


@dataclass(frozen=True)
class MemberSpec:
    """A member cluster of the local environment, and where it pretends to be."""

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
    """One part of the environment: `address` is a URL, host:port or log file, `memory` is in bytes."""

    name: str
    running: bool
    address: str
    memory: int = 0


class Environment:
    """All of it, in one directory that only its owner can read; making this object starts nothing.

    Args:
        directory: where it lives; default: `argosy/dev` in the user's state directory.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self.directory = (directory or state_home() / "dev").absolute()

    def exists(self) -> bool:
        """Whether an environment was brought up here and not taken down."""
        return self._record.exists()

    @property
    def specs(self) -> list[MemberSpec]:
        """The members by name, with region, zone and provider."""
        return [MemberSpec(**spec) for spec in read_record(self._record).get("members", [])]

    @property
    def members(self) -> list[Member]:
        """The member clusters, running or not."""
        record = read_record(self._record)
        parts = record.get("parts", BARE)
        return [Member(spec.name, self.directory / "members" / spec.name, parts=parts) for spec in self.specs]

    @property
    def emulated(self) -> EmulatedClusters | None:
        """The emulated member clusters, running or not; None where there are none."""
        count = read_record(self._record).get("emulated", 0)
        return EmulatedClusters(self.directory / "emulated", count=count) if count else None

    @property
    def temporal(self) -> TemporalServer:
        """The Temporal server, running or not."""
        ports = read_record(self._record).get("ports", {})
        return TemporalServer(
            self.directory / "temporal",
            port=ports.get("grpc", DEFAULT_PORT),
            ui_port=ports.get("ui", DEFAULT_UI_PORT),
            codec=self.codec_url,
        )

    @property
    def key_ring(self) -> Path:
        """The key ring file of payload encryption."""
        return self.directory / "keys.json"

    @property
    def encrypted(self) -> bool:
        """Whether payloads are encrypted: if and only if there is a key ring."""
        return self.key_ring.exists()

    @property
    def worker_log(self) -> Path:
        """What the worker printed."""
        return self.directory / "worker.log"

    @property
    def codec_url(self) -> str:
        """The address of the codec server; empty where payloads are not encrypted."""
        port = read_record(self._record).get("codec_port")
        return f"http://{LOOPBACK}:{port}" if port and self.encrypted else ""

    @property
    def codec_log(self) -> Path:
        """What the codec server printed."""
        return self.directory / "codec.log"

    def variables(self) -> dict[str, str]:
        """The environment variables with which a command or a worker uses this environment.

        Raises:
            NotFound: there is none.
        """
        if not self.exists():
            raise NotFound("no local environment is up; start one with `argosy dev up`")
        found = {"TEMPORAL_ADDRESS": self.temporal.address, "TEMPORAL_NAMESPACE": NAMESPACE}
        if self.encrypted:
            found["ARGOSY_ENCRYPTION_KEYS"] = str(self.key_ring)
        return found

    def up(
        self,
        *,
        members: Sequence[MemberSpec] = (),
        emulated: int = 0,
        parts: Sequence[str] = BARE,
        port: int = DEFAULT_PORT,
        ui_port: int = DEFAULT_UI_PORT,
        encrypt: bool = True,
        progress: Progress,
    ) -> None:
        """Start members and Temporal so that they outlive this process; what runs already is left alone.

        Where something fails, what this call started is stopped again; data and logs stay until `down`.

        Args:
            members: those to have (default: `MEMBERS`); in an environment that exists, those to add.
            emulated: how many emulated clusters to have, instead of those by default; fixed at the first `up`.
            parts: what each member consists of, `BARE` or `FULL`; fixed at the first `up`.
            port: Temporal's gRPC port, fixed by its first start; 0 finds one that is free.
            ui_port: the same for its UI.
            encrypt: make a key ring at the first `up`, so that payloads are encrypted.
            progress: told what is being done.

        Raises:
            ArgosyError: a member's name is not usable, a port is taken or a part did not start; says which.
        """
        with self._alone(progress):
            ports = {"grpc": port, "ui": ui_port}
            self._define(members, emulated=emulated, parts=parts, ports=ports, encrypt=encrypt)
            clusters, temporal = self.members, self.temporal
            fresh = [member for member in clusters if not member.processes]
            try:
                if clusters:
                    start_all(clusters, progress=progress, detach=True)
                if self.emulated is not None:
                    progress(f"starting {self.emulated.count} emulated clusters")
                    self.emulated.start(detach=True)
                progress("starting Temporal")
                temporal.start(detach=True)
            except BaseException:
                stop_all(fresh)
                if self.emulated is not None:
                    self.emulated.stop()
                raise

    def start_worker(
        self, command: Sequence[str | Path] = (sys.executable, "-m", "worker"), *, ready: Callable[[], bool]
    ) -> None:
        """Start the worker so that it outlives this process, unless it runs, and wait for it.

        Args:
            command: an absolute path and arguments; run with `variables()` and no other Temporal settings.
            ready: asked until it says that the worker polls.

        Raises:
            NotFound: no environment is up.
            WorkerFailed: it ended or did not get ready; names the log to look at.
        """
        if self._recorded("worker") is None:
            self._spawn("worker", command, log=self.worker_log)
        deadline = time.monotonic() + WORKER_START
        while not ready():
            if self._recorded("worker") is None or time.monotonic() > deadline:
                self.stop_worker()
                raise WorkerFailed(f"the worker did not start; see {self.worker_log}")
            time.sleep(_POLL)

    def stop_worker(self) -> None:
        """Stop the worker, if it runs, and wait until it is gone."""
        self._stop("worker")

    def start_codec_server(self) -> None:
        """Start what lets the pages of the UI decode payloads, unless it runs, so that it outlives this process.

        It needs no token, and so answers pages of the UI only, on this machine only.

        Raises:
            CodecFailed: it ended or does not answer; names the log to look at.
        """
        port = self.temporal.ui_url.rpartition(":")[2]
        address = self.codec_url.removeprefix("http://")
        if self._recorded("codec") is None:
            command = [sys.executable, "-m", "cli", "serve", "--listen", address, "--insecure"]
            for host in (LOOPBACK, "localhost"):
                command += ["--ui-origin", f"http://{host}:{port}"]
            self._spawn("codec", command, log=self.codec_log)
        deadline = time.monotonic() + WORKER_START
        while is_free(int(address.rpartition(":")[2])):
            if self._recorded("codec") is None or time.monotonic() > deadline:
                self._stop("codec")
                raise CodecFailed(f"the codec server did not start; see {self.codec_log}")
            time.sleep(_POLL)

    def down(self, *, keep_data: bool = False, progress: Progress = lambda _: None) -> None:
        """Stop everything; its data goes too, unless it is to be kept for another `up`."""
        with self._alone(progress):
            if not self.exists():
                return
            # The worker first: it would only report that the others have gone.
            self.stop_worker()
            self._stop("codec")
            self.temporal.stop()
            stop_all(self.members)
            if self.emulated is not None:
                self.emulated.stop()
            if not keep_data:
                shutil.rmtree(self.directory)

    def status(self) -> list[PartStatus]:
        """Every part with its address and memory; empty where no environment exists."""
        if not self.exists():
            return []
        temporal, worker = self.temporal, self._recorded("worker")
        return [
            PartStatus("temporal", temporal.ready(), temporal.address, temporal.memory()),
            PartStatus("ui", temporal.ready(), temporal.ui_url),
            PartStatus(
                "worker", worker is not None, str(self.worker_log), memory(worker.pid) if worker else 0
            ),
            *self._codec_status(),
            *(PartStatus(each.name, each.ready(), each.server, each.memory()) for each in self.members),
            *self._emulated_status(),
        ]

    def _define(
        self,
        members: Sequence[MemberSpec],
        *,
        emulated: int,
        parts: Sequence[str],
        ports: Mapping[str, int],
        encrypt: bool,
    ) -> None:
        """Write down what there is to be, before anything starts: `down` must find it whatever happens."""
        for spec in members:
            if not re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", spec.name):
                raise InvalidInput(
                    f"{spec.name!r} cannot name a member; use lower-case letters, digits and dashes"
                )
        record = read_record(self._record)
        if emulated and record and record.get("emulated", 0) != emulated:
            raise InvalidInput(
                f"the local environment has {record.get('emulated', 0)} emulated clusters, and that number is fixed; "
                "stop it with `argosy dev down` first"
            )
        count = record.get("emulated", emulated)
        known = {spec.name: spec for spec in self.specs or members or (() if count else MEMBERS)}
        known |= {spec.name: spec for spec in members}
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not self.exists() and encrypt:
            write_key_ring(self.key_ring)
        record = {"parts": list(parts), "emulated": count} | record
        # Nobody has to know it by heart: the UI is told.
        record.setdefault("codec_port", free_port())
        # Other ports may be tried until Temporal has started once; from then on it keeps its own record.
        record |= {"ports": dict(ports), "members": [asdict(spec) for spec in known.values()]}
        write_record(self._record, record)

    @property
    def _record(self) -> Path:
        return self.directory / "environment.json"

    def _codec_status(self) -> list[PartStatus]:
        if not self.codec_url:
            return []
        codec = self._recorded("codec")
        return [PartStatus("codec", codec is not None, self.codec_url, memory(codec.pid) if codec else 0)]

    def _emulated_status(self) -> list[PartStatus]:
        found = self.emulated
        if found is None:
            return []
        name, address = f"emulated ({found.count})", found.server(found.names[0])
        return [PartStatus(name, found.ready(), address, found.memory())]

    def _spawn(self, part: str, command: Sequence[str | Path], *, log: Path) -> None:
        process = spawn(
            command,
            log=log,
            directory=self.directory,
            environment=_environment_of_children(self.variables()),
            detach=True,
        )
        write_record(self.directory / f"{part}.json", vars(process))

    def _stop(self, part: str) -> None:
        process = self._recorded(part)
        if process is not None:
            process.stop(grace=_WORKER_GRACE)

    def _recorded(self, part: str) -> Identity | None:
        record = read_record(self.directory / f"{part}.json")
        process = Identity(**record) if record else None
        return process if process and process.alive() else None

    @contextmanager
    def _alone(self, progress: Progress) -> Iterator[None]:
        # Beside the directory, which `down` removes.
        self.directory.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = self.directory.with_name(f".{self.directory.name}.lock")
        with alone(lock, waiting=lambda: progress("waiting for another `argosy dev`")):
            yield


def write_key_ring(path: Path) -> None:
    """Create a key ring file with one fresh AES-256 key, readable by its owner only."""
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    write_private(path, json.dumps({"active": "local", "keys": {"local": key}}).encode())


def _environment_of_children(variables: Mapping[str, str]) -> dict[str, str]:
    """This process's environment without Temporal settings and profiles, which are for other servers."""
    kept = {name: value for name, value in inherited().items() if not name.startswith("TEMPORAL_")}
    return kept | {"TEMPORAL_CONFIG_FILE": os.devnull} | dict(variables)
