"""Who may write to a copy, where attempts of several passes come together in one process."""

from __future__ import annotations

import asyncio

import pytest

from activities.apply import Writers
from activities.contracts import RemoveRequest
from argosy.api.manifest import ResourceRef
from argosy.errors import Raced

Order = tuple[int, int]
REF = ResourceRef(api_version="v1", kind="ConfigMap", namespace="default", name="x")


class Attempts:
    """Attempts that write for as long as they are let."""

    def __init__(self) -> None:
        self._writers = Writers()
        self.log: list[str] = []

    async def write(self, name: str, order: Order, *, cluster: str = "a", seconds: float = 60) -> None:
        revision, number = order
        request = RemoveRequest(
            workflow_id="propagation/x", ref=REF, cluster=cluster, revision=revision, pass_number=number
        )
        async with self._writers.sole(request):
            self.log.append(f"{name} begins")
            try:
                await asyncio.sleep(seconds)
            finally:
                self.log.append(f"{name} ends")


@pytest.mark.parametrize("order", [(1, 1), (1, 2), (2, 0)], ids=["again", "a later pass", "a later revision"])
async def test_a_newer_attempt_ends_an_older_one_before_it_writes(order: Order) -> None:
    attempts = Attempts()
    older = asyncio.create_task(attempts.write("older", (1, 1)))
    await asyncio.sleep(0)
    await attempts.write("newer", order, seconds=0)
    assert older.cancelled()
    assert attempts.log == ["older begins", "older ends", "newer begins", "newer ends"]


@pytest.mark.parametrize("order", [(1, 2), (2, 1)], ids=["an earlier revision", "an earlier pass"])
async def test_an_attempt_that_begins_late_gives_way(order: Order) -> None:
    attempts = Attempts()
    newer = asyncio.create_task(attempts.write("newer", (2, 2), seconds=0.05))
    await asyncio.sleep(0)
    with pytest.raises(Raced, match="later pass"):
        await attempts.write("late", order)
    await newer
    assert attempts.log == ["newer begins", "newer ends"]
    # Nobody is in its way any more: it is for the cluster to tell what it has.
    await attempts.write("late", order, seconds=0)


async def test_clusters_do_not_wait_for_each_other() -> None:
    attempts = Attempts()
    here = asyncio.create_task(attempts.write("here", (2, 2), seconds=0.05))
    await asyncio.sleep(0)
    await attempts.write("there", (1, 1), cluster="b", seconds=0)
    await here
    assert attempts.log == ["here begins", "there begins", "there ends", "here ends"]
