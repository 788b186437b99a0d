"""A worker that is stopped and goes on later, with what it had been handed before and somebody else has done since."""

from __future__ import annotations

import asyncio
import signal

import pytest
from temporalio.api.enums.v1 import TaskQueueType

from argosy.api.ids import id_of
from argosy.api.manifest import ref_of
from cli.session import Session
from tests.plant import Plant, deployment, placing_everything, settled

pytestmark = [pytest.mark.crash, pytest.mark.timeout(240)]

TEMPLATES = 12


async def test_a_worker_that_was_frozen_brings_nothing_back(plant: Plant, session: Session) -> None:
    """First tasks of new revisions wait in the frozen process; meanwhile the other one does and deletes it all."""
    namespace = "worker-frozen"
    await session.edit_policies(namespace, put=placing_everything(namespace))
    names = [f"web-{number}" for number in range(TEMPLATES)]
    await session.submit_all([deployment(name, namespace) for name in names])
    await settled(session, names, namespace, seconds=60)

    # It keeps the entities in memory, so that it takes the new templates; the first tasks of the runs that these begin
    # are anybody's.
    other = plant.worker
    queue, kind = session.settings.task_queue, TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW
    first = await session.poller(queue, kind)
    plant.start_worker()
    frozen = plant.worker
    assert other is not None
    assert frozen is not None
    try:
        async with asyncio.timeout(30):
            while await session.poller(queue, kind) == first:
                await asyncio.sleep(0.1)
        frozen.send(signal.SIGSTOP)
        changed = [deployment(name, namespace, image="nginx:2") for name in names]
        refs = [ref_of(template) for template in changed]
        async with asyncio.timeout(90):
            await session.submit_all(changed)
            await asyncio.gather(*(session.delete(ref, orphan=(), preserve=False) for ref in refs))
            await asyncio.gather(*(session.client.get_workflow_handle(id_of(ref)).result() for ref in refs))
        assert not any(plant.objects("deployments", namespace).values())
        frozen.send(signal.SIGCONT)
        # It renders and applies within a second, if it does.
        await asyncio.sleep(3)
        assert not any(plant.objects("deployments", namespace).values())
    finally:
        frozen.kill()
        plant.worker = other
