"""With a key ring, Temporal's own files hold nothing that a template says."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from argosy.api.manifest import ResourceRef
from argosy.api.membership import Edit
from argosy.api.messages import Steer
from argosy.api.steering import SteerAction, SteerCluster
from argosy.config import Settings
from argosy.errors import InvalidInput
from cli.membership import edited, steered
from cli.session import Session
from devcluster.environment import write_key_ring
from devcluster.member import Member
from devcluster.temporal import TemporalServer
from tests.crash.sealing import everything_held
from tests.plant import Plant, deployment, placing_everything, settled

pytestmark = pytest.mark.timeout(120)

CANARY = "canary-in-the-mine"
LOOKED_AT = {
    "workflow_execution_started",
    "workflow_execution_update_accepted",
    "workflow_execution_update_completed",
    "workflow_execution_continued_as_new",
    "workflow_properties_modified",
    "marker_recorded",
    "activity_task_scheduled",
    "activity_task_completed",
    "activity_task_failed",
    "memo",
    "heartbeat",
    "pending failure",
}
"""Every sort of event and pending thing that has payloads here: local activities are markers."""


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


def files_of(plant: Plant) -> bytes:
    """All that Temporal has written."""
    return b"".join(path.read_bytes() for path in plant.temporal.directory.iterdir() if path.is_file())


def placing(namespace: str, manifest: dict[str, Any]) -> dict[str, Any]:
    selector = {"apiVersion": manifest["apiVersion"], "kind": manifest["kind"]}
    return {
        "apiVersion": "policy.karmada.io/v1alpha1",
        "kind": "PropagationPolicy",
        "metadata": {"name": "more", "namespace": namespace},
        "spec": {"resourceSelectors": [selector]},
    }


async def failure_of(session: Session, namespace: str) -> str:
    """What is published of the first copy of `web` that failed."""
    ref = ResourceRef(api_version="apps/v1", kind="Deployment", namespace=namespace, name="web")
    async with asyncio.timeout(40):
        while True:
            status = (await session.observe(ref)).status
            failed = [copy.message for copy in status.clusters.values() if copy.phase == "Failed"]
            if failed:
                return failed[0]
            await asyncio.sleep(0.2)


async def test_what_is_propagated_is_nowhere_in_temporals_files(sealed: Plant) -> None:
    session = await sealed.session()
    await session.edit_policies("sealed", put=placing_everything("sealed"))
    for image in (f"{CANARY}:1", f"{CANARY}:2"):
        await session.submit(deployment("web", "sealed", image))
        await settled(session, ["web"], "sealed", seconds=40)
    found = sealed.objects("deployments", "sealed")
    assert CANARY in str(found["member1"]["web"])
    held = files_of(sealed)
    assert b"propagation/sealed/Deployment.apps/web" in held
    assert CANARY.encode() not in held


async def test_failures_updates_memos_heartbeats_and_results_are_sealed_too(sealed: Plant) -> None:
    session = await sealed.session()
    await session.edit_policies("broken", put=placing_everything("broken"))
    # Members quote what is wrong with it.
    broken = deployment("web", "broken")
    broken["spec"]["template"]["metadata"]["labels"]["note"] = f"{CANARY}!"
    await session.submit(broken)
    # A kind that no member serves is tried for ever.
    waiting = {
        "apiVersion": "example.com/v1",
        "kind": "Widget",
        "metadata": {"name": "w", "namespace": "broken"},
    }
    await session.edit_policies("broken", put=[placing("broken", waiting)])
    await session.submit(waiting)
    message = await failure_of(session, "broken")
    assert CANARY in message
    edit = Edit(request_id="e1", requested_by="t", labels={"note": CANARY})
    await edited(session, "member1", edit)
    hold = Steer(request_id="s1", requested_by="t", reason=CANARY)
    await steered(session, "member1", SteerCluster(action=SteerAction.HOLD, order=hold))
    async with asyncio.timeout(20):
        while True:
            clear, seen = await everything_held(session.client)
            if seen >= LOOKED_AT:
                break
            await asyncio.sleep(1)
    assert clear == [], clear[:20]
    assert CANARY.encode() not in files_of(sealed)


async def test_without_the_key_nothing_can_be_read(sealed: Plant) -> None:
    open_session = Plant(directory=sealed.directory, temporal=sealed.temporal, members=[])
    blind: Session = await open_session.session()
    with pytest.raises(InvalidInput, match="ARGOSY_ENCRYPTION_KEYS"):
        [status async for status in blind.propagations('WorkflowType = "Propagation"')]
