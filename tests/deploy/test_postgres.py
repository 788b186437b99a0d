"""Temporal on PostgreSQL as the compose file has it: the main job, two workers, and the death of every part.

Run by `make test-postgres`: its server takes minutes to build, so `make test` leaves this out.
"""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.protobuf.json_format import MessageToJson
from temporalio.client import Client, WorkflowHistory
from temporalio.worker import Replayer

from activities.converter import data_converter
from argosy.config import Settings
from devcluster.member import Member
from tests.deploy.conftest import ROOT, unavailable
from tests.deploy.installation import Installation, Postgres, postgres_binaries, wait_until
from tests.plant import deployment, image_of, placing_everything
from worker.sandbox import strict_runner
from worker.wiring import WORKFLOWS

pytestmark = [pytest.mark.postgres, pytest.mark.crash, pytest.mark.timeout(170)]

BURST = 20
ENTITIES = (("rolling", "web"), ("rolling", "half"), ("later", "waits"))


@pytest.fixture(scope="module")
def installation(
    compose: dict[str, Any],
    temporal_binaries: dict[str, Path],
    members: list[Member],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Installation]:
    """Everything the compose file starts but the UI, with three members joined and two workers."""
    binaries = postgres_binaries()
    if binaries is None:
        unavailable(
            "PostgreSQL's server is not installed; install it, on Debian with `apt-get install postgresql`"
        )
    directory = tmp_path_factory.mktemp("installation")
    shutil.copytree(
        ROOT / "deploy", directory / "deploy", ignore=shutil.ignore_patterns("secrets", "kubeconfigs")
    )
    subprocess.run([directory / "deploy" / "secrets.sh"], check=True)
    password = directory / "deploy" / "secrets" / "postgres-password"
    postgres = Postgres(binaries, password=password, log=directory / "postgres.log")
    made = Installation(compose, directory, temporal_binaries, postgres)
    try:
        postgres.start()
        made.run("temporal-schema")
        made.start_temporal()
        made.run("temporal-namespace")
        made.run("init", attempts=10)
        made.start_worker("a")
        made.start_worker("b")
        for member in members:
            made.join(member, "us" if member.name == "member3" else "eu")
        yield made
    finally:
        made.close()


def write(path: Path, *manifests: dict[str, Any]) -> str:
    path.write_text(yaml.safe_dump_all(manifests))
    return f"--filename={path}"


def objects(members: list[Member], namespace: str) -> dict[str, dict[str, Any]]:
    """member -> name -> Deployment, as the API servers have them."""
    found: dict[str, dict[str, Any]] = {}
    for member in members:
        status, body = member.request("GET", f"/apis/apps/v1/namespaces/{namespace}/deployments")
        assert status == 200
        found[member.name] = {item["metadata"]["name"]: item for item in json.loads(body)["items"]}
    return found


def images(members: list[Member], namespace: str) -> dict[str, set[str]]:
    return {
        name: {image_of(item) for item in found.values()}
        for name, found in objects(members, namespace).items()
    }


def test_the_dynamic_configuration_is_one_that_the_server_knows(temporal_binaries: dict[str, Path]) -> None:
    server = str(temporal_binaries["temporal-server"])
    command = [server, "validate-dynamic-config", "deploy/temporal/dynamicconfig.yaml"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "warning" not in done.stdout
    assert "error" not in done.stdout


def test_what_prepares_may_be_repeated(installation: Installation) -> None:
    assert installation.postgres.ask("SELECT count(*) FROM shards") == "512"
    installation.run("temporal-schema")
    installation.run("temporal-namespace")
    assert "nothing was missing" in installation.run("init")


def test_the_main_job(installation: Installation, members: list[Member], tmp_path: Path) -> None:
    argosy = installation.argosy
    assert all(member.name in argosy("cluster", "list", "-o", "name") for member in members)
    files = write(tmp_path / "all.yaml", *placing_everything("pg"), deployment("web", "pg"))
    assert "created (revision 1)" in argosy("apply", files, "--wait")
    assert images(members, "pg") == {
        "member1": {"nginx:1"},
        "member2": {"nginx:1"},
        "member3": {"us.example.com/nginx:1"},
    }
    argosy("apply", write(tmp_path / "web.yaml", deployment("web", "pg", "nginx:2")), "--wait")
    assert images(members, "pg")["member3"] == {"us.example.com/nginx:2"}
    status = json.loads(argosy("status", "deployment/web", "-n", "pg", "-o", "json"))
    assert (status["revision"], status["phase"]) == (2, "Applied")
    argosy("delete", files)
    assert set(map(len, objects(members, "pg").values())) == {0}


@pytest.mark.parametrize("victim", ["a", "b", "temporal", "postgres"])
def test_whoever_is_killed_amid_a_burst_nothing_is_lost(
    installation: Installation, members: list[Member], tmp_path: Path, victim: str
) -> None:
    namespace = f"killed-{victim}"
    installation.argosy("apply", write(tmp_path / "policies.yaml", *placing_everything(namespace)))
    templates = [deployment(f"web-{number}", namespace) for number in range(BURST)]
    words = ("apply", write(tmp_path / "burst.yaml", *templates))
    submitting = threading.Thread(target=_submit, args=(installation, words))
    submitting.start()
    wait_until(lambda: any(objects(members, namespace).values()), what="the burst has begun", seconds=30)
    if victim == "postgres":
        installation.postgres.kill()
        installation.postgres.start()
    else:
        installation.kill(victim)
        if victim == "temporal":
            installation.start_temporal()
        else:
            installation.start_worker(victim)
    submitting.join()
    # A person whose command was cut off repeats it; what was accepted is not changed by that.
    installation.argosy(*words, "--wait", "--timeout=90")
    wanted = {
        name: {f"web-{number}" for number in range(BURST)} for name in ("member1", "member2", "member3")
    }
    found = objects(members, namespace)
    assert {name: set(items) for name, items in found.items()} == wanted
    for items in found.values():
        assert {item["metadata"]["annotations"]["argosy.dev/revision"] for item in items.values()} == {"1"}
        # Equal content applied again changes nothing; a generation above 1 would be a second content.
        assert {item["metadata"]["generation"] for item in items.values()} == {1}


def _submit(installation: Installation, words: tuple[str, ...]) -> None:
    try:
        installation.argosy(*words)
    except AssertionError:
        # Cut off by the death of a part; the test submits again.
        return


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """The code with which the latest histories of `tests/replay` were recorded."""
    histories = ["log", "-1", "--format=%H", "--", "tests/replay/histories"]
    found = subprocess.run(["git", *histories], cwd=ROOT, capture_output=True, text=True, check=False)
    if not found.stdout:
        pytest.skip("there is no older code without a Git checkout")
    directory = tmp_path / "older"
    directory.mkdir()
    archive = subprocess.run(
        ["git", "archive", found.stdout.strip()], cwd=ROOT, capture_output=True, check=True
    )
    subprocess.run(["tar", "--extract", f"--directory={directory}"], input=archive.stdout, check=True)
    return directory


def test_newer_workers_continue_what_an_older_one_began(
    installation: Installation, members: list[Member], older: Path, tmp_path: Path
) -> None:
    """Workers are replaced one by one, while entities are at rest, wait for a policy, and retry a dead member."""
    argosy, namespace = installation.argosy, "rolling"
    for name in ("a", "b"):
        installation.stop(name)
    installation.start_worker("old", source=older)
    waits = write(tmp_path / "waits.yaml", deployment("waits", "later"))
    policies = write(tmp_path / "policies.yaml", *placing_everything(namespace))
    half = write(tmp_path / "half.yaml", deployment("half", namespace))
    argosy("apply", waits, source=older)
    argosy(
        "apply", policies, write(tmp_path / "web.yaml", deployment("web", namespace)), "--wait", source=older
    )
    dead = members[2]
    dead.kill()
    try:
        argosy("apply", half, source=older)
        begun = {name: asyncio.run(_chain(installation, *name)) for name in ENTITIES}
        installation.start_worker("a")
        installation.stop("old")
        installation.start_worker("b")
    finally:
        dead.start()
    argosy("apply", half, "--wait", "--timeout=60")
    argosy("apply", write(tmp_path / "edit.yaml", deployment("web", namespace, "nginx:2")), "--wait")
    argosy(
        "apply", write(tmp_path / "later.yaml", *placing_everything("later")), waits, "--wait", "--timeout=60"
    )
    for entity, runs in begun.items():
        assert asyncio.run(_chain(installation, *entity))[0] == runs[0], (
            "another entity than the one that was begun"
        )
    assert images(members, "later")["member1"] == {"nginx:1"}
    assert {image_of(objects(members, namespace)[member.name]["web"]) for member in members} == {
        "nginx:2",
        "us.example.com/nginx:2",
    }
    assert set(objects(members, namespace)["member3"]) == {"web", "half"}


async def test_every_history_that_this_database_holds_replays(
    installation: Installation, tmp_path: Path
) -> None:
    client = await _client(installation)
    replayer = Replayer(
        workflows=WORKFLOWS, data_converter=client.data_converter, workflow_runner=strict_runner()
    )
    failures: dict[str, str] = {}
    count = 0
    async for execution in client.list_workflows():
        handle = client.get_workflow_handle(execution.id, run_id=execution.run_id)
        history: WorkflowHistory = await handle.fetch_history()
        result = await replayer.replay_workflow(history, raise_on_replay_failure=False)
        count += 1
        if result.replay_failure is not None:
            (directory := tmp_path / "histories").mkdir(exist_ok=True)
            (directory / f"{execution.run_id}.json").write_text(history.to_json(), encoding="utf-8")
            failures[f"{execution.id}, {directory}/{execution.run_id}.json"] = str(result.replay_failure)[
                :300
            ]
    assert failures == {}
    assert count > 4 * BURST


def test_what_a_template_says_is_nowhere_in_the_database(installation: Installation) -> None:
    held = "".join(installation.postgres.dump(name) for name in ("temporal", "temporal_visibility"))
    assert "propagation/pg/Deployment.apps/web" in held
    # Bytes are dumped in hexadecimal.
    assert b"binary/aes-256-gcm".hex() in held
    assert "us.example.com" not in held
    assert b"us.example.com".hex() not in held


async def test_the_codec_server_opens_a_history_for_who_may_read_it(
    installation: Installation, tmp_path: Path
) -> None:
    template = write(tmp_path / "web.yaml", deployment("web", "read"))
    await asyncio.to_thread(installation.argosy, "apply", template)
    url = f"{await asyncio.to_thread(installation.start_serve)}/decode"
    client = await _client(installation)
    handle = client.get_workflow_handle("propagation/read/Deployment.apps/web")
    started = (await handle.fetch_history()).events[0].workflow_execution_started_event_attributes
    sealed = MessageToJson(started.input).encode()
    headers = {"Content-Type": "application/json", "X-Namespace": client.namespace}
    with pytest.raises(urllib.error.HTTPError, match="401"):
        await asyncio.to_thread(urllib.request.urlopen, urllib.request.Request(url, sealed, headers))
    headers["Authorization"] = f"Bearer {installation.secret('codec-token')}"
    with await asyncio.to_thread(
        urllib.request.urlopen, urllib.request.Request(url, sealed, headers)
    ) as response:
        (payload, *_) = json.load(response)["payloads"]
    assert b"nginx:1" not in sealed
    assert "nginx:1" in base64.b64decode(payload["data"]).decode()


async def _client(installation: Installation) -> Client:
    environment = installation.environment("worker")
    settings = Settings.from_env(environment)
    namespace = environment["TEMPORAL_NAMESPACE"]
    converter = data_converter(settings, namespace=namespace)
    return await Client.connect(installation.address, namespace=namespace, data_converter=converter)


async def _chain(installation: Installation, namespace: str, name: str) -> list[str]:
    """The runs of a Deployment's entity, the first one first."""
    client = await _client(installation)
    query = f'WorkflowId = "propagation/{namespace}/Deployment.apps/{name}"'
    runs = [execution async for execution in client.list_workflows(query)]
    return [run.run_id for run in sorted(runs, key=lambda run: run.start_time)]
