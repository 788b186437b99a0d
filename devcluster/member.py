"""A real member cluster as plain processes: etcd and kube-apiserver, and more where pods matter."""

from __future__ import annotations

import base64
import http.client
import json
import shutil
import signal
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any

from argosy.errors import ArgosyError
from devcluster import binaries, certificates
from devcluster.build import Progress
from devcluster.components import ETCD_SOCKET, PEER_SOCKET, Layout, arguments, fake_node
from devcluster.ports import LOOPBACK, free_port
from devcluster.process import Identity, memory, spawn
from devcluster.records import read_record, write_private, write_record

BARE = ("etcd", "kube-apiserver")
"""What serves an API, and no more: no pods run, no namespace ever finishes deleting."""
CONTROLLED = (*BARE, "kube-controller-manager")
"""A cluster whose own controllers work: namespaces finish deleting, Deployments make ReplicaSets."""
FULL = (*CONTROLLED, "kube-scheduler", "kwok")
"""A cluster whose workloads become ready: KWOK plays the kubelet of one fake node."""

START_TIMEOUT = 90.0
"""Seconds that a member may take to become ready; 3 are usual, a loaded machine is slower."""
_ATTEMPTS = 3
_POLL = 0.05


class MemberFailed(ArgosyError):
    """A local member cluster did not start."""


class Member:
    """One local cluster; its directory keeps port, certificates, data and processes between starts.

    Any number of `Member` objects may stand for the same directory, also one after the other in different
    programs, as `argosy dev up` and `argosy dev down` do.

    Args:
        name: the name of the cluster and of its kubeconfig context.
        directory: its own; made private where it does not exist.
        parts: `BARE`, `FULL`, or what of `FULL` is wanted, in that order.
    """

    def __init__(self, name: str, directory: Path, *, parts: Sequence[str] = BARE) -> None:
        self.name = name
        # The parts run inside it, so relative paths would lead astray.
        self.directory = directory.absolute()
        self.parts = tuple(parts)
        self.kubeconfig = self.directory / "kubeconfig"
        record = read_record(self._record)
        self._port: int = record.get("port", 0)
        # Until it was ready once, there is no data to keep and the port may change.
        self._established: bool = record.get("established", False)
        self._processes = {part: Identity(**known) for part, known in record.get("processes", {}).items()}

    @property
    def server(self) -> str:
        """The API server's URL; known from the first start on."""
        return f"https://{LOOPBACK}:{self._port}"

    @property
    def processes(self) -> dict[str, Identity]:
        """The processes that are running, by part."""
        return {part: process for part, process in self._processes.items() if process.alive()}

    @property
    def pids(self) -> dict[str, int]:
        """The process IDs of what is running, by part."""
        return {part: process.pid for part, process in self.processes.items()}

    def start(self, paths: Mapping[str, Path] | None = None, *, detach: bool = False) -> None:
        """Start what is not running, on the same port and data as before, and wait until it is ready.

        Args:
            paths: the binaries by part, from `binaries.ensure`, which is asked where this is left out.
            detach: let the processes outlive this one; otherwise they die with it.

        Raises:
            MissingBinary: a binary can neither be found nor built.
            MemberFailed: it did not become ready; names the log to look at.
        """
        paths = paths or binaries.ensure(self.parts, progress=lambda _: None)
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        certificates.create(self._credentials.directory, name=self.name)
        attempts = 1 if self._established else _ATTEMPTS
        for attempt in range(1, attempts + 1):
            try:
                self._start_in_order(paths, detach=detach)
            except MemberFailed:
                self.stop()
                if attempt == attempts:
                    raise
                self._discard()
            else:
                self._established = True
                self._remember()
                return

    def stop(self) -> None:
        """Stop every part, the API server before its store; does nothing where none runs."""
        running = self.processes
        for process in running.values():
            process.send(signal.SIGCONT)  # An API server cannot end in order while its store is frozen.
        for part in reversed(self.parts):
            if part in running:
                running[part].stop()
        if running:
            self._remember()

    def kill(self, *parts: str) -> None:
        """SIGKILL the named parts and wait until they are gone; none named means the API server."""
        for process in self._named(parts):
            process.kill()

    def freeze(self, *parts: str) -> None:
        """SIGSTOP the named parts (default: the API server): connections stay open and nothing answers."""
        for process in self._named(parts):
            process.send(signal.SIGSTOP)

    def thaw(self, *parts: str) -> None:
        """SIGCONT the named parts (default: the API server)."""
        for process in self._named(parts):
            process.send(signal.SIGCONT)

    def ready(self) -> bool:
        """Whether the API server says that it is ready, within 2 s."""
        try:
            return self.request("GET", "/readyz", timeout=2)[0] == http.HTTPStatus.OK
        except OSError:
            return False

    def memory(self) -> int:
        """Resident memory of all parts, in bytes."""
        return sum(memory(pid) for pid in self.pids.values())

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        timeout: float = 10,
        content: str = "application/json",
    ) -> tuple[int, bytes]:
        """One plain request as the administrator: for set-up, and to look at the truth in tests.

        Returns:
            The status code, whatever it is, and the body.

        Raises:
            OSError: there was no answer within `timeout` seconds.
        """
        headers = {"Authorization": f"Bearer {self._credentials.admin_token}", "Content-Type": content}
        connection = http.client.HTTPSConnection(LOOPBACK, self._port, timeout=timeout, context=self._tls)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            return response.status, response.read()
        except http.client.HTTPException as error:
            raise ConnectionError(f"{self.name} broke off its answer") from error
        finally:
            connection.close()

    # -- starting ---------------------------------------------------------------------------------------

    def _start_in_order(self, paths: Mapping[str, Path], *, detach: bool) -> None:
        """Start store and API server, then what needs them; some parts give up where nobody answers."""
        self._port = self._port or free_port()
        self._write_kubeconfig()
        deadline = time.monotonic() + START_TIMEOUT
        for stage, is_up in ((BARE, self._serves), (self.parts, self._has_node)):
            parts = [part for part in self.parts if part in stage]
            for part in parts:
                self._start(part, paths[part], detach=detach)
            self._wait(parts, is_up, deadline)

    def _start(self, part: str, path: Path, *, detach: bool) -> None:
        if process := self.processes.get(part):
            process.send(signal.SIGCONT)
            return
        if part == "etcd":
            for socket in (ETCD_SOCKET, PEER_SOCKET):
                (self.directory / socket).unlink(missing_ok=True)
        layout = Layout(self.name, self.directory, self.kubeconfig, self._credentials, self._port)
        command: list[str | Path] = [path, *arguments(part, layout)]
        self._processes[part] = spawn(command, directory=self.directory, log=self._log(part), detach=detach)
        # At once: should this process die now, the next one must know what it left behind.
        self._remember()

    def _wait(self, parts: Sequence[str], is_up: Callable[[], bool], deadline: float) -> None:
        while time.monotonic() < deadline:
            for part in parts:
                if part not in self.processes:
                    raise MemberFailed(f"{part} of {self.name} ended at once; see {self._log(part)}")
            if is_up():
                return
            time.sleep(_POLL)
        raise MemberFailed(
            f"{self.name} was not ready in {START_TIMEOUT:.0f} s; see {self._log('kube-apiserver')}"
        )

    def _serves(self) -> bool:
        """Whether the API server has set up what every new cluster holds."""
        return self.ready() and self._get("/api/v1/namespaces/default") is not None

    def _has_node(self) -> bool:
        """Whether KWOK, where wanted, has made its node ready; creates the node where it is missing."""
        if "kwok" not in self.parts:
            return True
        node = self._get(f"/api/v1/nodes/{self.name}-node")
        if node is None:
            self.request("POST", "/api/v1/nodes", fake_node(f"{self.name}-node"))
            return False
        conditions = node["status"].get("conditions", [])
        return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)

    def _get(self, path: str) -> dict[str, Any] | None:
        try:
            status, body = self.request("GET", path)
        except OSError:
            return None
        found: dict[str, Any] | None = json.loads(body) if status == http.HTTPStatus.OK else None
        return found

    def _write_kubeconfig(self) -> None:
        authority = base64.b64encode(self._credentials.ca.read_bytes()).decode()
        cluster = {"server": self.server, "certificate-authority-data": authority}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": self.name,
            "clusters": [{"name": self.name, "cluster": cluster}],
            "users": [{"name": self.name, "user": {"token": self._credentials.admin_token}}],
            "contexts": [{"name": self.name, "context": {"cluster": self.name, "user": self.name}}],
        }
        write_private(self.kubeconfig, json.dumps(config, indent=1).encode())

    def _discard(self) -> None:
        """Forget a start that failed, perhaps because another process took the port in between."""
        self._port = 0
        shutil.rmtree(self.directory / "etcd", ignore_errors=True)

    # -- what the directory knows -----------------------------------------------------------------------

    @property
    def _record(self) -> Path:
        return self.directory / "member.json"

    @property
    def _credentials(self) -> certificates.Credentials:
        return certificates.Credentials(self.directory / "pki")

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self._credentials.ca))

    def _log(self, part: str) -> Path:
        return self.directory / f"{part}.log"

    def _named(self, parts: tuple[str, ...]) -> list[Identity]:
        return [self._processes[part] for part in parts or ("kube-apiserver",)]

    def _remember(self) -> None:
        processes = {part: vars(process) for part, process in self.processes.items()}
        record = {"port": self._port, "established": self._established, "processes": processes}
        write_record(self._record, record)


def start_all(members: Sequence[Member], *, progress: Progress, detach: bool = False) -> None:
    """Start members side by side; where one fails, those that did not run before are stopped again.

    Raises:
        MissingBinary: their binaries can neither be found nor built.
        MemberFailed: one did not become ready.
    """
    fresh = [member for member in members if not member.processes]
    paths = binaries.ensure({part for member in members for part in member.parts}, progress=progress)
    progress(f"starting {', '.join(member.name for member in members)}")
    with ThreadPoolExecutor(max_workers=max(1, len(members))) as pool:
        futures = [pool.submit(member.start, paths, detach=detach) for member in members]
    failures = [error for future in futures if (error := future.exception()) is not None]
    if failures:
        stop_all(fresh)
        raise failures[0]


def stop_all(members: Sequence[Member]) -> None:
    """Stop members side by side."""
    with ThreadPoolExecutor(max_workers=max(1, len(members))) as pool:
        list(pool.map(Member.stop, members))
