"""Emulated clusters as those who start them see them: one process, and a kubeconfig for each."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import sys
import time
from functools import cached_property
from pathlib import Path
from typing import Any

from argosy.errors import ArgosyError
from devcluster import certificates
from devcluster.ports import LOOPBACK, free_port
from devcluster.process import Identity, memory, spawn
from devcluster.records import read_record, write_private, write_record

NOTICE = (
    "WARNING: these member clusters are EMULATED by one process. They keep objects in memory and do nothing else: "
    "no defaults, no validation beyond types, no admission, no controllers, no pods. "
    "Use real clusters to judge workloads."
)
START_TIMEOUT = 60.0
_POLL = 0.05


class EmulationFailed(ArgosyError):
    """The process of the emulated clusters did not start."""


def names(count: int) -> list[str]:
    """The names of so many emulated clusters."""
    return [f"emulated-{number:04}" for number in range(1, count + 1)]


class EmulatedClusters:
    """Any number of emulated clusters; their directory keeps port, token and process, but not their objects.

    Args:
        directory: its own; made private where it does not exist.
        count: how many; fewer than before leaves the others out at the next start.
    """

    def __init__(self, directory: Path, *, count: int) -> None:
        self.directory = directory.absolute()
        self.count = count
        record = read_record(self._record)
        self._port: int = record.get("port", 0)
        self._process = Identity(**record["process"]) if record.get("process") else None

    @property
    def names(self) -> list[str]:
        """What they are called, here and in their kubeconfigs."""
        return names(self.count)

    @property
    def log(self) -> Path:
        """What the process printed."""
        return self.directory / "emulated.log"

    @property
    def process(self) -> Identity | None:
        """The process, or None where it does not run."""
        return self._process if self._process and self._process.alive() else None

    def server(self, name: str) -> str:
        """The URL of a cluster's API server; known from the first start on."""
        return f"https://{LOOPBACK}:{self._port}/clusters/{name}"

    def kubeconfig(self, name: str) -> Path:
        """The kubeconfig of one cluster, with one context of its name."""
        return self.directory / "kubeconfigs" / f"{name}.json"

    def start(self, *, detach: bool = False) -> None:
        """Start them on the port of before, without any objects, and wait until they answer.

        Args:
            detach: let the process outlive this one; otherwise it dies with it.

        Raises:
            EmulationFailed: it did not answer; names the log to look at.
        """
        if self.process is not None:
            return
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        certificates.create(self._credentials.directory, name="emulated")
        self._port = self._port or free_port()
        self._write_kubeconfigs()
        command: list[str | Path] = [
            sys.executable,
            "-m",
            "devcluster.emulated",
            self.directory,
            str(self._port),
            str(self.count),
        ]
        self._process = spawn(command, log=self.log, detach=detach)
        write_record(self._record, {"port": self._port, "process": vars(self._process)})
        deadline = time.monotonic() + START_TIMEOUT
        while not self.ready():
            if not self._process.alive() or time.monotonic() > deadline:
                self.stop()
                raise EmulationFailed(f"the emulated clusters did not start; see {self.log}")
            time.sleep(_POLL)

    def stop(self) -> None:
        """Stop them, objects and all; does nothing where they do not run."""
        if self._process is not None:
            self._process.stop()

    def ready(self) -> bool:
        """Whether they answer, within 2 s."""
        try:
            return self.request(self.names[0], "GET", "/readyz", timeout=2)[0] == http.HTTPStatus.OK
        except OSError:
            return False

    def memory(self) -> int:
        """Resident memory in bytes."""
        return memory(self._process.pid) if self._process else 0

    def summary(self, resource: str = "") -> dict[str, Any]:
        """How many objects there are in all clusters, how many writes there were, and when the last one was.

        Raises:
            OSError: they do not answer.
        """
        status, body = self._request("GET", f"/emulation?resource={resource}")
        if status != http.HTTPStatus.OK:
            raise ConnectionError(f"the emulated clusters answer {status}")
        found: dict[str, Any] = json.loads(body)
        return found

    def request(
        self,
        name: str,
        method: str,
        path: str,
        body: Any = None,
        *,
        timeout: float = 10,
        content: str = "application/json",
    ) -> tuple[int, bytes]:
        """One plain request to a cluster: for set-up, and to look at the truth in tests.

        Raises:
            OSError: there was no answer within `timeout` seconds.
        """
        return self._request(method, f"/clusters/{name}{path}", body, timeout=timeout, content=content)

    def _request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        timeout: float = 10,
        content: str = "application/json",
    ) -> tuple[int, bytes]:
        headers = {"Authorization": f"Bearer {self._credentials.admin_token}", "Content-Type": content}
        connection = http.client.HTTPSConnection(LOOPBACK, self._port, timeout=timeout, context=self._tls)
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, path, text, headers)
            response = connection.getresponse()
            return response.status, response.read()
        except http.client.HTTPException as error:
            raise ConnectionError("the emulated clusters broke off their answer") from error
        finally:
            connection.close()

    @property
    def _record(self) -> Path:
        return self.directory / "emulated.json"

    @property
    def _credentials(self) -> certificates.Credentials:
        return certificates.Credentials(self.directory / "pki")

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self._credentials.ca))

    def _write_kubeconfigs(self) -> None:
        authority = base64.b64encode(self._credentials.ca.read_bytes()).decode()
        (self.directory / "kubeconfigs").mkdir(exist_ok=True, mode=0o700)
        for name in self.names:
            cluster = {"server": self.server(name), "certificate-authority-data": authority}
            config = {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": name,
                "clusters": [{"name": name, "cluster": cluster}],
                "users": [{"name": name, "user": {"token": self._credentials.admin_token}}],
                "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            }
            write_private(self.kubeconfig(name), json.dumps(config, indent=1).encode())
