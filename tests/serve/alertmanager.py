"""A real Alertmanager and a real `argosy serve`, as processes of a test."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import re
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from devcluster.ports import LOOPBACK, free_port
from devcluster.process import Identity, spawn

TOKEN = "token-that-alerts-come-with"
RULES = """
apiVersion: argosy.dev/v1alpha1
kind: AlertRules
rules:
  - name: api-down
    match: {alertname: KubeAPIDown}
    clusterLabel: cluster
    action: failover
    now: true
    onResolved: recover
"""
CONFIGURATION = """
route:
  receiver: argosy
  group_by: [alertname, cluster]
  group_wait: 0s
  group_interval: 1s
  repeat_interval: 1s
receivers:
  - name: argosy
    webhook_configs:
      - url: {url}
        send_resolved: true
        http_config:
          authorization: {{credentials_file: {token}}}
"""


class Serve:
    """`argosy serve` with rules and a token of the test's own; `start` may be called again after its end."""

    def __init__(self, directory: Path, *, temporal: str, **environment: str) -> None:
        self.token = directory / "token"
        self.token.write_text(f"{TOKEN}\n")
        (directory / "rules.yaml").write_text(RULES)
        self._directory = directory
        self._environment = {"TEMPORAL_ADDRESS": temporal, "TEMPORAL_CONFIG_FILE": os.devnull, **environment}
        self._port = free_port()
        self.url = f"http://{LOOPBACK}:{self._port}"
        self.log = directory / "serve.log"
        self.process: Identity | None = None

    async def start(self) -> None:
        inherited = {
            name: value
            for name, value in os.environ.items()  # noqa: TID251 - handed on to the child
            if not name.startswith(("TEMPORAL_", "ARGOSY_"))
        }
        self.process = spawn(
            [
                *(sys.executable, "-m", "cli", "serve", "--listen", f"{LOOPBACK}:{self._port}"),
                *("--rules", self._directory / "rules.yaml", "--alert-token", self.token),
            ],
            log=self.log,
            environment=inherited | self._environment,
        )
        await until(
            lambda: self.process is not None and self.process.alive() and answers(f"{self.url}/readyz")
        )

    def logged(self, result: str) -> int:
        """How many alerts had this result."""
        return len(re.findall(f'result="{result}"', self.log.read_text()))

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()


class Alertmanager:
    """One that tells `serve` of every change, and of everything again each second."""

    def __init__(self, binary: Path, directory: Path, serve: Serve) -> None:
        directory.mkdir()
        port = free_port()
        self.url = f"http://{LOOPBACK}:{port}"
        (directory / "alertmanager.yml").write_text(
            CONFIGURATION.format(url=f"{serve.url}/alerts", token=serve.token)
        )
        self.log = directory / "alertmanager.log"
        self.process = spawn(
            [
                binary,
                f"--config.file={directory / 'alertmanager.yml'}",
                f"--storage.path={directory / 'data'}",
                f"--web.listen-address={LOOPBACK}:{port}",
                "--cluster.listen-address=",
            ],
            log=self.log,
        )

    async def ready(self) -> None:
        await until(lambda: self.process.alive() and answers(f"{self.url}/-/ready"))

    def alert(self, cluster: str, *, started: datetime, over: bool = False) -> None:
        """Say what Prometheus would say."""
        told: dict[str, Any] = {
            "labels": {"alertname": "KubeAPIDown", "severity": "critical", "cluster": cluster},
            "annotations": {"summary": f"the API server of {cluster} does not answer"},
            "startsAt": started.isoformat(),
        }
        if over:
            told["endsAt"] = datetime.now(UTC).isoformat()
        request = urllib.request.Request(
            f"{self.url}/api/v2/alerts",
            data=json.dumps([told]).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=5) as response:
            assert response.status == 200


@contextlib.contextmanager
def running(
    binary: Path, directory: Path, *, temporal: str, **environment: str
) -> Iterator[tuple[Serve, Alertmanager]]:
    """Both; the test starts `serve`, and everything is stopped in the end."""
    serve = Serve(directory, temporal=temporal, **environment)
    alertmanager = Alertmanager(binary, directory / "alertmanager", serve)
    try:
        yield serve, alertmanager
    finally:
        alertmanager.process.stop()
        if serve.process is not None:
            serve.process.send(signal.SIGTERM)
            assert serve.process.wait(15), "serve does not end"


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, http.client.HTTPException, OSError):
        return False


async def until(holds: Callable[[], bool], *, seconds: float = 40) -> None:
    async with asyncio.timeout(seconds):
        while not await asyncio.to_thread(holds):
            await asyncio.sleep(0.1)
