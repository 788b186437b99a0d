"""A real member cluster as plain processes: etcd and kube-apiserver, and more where pods matter."""

from __future__ import annotations

import json
import signal
import socket
import ssl
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from argosy.errors import ArgosyError
from devcluster import binaries, certificates
from devcluster.process import Identity, memory, spawn

BARE = ("etcd", "kube-apiserver")
FULL = (*BARE, "kube-controller-manager", "kube-scheduler", "kwok")
START_TIMEOUT = 60.0
_ATTEMPTS = 3


class MemberFailed(ArgosyError):
    """A local member cluster did not start."""


class Member:
    """One local cluster; it keeps ports, certificates and data across restarts in the same directory."""

    def __init__(self, name: str, directory: Path, *, parts: tuple[str, ...] = BARE) -> None:
        self.name = name
        self.directory = directory
        self.parts = parts
        self.kubeconfig = directory / "kubeconfig"
        self._credentials = certificates.create(directory / "pki")
        self._ports: dict[str, int] = self._remembered().get("ports", {})
        self._processes: dict[str, Identity] = {
            part: Identity(**identity) for part, identity in self._remembered().get("processes", {}).items()
        }

    @property
    def server(self) -> str:
        """The API server's URL."""
        return f"https://127.0.0.1:{self._ports.get('kube-apiserver', 0)}"

    @property
    def processes(self) -> dict[str, Identity]:
        """The processes that are running, by part."""
        return {part: identity for part, identity in self._processes.items() if identity.alive()}

    def start(self, paths: dict[str, Path], *, detach: bool = False) -> None:
        """Start what is not running and wait until it is ready.

        Raises:
            MemberFailed: it did not become ready; names the log to look at.
        """
        for attempt in range(_ATTEMPTS):
            if not self._ports:
                self._ports = dict(zip(("etcd", "peer", "kube-apiserver"), _free_ports(3), strict=True))
            for part in self.parts:
                if part not in self.processes:
                    self._start(part, paths[part], detach=detach)
                if part == "kube-apiserver":
                    self._write_kubeconfig()
            self._remember()
            if self._wait_ready():
                if "kwok" in self.parts:
                    self._ensure_node()
                return
            self.stop()
            if attempt == 0 and not (self.directory / "etcd").exists():
                # Another process may have taken a port between choosing and using it.
                self._ports = {}
        raise MemberFailed(f"{self.name} did not become ready; see {self.directory / 'kube-apiserver.log'}")

    def stop(self) -> None:
        """Stop every part, the API server before its store."""
        for part in reversed(self.parts):
            if part in self.processes:
                self._processes[part].stop()
        self._remember()

    def kill(self, *parts: str) -> None:
        """SIGKILL the named parts; none named means the API server."""
        self._send(signal.SIGKILL, parts)
        for part in parts or ("kube-apiserver",):
            self._processes[part].wait(10)

    def freeze(self, *parts: str) -> None:
        """SIGSTOP the named parts: connections open and nothing answers."""
        self._send(signal.SIGSTOP, parts)

    def thaw(self, *parts: str) -> None:
        """SIGCONT the named parts."""
        self._send(signal.SIGCONT, parts)

    def ready(self) -> bool:
        """Whether the API server says that it is ready."""
        try:
            return self.request("GET", "/readyz", timeout=2)[0] == 200
        except OSError:
            return False

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        timeout: float = 10,
        content: str = "application/json",
    ) -> tuple[int, bytes]:
        """One plain request as the administrator, for set-up and for looking at the truth in tests.

        Raises:
            OSError: there was no answer.
        """
        context = ssl.create_default_context(cafile=str(self._credentials.ca))
        request = urllib.request.Request(  # noqa: S310 - the URL is this member's own
            self.server + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self._credentials.admin_token}", "Content-Type": content},
        )
        try:
            with urllib.request.urlopen(request, timeout=timeout, context=context) as response:  # noqa: S310 - as above
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def memory(self) -> int:
        """Resident memory of all parts, in bytes."""
        return sum(memory(identity.pid) for identity in self.processes.values())

    # -- starting ---------------------------------------------------------------------------------

    def _start(self, part: str, path: Path, *, detach: bool) -> None:
        self._processes[part] = spawn(
            [path, *self._arguments(part)], log=self.directory / f"{part}.log", detach=detach
        )

    def _arguments(self, part: str) -> list[str]:
        match part:
            case "etcd":
                return self._etcd_arguments()
            case "kube-apiserver":
                return self._apiserver_arguments()
            case "kwok":
                return [
                    f"--kubeconfig={self.kubeconfig}",
                    "--manage-all-nodes=true",
                    "--node-lease-duration-seconds=40",
                ]
            case "kube-controller-manager":
                extra = [
                    f"--service-account-private-key-file={self._credentials.service_account_key}",
                    f"--root-ca-file={self._credentials.ca}",
                    "--use-service-account-credentials=false",
                ]
                return [*self._controller_arguments(), *extra]
            case _:
                return self._controller_arguments()

    def _controller_arguments(self) -> list[str]:
        return [
            f"--kubeconfig={self.kubeconfig}",
            f"--authentication-kubeconfig={self.kubeconfig}",
            f"--authorization-kubeconfig={self.kubeconfig}",
            "--leader-elect=false",
            "--bind-address=127.0.0.1",
            "--secure-port=0",
        ]

    def _etcd_arguments(self) -> list[str]:
        client, peer = (f"http://127.0.0.1:{self._ports[name]}" for name in ("etcd", "peer"))
        return [
            f"--name={self.name}",
            f"--data-dir={self.directory / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster={self.name}={peer}",
            "--unsafe-no-fsync",
            "--log-level=warn",
        ]

    def _apiserver_arguments(self) -> list[str]:
        files = self._credentials
        return [
            f"--etcd-servers=http://127.0.0.1:{self._ports['etcd']}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--secure-port={self._ports['kube-apiserver']}",
            f"--tls-cert-file={files.serving_certificate}",
            f"--tls-private-key-file={files.serving_key}",
            f"--client-ca-file={files.ca}",
            f"--token-auth-file={files.tokens}",
            f"--service-account-key-file={files.service_account_key}",
            f"--service-account-signing-key-file={files.service_account_key}",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-cluster-ip-range=10.0.0.0/16",
            "--authorization-mode=RBAC",
            "--disable-admission-plugins=ServiceAccount",
            "--endpoint-reconciler-type=none",
            "--enable-priority-and-fairness=false",
            "--goaway-chance=0",
            "--max-requests-inflight=0",
            "--max-mutating-requests-inflight=0",
            "--event-ttl=1h",
            "--v=0",
        ]

    def _wait_ready(self) -> bool:
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            if not all(part in self.processes for part in self.parts):
                return False
            if self.ready() and self.request("GET", "/api/v1/namespaces/kube-system")[0] == 200:
                return True
            time.sleep(0.1)
        return False

    def _ensure_node(self) -> None:
        node = {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": f"{self.name}-node", "annotations": {"kwok.x-k8s.io/node": "fake"}},
            "status": {
                "capacity": {"cpu": "32", "memory": "64Gi", "pods": "110"},
                "allocatable": {"cpu": "32", "memory": "64Gi", "pods": "110"},
            },
        }
        self.request("POST", "/api/v1/nodes", node)

    def _write_kubeconfig(self) -> None:
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": self.name,
            "clusters": [
                {
                    "name": self.name,
                    "cluster": {"server": self.server, "certificate-authority": str(self._credentials.ca)},
                }
            ],
            "users": [{"name": self.name, "user": {"token": self._credentials.admin_token}}],
            "contexts": [{"name": self.name, "context": {"cluster": self.name, "user": self.name}}],
        }
        self.kubeconfig.touch(mode=0o600)
        self.kubeconfig.write_text(json.dumps(config, indent=1), encoding="utf-8")

    # -- memory of a directory ------------------------------------------------------------------------

    def _remembered(self) -> dict[str, Any]:
        path = self.directory / "member.json"
        if not path.exists():
            return {}
        remembered: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return remembered

    def _remember(self) -> None:
        content = {
            "ports": self._ports,
            "processes": {part: identity.__dict__ for part, identity in self.processes.items()},
        }
        (self.directory / "member.json").write_text(json.dumps(content), encoding="utf-8")

    def _send(self, number: signal.Signals, parts: tuple[str, ...]) -> None:
        for part in parts or ("kube-apiserver",):
            self._processes[part].send(number)


def start_all(members: list[Member], *, progress: binaries.Progress, detach: bool = False) -> None:
    """Start members side by side; those that did start are stopped again where one fails.

    Raises:
        MissingBinary: their binaries can neither be found nor built.
        MemberFailed: one did not become ready.
    """
    needed = sorted({part for member in members for part in member.parts})
    paths = binaries.ensure(needed, progress=progress)
    progress(f"starting {', '.join(member.name for member in members)}")
    with ThreadPoolExecutor(max_workers=len(members) or 1) as pool:
        futures = [pool.submit(member.start, paths, detach=detach) for member in members]
        failures = [error for future in futures if (error := future.exception()) is not None]
    if failures:
        stop_all(members)
        raise failures[0]


def stop_all(members: list[Member]) -> None:
    """Stop members side by side."""
    with ThreadPoolExecutor(max_workers=len(members) or 1) as pool:
        list(pool.map(Member.stop, members))


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [listener.getsockname()[1] for listener in sockets]
    finally:
        for listener in sockets:
            listener.close()
