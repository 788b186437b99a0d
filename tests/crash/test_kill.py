"""`kill -9` in the middle of a burst: after the restart everything is there, exactly as rendered."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from cli.session import Session
from tests.plant import Plant, deployment, image_of, placing_everything, polling, settled

pytestmark = [pytest.mark.crash, pytest.mark.timeout(240)]

BURST = 100


async def burst(session: Session, namespace: str) -> list[Any]:
    """Submit a burst; those that were cut off are submitted again, as a person would."""
    templates = [deployment(f"web-{number}", namespace) for number in range(BURST)]
    left = templates
    accepted: list[Any] = []
    async with asyncio.timeout(120):
        while left:
            results = await session.submit_all(left)
            failed = []
            for template, result in zip(left, results, strict=True):
                if isinstance(result, Exception):
                    failed.append(template)
                else:
                    accepted.append(result)
            left = failed
    return accepted


def assert_exact(plant: Plant, namespace: str) -> None:
    """Every object is in every member exactly once, as its cluster's manifest says, from one revision."""
    for member, found in plant.objects("deployments", namespace).items():
        assert sorted(found) == sorted(f"web-{number}" for number in range(BURST))
        wanted = "us.example.com/nginx:1" if member == "member3" else "nginx:1"
        assert {image_of(item) for item in found.values()} == {wanted}
        assert {item["metadata"]["annotations"]["argosy.dev/revision"] for item in found.values()} == {"1"}
        # A repeated apply of equal content changes nothing; a generation above 1 would be a second content.
        assert {item["metadata"]["generation"] for item in found.values()} == {1}


async def test_a_killed_worker_loses_nothing(plant: Plant, session: Session) -> None:
    namespace = "worker-killed"
    await session.edit_policies(namespace, put=placing_everything(namespace))
    submitting = asyncio.create_task(burst(session, namespace))
    await asyncio.sleep(1.2)
    plant.kill_worker()
    await asyncio.sleep(1)
    plant.start_worker()
    accepted = await submitting
    assert len(accepted) == BURST
    await settled(session, [entry.ref.name for entry in accepted], namespace, seconds=90)
    assert_exact(plant, namespace)


async def test_a_killed_temporal_loses_nothing(plant: Plant, session: Session) -> None:
    namespace = "temporal-killed"
    await session.edit_policies(namespace, put=placing_everything(namespace))
    submitting = asyncio.create_task(burst(session, namespace))
    await asyncio.sleep(1.2)
    plant.temporal.kill()
    await asyncio.sleep(1)
    await asyncio.to_thread(plant.temporal.start)
    accepted = await submitting
    await polling(session)
    assert len(accepted) == BURST
    await settled(session, [entry.ref.name for entry in accepted], namespace, seconds=90)
    assert_exact(plant, namespace)
