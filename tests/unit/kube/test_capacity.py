"""Sharing what was read of clusters; the reading itself is tested on real API servers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from argosy.errors import ArgosyError, Unreachable
from argosy.kube import capacity
from argosy.kube.capacity import Rooms
from argosy.kube.connect import Member
from argosy.scheduling.room import ClusterRoom


@dataclass
class Named:
    name: str
    server: str = "https://one.example.com"


@dataclass
class Clusters:
    """Reading takes until `go` is set, and fails while `failure` is."""

    go: asyncio.Event = field(default_factory=asyncio.Event)
    failure: ArgosyError | None = None
    reads: list[str] = field(default_factory=list)
    now: float = 100.0

    async def read(self, member: Member) -> ClusterRoom:
        self.reads.append(member.name)
        await self.go.wait()
        if self.failure is not None:
            raise self.failure
        return ClusterRoom()


@pytest.fixture
def clusters(monkeypatch: pytest.MonkeyPatch) -> Clusters:
    found = Clusters()
    monkeypatch.setattr(capacity, "read_room", found.read)
    return found


@pytest.fixture
async def rooms(clusters: Clusters) -> AsyncIterator[Rooms]:
    found = Rooms(max_age=5, clock=lambda: clusters.now)
    yield found
    await found.close()


def member(name: str = "m1", server: str = "https://one.example.com") -> Member:
    return Named(name, server)  # type: ignore[return-value] # only its identity is looked at


async def test_what_is_known_is_not_read_again_until_it_is_old(clusters: Clusters, rooms: Rooms) -> None:
    clusters.go.set()
    first = await rooms.room(member())
    clusters.now += 5
    assert await rooms.room(member()) is first
    clusters.now += 0.1
    assert await rooms.room(member()) is not first
    assert clusters.reads == ["m1", "m1"]


async def test_age_counts_from_the_beginning_of_a_reading(clusters: Clusters, rooms: Rooms) -> None:
    asked = asyncio.create_task(rooms.room(member()))
    await asyncio.sleep(0)
    clusters.now += 6
    clusters.go.set()
    await asked
    await rooms.room(member())
    assert clusters.reads == ["m1", "m1"]


async def test_a_slow_reading_is_shared_however_long_it_takes(clusters: Clusters, rooms: Rooms) -> None:
    first = asyncio.create_task(rooms.room(member()))
    await asyncio.sleep(0)
    clusters.now += 60
    second = asyncio.create_task(rooms.room(member()))
    await asyncio.sleep(0)
    clusters.go.set()
    assert await first is await second
    assert clusters.reads == ["m1"]


async def test_clusters_are_apart(clusters: Clusters, rooms: Rooms) -> None:
    clusters.go.set()
    for one in (member("m1"), member("m2"), member("m1", "https://rebuilt.example.com")):
        await rooms.room(one)
    assert clusters.reads == ["m1", "m2", "m1"]


async def test_a_failure_reaches_all_who_wait_and_is_forgotten(clusters: Clusters, rooms: Rooms) -> None:
    clusters.failure = Unreachable("m1: list nodes: no answer")
    clusters.go.set()
    outcomes = await asyncio.gather(*(rooms.room(member()) for _ in range(3)), return_exceptions=True)
    assert outcomes == [clusters.failure] * 3
    clusters.failure = None
    await rooms.room(member())
    assert clusters.reads == ["m1", "m1"]


async def test_who_stops_waiting_takes_nothing_from_the_others(clusters: Clusters, rooms: Rooms) -> None:
    impatient, patient = (asyncio.create_task(rooms.room(member())) for _ in range(2))
    await asyncio.sleep(0)
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    clusters.go.set()
    assert await patient == ClusterRoom()
    assert clusters.reads == ["m1"]


async def test_clusters_that_nobody_asks_for_are_forgotten(clusters: Clusters, rooms: Rooms) -> None:
    clusters.go.set()
    await rooms.room(member("m1"))
    clusters.now += 6
    await rooms.room(member("m2"))
    assert [key[0] for key in rooms._rooms._readings] == ["m2"]


async def test_closing_stops_what_is_being_read(clusters: Clusters, rooms: Rooms) -> None:
    waiting = asyncio.create_task(rooms.room(member()))
    while not clusters.reads:
        await asyncio.sleep(0)
    await rooms.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    clusters.go.set()
    await rooms.room(member())
    assert clusters.reads == ["m1", "m1"]
