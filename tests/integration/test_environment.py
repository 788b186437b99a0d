"""`argosy dev`'s environment: it outlives the program that brought it up, and goes away without a trace."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import subprocess
import sys
import textwrap
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf.json_format import MessageToJson
from temporalio.api.common.v1 import Payload, Payloads

from activities.codec import ArgosyCodec, KeyRing
from argosy.errors import Conflict, InvalidInput, NotFound
from devcluster.environment import Environment, MemberSpec, WorkerFailed
from devcluster.ports import free_port
from devcluster.process import Identity, start_time
from devcluster.temporal import NAMESPACE

ONE = [MemberSpec("east", region="eu", zone="eu-1")]
SLEEPER = [sys.executable, "-c", "import os, time; print(sorted(os.environ), flush=True); time.sleep(600)"]


@pytest.fixture
def environment(member_binaries: dict[str, Path], tmp_path: Path) -> Iterator[Environment]:
    assert member_binaries
    local = Environment(tmp_path / "dev")
    yield local
    local.down()


def up(environment: Environment) -> None:
    environment.up(members=ONE, port=0, ui_port=0, progress=lambda _: None)


def processes(environment: Environment) -> list[Identity]:
    """Everything that runs, member, Temporal, worker and codec server."""
    pids = [pid for member in environment.members for pid in member.pids.values()]
    pids += [environment.temporal.pid or 0]
    for part in ("worker", "codec"):
        record = environment.directory / f"{part}.json"
        pids += [json.loads(record.read_text(encoding="utf-8"))["pid"]] if record.exists() else []
    return [Identity(pid, start_time(pid)) for pid in pids]


@pytest.mark.crash
def test_it_outlives_its_starter_and_another_program_takes_it_down(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = textwrap.dedent(
        f"""
        import os, signal
        from pathlib import Path
        from devcluster.environment import Environment, MemberSpec
        local = Environment(Path({str(environment.directory)!r}))
        local.up(members=[MemberSpec("east", region="eu", zone="eu-1")], port=0, ui_port=0, progress=print)
        local.start_worker({SLEEPER!r}, ready=lambda: bool(local.worker_log.read_text()))
        os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    monkeypatch.setenv("TEMPORAL_TLS", "true")
    subprocess.run([sys.executable, "-c", program], check=False, stdout=subprocess.DEVNULL)
    running = processes(environment)
    assert len(running) == 4
    assert all(each.alive() for each in running)
    parts = {part.name: part.running for part in environment.status()}
    assert parts == {"temporal": True, "ui": True, "worker": True, "codec": False, "east": True}
    printed = environment.worker_log.read_text(encoding="utf-8")
    assert "'ARGOSY_ENCRYPTION_KEYS'" in printed
    assert "'TEMPORAL_ADDRESS'" in printed
    assert "'TEMPORAL_TLS'" not in printed

    up(environment)
    assert processes(environment) == running

    environment.down()
    assert not any(each.alive() for each in running)
    assert not environment.directory.exists()
    assert environment.status() == []


def test_data_that_is_kept_is_there_at_the_next_up(environment: Environment) -> None:
    up(environment)
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kept"}}
    assert environment.members[0].request("POST", "/api/v1/namespaces", namespace)[0] == 201
    address, ring = environment.temporal.address, environment.key_ring.read_bytes()
    environment.down(keep_data=True)
    assert [part.running for part in environment.status()] == [False] * 5
    up(environment)
    assert environment.members[0].request("GET", "/api/v1/namespaces/kept")[0] == 200
    assert (environment.temporal.address, environment.key_ring.read_bytes()) == (address, ring)


def test_key_ring_holds_one_active_key_that_only_its_owner_reads(environment: Environment) -> None:
    up(environment)
    ring = json.loads(environment.key_ring.read_text(encoding="utf-8"))
    assert len(base64.b64decode(ring["keys"][ring["active"]])) == 32
    assert environment.key_ring.stat().st_mode & 0o777 == 0o600
    assert environment.directory.stat().st_mode & 0o777 == 0o700
    assert environment.variables() == {
        "TEMPORAL_ADDRESS": environment.temporal.address,
        "TEMPORAL_NAMESPACE": "default",
        "ARGOSY_ENCRYPTION_KEYS": str(environment.key_ring),
    }


def test_what_fails_half_way_is_stopped_and_can_be_tried_again(environment: Environment) -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)), pytest.raises(Conflict, match=str(port)):
        environment.up(members=ONE, port=port, ui_port=0, progress=lambda _: None)
    assert [part.running for part in environment.status()] == [False] * 5
    assert (environment.directory / "members" / "east" / "kube-apiserver.log").exists()
    up(environment)
    assert environment.temporal.ready()
    assert not environment.temporal.address.endswith(f":{port}")


def test_worker_that_ends_is_told_with_its_log(environment: Environment) -> None:
    up(environment)
    with pytest.raises(WorkerFailed, match=r"see .*worker\.log") as failure:
        environment.start_worker([sys.executable, "-c", "print('no such queue')"], ready=lambda: False)
    log = Path(str(failure.value).partition("see ")[2])
    assert log.read_text(encoding="utf-8") == "no such queue\n"


@pytest.mark.parametrize("name", ["", "UPPER", "../outside", "a" * 64, "-dash"])
def test_names_that_are_no_directory_are_refused(tmp_path: Path, name: str) -> None:
    environment = Environment(tmp_path / "dev")
    with pytest.raises(InvalidInput, match="cannot name a member"):
        environment.up(members=[MemberSpec(name, region="", zone="")], progress=lambda _: None)
    assert not environment.exists()


def test_nothing_is_up_at_first(tmp_path: Path) -> None:
    environment = Environment(tmp_path / "dev")
    environment.down()
    assert environment.status() == []
    with pytest.raises(NotFound, match="argosy dev up"):
        environment.variables()
    assert [path.name for path in tmp_path.iterdir()] == [".dev.lock"]


def test_pages_of_the_ui_are_told_of_a_codec_server_that_answers_them_only(environment: Environment) -> None:
    up(environment)
    environment.start_codec_server()
    first = processes(environment)
    environment.start_codec_server()
    assert processes(environment) == first
    with urllib.request.urlopen(f"{environment.temporal.ui_url}/api/v1/settings", timeout=5) as response:
        assert json.load(response)["Codec"]["Endpoint"] == environment.codec_url
    codec = ArgosyCodec(key_ring=KeyRing.load(environment.key_ring), namespace=NAMESPACE)
    (sealed,) = asyncio.run(codec.encode([Payload(metadata={"encoding": b"json/plain"}, data=b'"open"')]))
    port = environment.temporal.ui_url.rpartition(":")[2]
    for origin, allowed in ((f"http://localhost:{port}", True), ("http://localhost:1", False)):
        request = urllib.request.Request(
            f"{environment.codec_url}/decode",
            data=MessageToJson(Payloads(payloads=[sealed])).encode(),
            headers={"Content-Type": "application/json", "Origin": origin, "X-Namespace": NAMESPACE},
        )
        with urllib.request.urlopen(request, timeout=5) as response:
            assert base64.b64decode(json.load(response)["payloads"][0]["data"]) == b'"open"'
            assert (response.headers["Access-Control-Allow-Origin"] == origin) is allowed
    assert [part.running for part in environment.status() if part.name == "codec"] == [True]
    environment.down()
    assert not any(process.alive() for process in first)
