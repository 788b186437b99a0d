"""An API server that dies, freezes and comes back, seen through Argosy's connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest

from argosy.api.cluster_connection import ConnectionReference
from argosy.api.manifest import ref_of
from argosy.errors import Unreachable
from argosy.kube.apply import apply
from argosy.kube.connect import connect
from argosy.kube.delete import delete
from argosy.kube.discovery import discover
from argosy.kube.facts import probe
from argosy.kube.read import get, sweep
from argosy.kube.watch import Change, Snapshot, watch
from devcluster.member import Member as LocalMember
from tests.cluster import OWNER, Cluster, config_map, path_of

PATIENCE = 0.5
PATH = "/api/v1/namespaces/default/configmaps"


@pytest.fixture
async def lone(member: LocalMember) -> AsyncIterator[Cluster]:
    """A cluster that may be harmed; requests to it may take half a second."""
    reference = ConnectionReference(kubeconfig=str(member.kubeconfig))
    connection = await connect("m1", reference, allow_exec=False, timeout=PATIENCE)
    yield Cluster(member, connection)
    await connection.close()


@pytest.fixture(params=["killed", "frozen"])
def out(request: pytest.FixtureRequest, lone: Cluster) -> Iterator[Cluster]:
    """The cluster while its API server is dead, or accepts connections and says nothing."""
    # A connection that was in use before is tried as well as new ones.
    assert lone.local.ready()
    if request.param == "killed":
        lone.local.kill()
    else:
        lone.local.freeze()
    yield lone
    lone.local.thaw()
    lone.local.start()


async def test_it_is_unreachable_within_the_timeout(out: Cluster) -> None:
    wanted = config_map("default")
    calls: list[Callable[[], Awaitable[object]]] = [
        lambda: apply(out.member, wanted, expect_uid=None, takeover=False),
        lambda: apply(out.member, wanted, expect_uid="x", takeover=False),
        lambda: delete(out.member, ref_of(wanted), propagation=OWNER.propagation),
        lambda: get(out.member, ref_of(wanted)),
        lambda: discover(out.member),
        lambda: sweep(out.member),
    ]
    for call in calls:
        # One attempt each, so nothing takes much longer than the timeout; the rest is a generous allowance.
        async with asyncio.timeout(PATIENCE * 10):
            with pytest.raises(Unreachable, match="check that it runs and can be reached"):
                await call()


async def test_a_probe_says_so(out: Cluster) -> None:
    seen = await probe(out.member, timeout=PATIENCE)
    assert (seen.ok, seen.reason) == (False, "ClusterNotReachable")
    assert "m1: probe: " in seen.message


async def test_the_same_connection_works_again_afterwards(lone: Cluster) -> None:
    before = await probe(lone.member, timeout=4)
    assert (before.ok, before.reason) == (True, "ClusterReady")
    lone.local.freeze()
    with pytest.raises(Unreachable):
        await get(lone.member, ref_of(config_map("default")))
    lone.local.thaw()
    await eventually_ready(lone)
    lone.local.kill()
    assert not (await probe(lone.member, timeout=PATIENCE)).ok
    lone.local.start()
    await eventually_ready(lone)


async def test_a_kill_in_the_middle_leaves_no_half_done_apply(lone: Cluster) -> None:
    """What is reported as failed may have been done; applying again comes to the same."""
    wanted = [config_map("default", f"many-{number}") for number in range(40)]

    async def one(number: int) -> bool:
        try:
            await apply(lone.member, wanted[number], expect_uid=None, takeover=False)
        except Unreachable:
            return False
        return True

    running = [asyncio.create_task(one(number)) for number in range(len(wanted))]
    await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.to_thread(lone.local.kill)
    await asyncio.gather(*running)
    await asyncio.to_thread(lone.local.start)
    for number, manifest in enumerate(wanted):
        assert await one(number)
        assert lone.there(path_of(manifest))["data"] == manifest["data"]


class TestWatch:
    async def test_it_ends_when_the_server_dies(self, lone: Cluster) -> None:
        events = watch(lone.member, PATH, what="watch ConfigMaps")
        await anext(events)
        await asyncio.to_thread(lone.local.kill)
        with pytest.raises(Unreachable):
            await exhaust(events)
        await asyncio.to_thread(lone.local.start)

    async def test_silence_is_not_waited_for_forever(
        self, lone: Cluster, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("argosy.kube.connect.IDLE_STREAM", 0.5)
        events = watch(lone.member, PATH, what="watch ConfigMaps")
        await anext(events)
        lone.local.freeze()
        with pytest.raises(Unreachable):
            await exhaust(events)
        lone.local.thaw()

    async def test_a_position_that_the_server_forgot_leads_to_a_snapshot(self, lone: Cluster) -> None:
        """A restarted server remembers nothing of what happened before."""
        await eventually_ready(lone)
        await apply(lone.member, config_map("default", "before"), expect_uid=None, takeover=False)
        await asyncio.to_thread(lone.local.kill)
        await asyncio.to_thread(lone.local.start)
        events = watch(lone.member, PATH, what="watch ConfigMaps", resource_version="1")
        async with asyncio.timeout(20):
            first = await anext(events)
            assert isinstance(first, Snapshot)
            assert "before" in {item["metadata"]["name"] for item in first.items}
            await apply(lone.member, config_map("default", "after"), expect_uid=None, takeover=False)
            while True:
                event = await anext(events)
                assert isinstance(event, Change)
                if event.type == "ADDED":
                    break
        assert event.object["metadata"]["name"] == "after"
        await events.aclose()

    async def test_a_server_that_hangs_up_is_not_asked_in_a_loop(
        self, lone: Cluster, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        opened = 0

        async def hang_up(*_: object, **__: object) -> AsyncGenerator[dict[str, Any]]:
            nonlocal opened
            opened += 1
            nothing: tuple[dict[str, Any], ...] = ()
            for line in nothing:
                yield line

        monkeypatch.setattr(type(lone.member), "stream", hang_up)
        events = watch(lone.member, PATH, what="watch", resource_version="1")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(events), 0.5)
        assert opened == 1


async def exhaust(events: AsyncGenerator[Snapshot | Change]) -> None:
    async with asyncio.timeout(20):
        async for _ in events:
            pass


async def eventually_ready(cluster: Cluster) -> None:
    async with asyncio.timeout(30):
        while not (await probe(cluster.member, timeout=4)).ok:
            await asyncio.sleep(0.1)
