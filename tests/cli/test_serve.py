"""`argosy serve` as a person starts it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import ssl
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from devcluster.certificates import create
from devcluster.environment import write_key_ring
from devcluster.ports import LOOPBACK, free_port
from devcluster.process import Identity, spawn
from devcluster.temporal import TemporalServer
from tests.cli.runs import ROOT, argosy
from tests.serve.alertmanager import answers, until

RULES = "examples/alerting/rules.yaml"


@pytest.fixture
def token(tmp_path: Path) -> str:
    (tmp_path / "token").write_text("a-token-of-the-tests\n")
    return str(tmp_path / "token")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "there is nothing to serve"),
        (["--rules", RULES], "give --alert-token or --alert-hmac"),
        (["--rules", RULES, "--insecure", "--listen", "0.0.0.0:8484"], "--insecure is for loopback only"),
        (
            ["--rules", "no-such.yaml", "--insecure"],
            "no-such.yaml cannot be read (No such file or directory)",
        ),
        (["--rules", "README.md", "--insecure"], "README.md"),
        (["--rules", RULES, "--alert-token", "no-such"], "--alert-token: no-such cannot be read"),
        (["--rules", RULES, "--alert-hmac", "LICENSE", "--listen", "8484"], "is not host:port"),
        (["--codec-token", "LICENSE", "--ui-origin", "*"], "--ui-origin '*' is not an origin"),
        (
            ["--codec-token", "LICENSE", "--tls-cert", "LICENSE", "--tls-key", "LICENSE"],
            "--tls-cert LICENSE and --tls-key LICENSE cannot be used",
        ),
    ],
)
def test_what_cannot_be_served_is_said_before_anything_is_tried(words: list[str], message: str) -> None:
    # No Temporal answers there; it is not even asked.
    run = argosy("serve", *words, TEMPORAL_ADDRESS="127.0.0.1:1")
    assert (run.code, run.out) == (2, "")
    assert message in run.error


def test_without_temporal_it_does_not_start(token: str) -> None:
    run = argosy("serve", "--codec-token", token, TEMPORAL_ADDRESS="127.0.0.1:1")
    assert run.code == 1
    assert "Temporal does not answer" in run.error


def test_an_address_that_is_taken_is_named(token: str, temporal_server: TemporalServer) -> None:
    address = temporal_server.address
    run = argosy("serve", "--codec-token", token, "--listen", address, TEMPORAL_ADDRESS=address)
    assert run.code == 2
    assert f"--listen {address}: " in run.error
    assert "choose another address" in run.error


class Served:
    """A running `argosy serve`."""

    def __init__(self, directory: Path, temporal: str, *words: str, **environment: str) -> None:
        self.port = free_port()
        self.log = directory / "serve.log"
        inherited = {
            name: value
            for name, value in os.environ.items()  # noqa: TID251 - handed on to the child
            if not name.startswith(("ARGOSY_", "TEMPORAL_"))
        }
        own = {"TEMPORAL_ADDRESS": temporal, "TEMPORAL_CONFIG_FILE": os.devnull}
        self.process: Identity = spawn(
            [sys.executable, "-m", "cli", "serve", "--listen", f"{LOOPBACK}:{self.port}", *words],
            log=self.log,
            directory=ROOT,
            environment=inherited | own | environment,
        )


@pytest.fixture
def processes() -> Iterator[list[Served]]:
    started: list[Served] = []
    yield started
    for served in started:
        served.process.kill()


@pytest.fixture
def frozen(tmp_path: Path) -> Iterator[TemporalServer]:
    """A Temporal of the test's own, to be stopped and to go on."""
    server = TemporalServer(tmp_path / "temporal", ui=False)
    server.start()
    yield server
    server.stop()


async def test_a_request_under_way_is_finished_when_it_is_told_to_stop(
    frozen: TemporalServer, tmp_path: Path, processes: list[Served], token: str
) -> None:
    served = Served(tmp_path, frozen.address, "--rules", RULES, "--alert-token", token, "--dry-run")
    processes.append(served)
    await until(lambda: answers(f"http://{LOOPBACK}:{served.port}/readyz"))
    request = urllib.request.Request(
        f"http://{LOOPBACK}:{served.port}/alerts",
        data=(ROOT / "examples/alerting/notification.json").read_bytes(),
        headers={"Authorization": "Bearer a-token-of-the-tests", "Content-Type": "application/json"},
    )
    assert frozen.pid is not None
    os.kill(frozen.pid, signal.SIGSTOP)
    sent = asyncio.create_task(asyncio.to_thread(urllib.request.urlopen, request, timeout=20))
    await asyncio.sleep(0.5)
    served.process.send(signal.SIGTERM)
    await until(lambda: "finishing what is under way" in served.log.read_text())
    os.kill(frozen.pid, signal.SIGCONT)
    with await sent as response:
        results = [entry["result"] for entry in json.load(response)]
    assert results == ["no such cluster", "no such cluster", "no rule"]
    assert await asyncio.to_thread(served.process.wait, 15)
    log = served.log.read_text()
    assert "dry run, nothing is done" in log
    assert "a-token-of-the-tests" not in log
    assert "Traceback" not in log


async def test_it_speaks_tls_and_says_what_it_decodes_with(
    temporal_server: TemporalServer, tmp_path: Path, processes: list[Served], token: str
) -> None:
    write_key_ring(tmp_path / "keys.json")
    made = create(tmp_path / "certificates", name="serve")
    served = Served(
        tmp_path,
        temporal_server.address,
        *("--codec-token", token, "--tls-cert", str(made.serving_certificate)),
        *("--tls-key", str(made.serving_key)),
        ARGOSY_ENCRYPTION_KEYS=str(tmp_path / "keys.json"),
    )
    processes.append(served)
    await until(lambda: "serving on https://" in served.log.read_text())
    trusting = ssl.create_default_context(cafile=made.ca)
    url = f"https://{LOOPBACK}:{served.port}/healthz"
    with await asyncio.to_thread(urllib.request.urlopen, url, timeout=5, context=trusting) as response:
        assert response.status == 200
    await until(
        lambda: "codec server: with the key ring, values of Secrets are masked" in served.log.read_text()
    )
