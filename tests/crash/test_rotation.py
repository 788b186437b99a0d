"""Keys rotate under a running installation, and one that is needed does not go."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import pytest

from activities.key_use import key_use
from argosy.config import Settings
from cli.session import Session
from devcluster.member import Member
from devcluster.temporal import TemporalServer
from tests.cli.runs import Run, argosy
from tests.plant import Plant, deployment, image_of, placing_everything, polling, settled

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def plant(members: list[Member], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    """An installation that encrypts with a ring made by `argosy keys`."""
    directory = tmp_path_factory.mktemp("rotation")
    keys = directory / "keys.json"
    assert argosy("keys", "generate", str(keys), "--id", "old").code == 0
    server = TemporalServer(directory / "temporal", ui=False)
    server.start()
    made = Plant(
        directory=directory, temporal=server, members=members[:1], settings=Settings(encryption_keys=keys)
    )
    asyncio.run(made.set_up())
    yield made
    if made.worker is not None:
        made.worker.stop()
    server.stop()


async def test_keys_rotate_without_downtime(plant: Plant) -> None:
    def run(*words: str, **environment: str) -> Run:
        ring = {"ARGOSY_ENCRYPTION_KEYS": file, "TEMPORAL_ADDRESS": plant.temporal.address}
        return argosy(*words, **{**ring, **environment})

    async def applied(image: str) -> Session:
        session = await plant.session()
        await session.submit(deployment("web", "rotating", image))
        await settled(session, ["web"], "rotating", seconds=40)
        assert image_of(plant.objects("deployments", "rotating")["member1"]["web"]) == image
        return session

    file = str(plant.settings.encryption_keys)
    session = await plant.session()
    await session.edit_policies("rotating", put=placing_everything("rotating"))
    await applied("nginx:1")

    # The new key is handed to everybody before anybody seals with it.
    assert run("keys", "rotate", file, "--id", "new", "--prepare").code == 0
    await restart(plant)
    assert run("keys", "rotate", file, "--id", "new").code == 0
    # From here on this client seals with the new key, and the running worker with the old one.
    session = await applied("nginx:2")
    assert {"old", "new"} <= (await key_use(session.client)).needing.keys()
    await restart(plant)
    session = await applied("nginx:3")
    assert run("status", "deployment", "web", "-n", "rotating").code == 0

    # The environment may hold the ring instead, and what was sealed with either key opens.
    content = plant.settings.encryption_keys.read_text() if plant.settings.encryption_keys else ""
    inline = run("get", "propagations", "-A", ARGOSY_ENCRYPTION_KEYS="", ARGOSY_ENCRYPTION_KEY_RING=content)
    assert inline.code == 0
    assert "web" in inline.out

    # What began under the old key is retained, so that key has to stay.
    refused = run("keys", "retire", file, "old")
    assert refused.code == 4
    assert "need key 'old'" in refused.error
    assert "old" in json.loads(content)["keys"]

    # A client without it says which one is missing.
    foreign = json.dumps({"active": "x", "keys": {"x": json.loads(content)["keys"]["new"]}})
    lacking = run(
        "status",
        "deployment",
        "web",
        "-n",
        "rotating",
        ARGOSY_ENCRYPTION_KEYS="",
        ARGOSY_ENCRYPTION_KEY_RING=foreign,
    )
    assert lacking.code == 2
    assert lacking.error == "a payload is sealed with key 'new'; add that key to the key ring"


async def restart(plant: Plant) -> None:
    """Replace the worker by one that has read the ring as it is now."""
    assert plant.worker is not None
    plant.worker.stop()
    plant.start_worker()
    await polling(await plant.session())


async def test_a_key_that_nothing_needs_goes(plant: Plant) -> None:
    file = str(plant.settings.encryption_keys)
    assert argosy("keys", "rotate", file, "--id", "unused", "--prepare").code == 0
    done = argosy(
        "keys", "retire", file, "unused", ARGOSY_ENCRYPTION_KEYS=file, TEMPORAL_ADDRESS=plant.temporal.address
    )
    assert done.code == 0
    assert "runs in namespace default needs it" in done.out
    assert "unused" not in argosy("keys", "list", file).out
