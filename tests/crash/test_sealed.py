"""With a key ring, Temporal's own files hold nothing that a template says."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from argosy.config import Settings
from argosy.errors import InvalidInput
from cli.session import Session
from devcluster.environment import write_key_ring
from devcluster.member import Member
from devcluster.temporal import TemporalServer
from tests.plant import Plant, deployment, placing_everything, settled

pytestmark = pytest.mark.timeout(120)

CANARY = "canary-in-the-mine"


@pytest.fixture(scope="module")
def sealed(members: list[Member], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    """An installation with payload encryption."""
    directory = tmp_path_factory.mktemp("sealed")
    write_key_ring(directory / "keys.json")
    server = TemporalServer(directory / "temporal", ui=False)
    server.start()
    settings = Settings(encryption_keys=directory / "keys.json")
    made = Plant(directory=directory, temporal=server, members=members, settings=settings)
    asyncio.run(made.set_up())
    yield made
    if made.worker is not None:
        made.worker.stop()
    server.stop()


async def test_what_is_propagated_is_nowhere_in_temporals_files(sealed: Plant) -> None:
    session = await sealed.session()
    await session.edit_policies("sealed", put=placing_everything("sealed"))
    for image in (f"{CANARY}:1", f"{CANARY}:2"):
        await session.submit(deployment("web", "sealed", image))
        await settled(session, ["web"], "sealed", seconds=40)
    found = sealed.objects("deployments", "sealed")
    assert CANARY in str(found["member1"]["web"])
    held = b"".join(path.read_bytes() for path in sealed.temporal.directory.iterdir() if path.is_file())
    assert b"propagation/sealed/Deployment.apps/web" in held
    assert CANARY.encode() not in held


async def test_without_the_key_nothing_can_be_read(sealed: Plant) -> None:
    open_session = Plant(directory=sealed.directory, temporal=sealed.temporal, members=[])
    blind: Session = await open_session.session()
    with pytest.raises(InvalidInput, match="ARGOSY_ENCRYPTION_KEYS"):
        [status async for status in blind.propagations('WorkflowType = "Propagation"')]
