"""Whether watches on a real API server count as alive."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import pytest

from activities.pulse import OPEN_WITHIN, Pulses
from argosy.api.cluster_connection import ConnectionReference
from argosy.errors import Unreachable
from argosy.kube.apply import apply
from argosy.kube.connect import connect
from argosy.kube.watch import watch
from devcluster.member import Member as LocalMember
from tests.cluster import Cluster, config_map

PATH = "/api/v1/namespaces/default/configmaps"
KEY = ("v1", "ConfigMap")


@pytest.fixture
async def lone(member: LocalMember) -> AsyncIterator[Cluster]:
    reference = ConnectionReference(kubeconfig=str(member.kubeconfig))
    connection = await connect("m1", reference, allow_exec=False, timeout=0.5)
    yield Cluster(member, connection)
    await connection.close()
    member.thaw()


async def test_a_silent_watch_is_not_alive_and_one_that_speaks_is(
    lone: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Silence ends a watch soon, and it is opened anew; the server itself says something once a minute.
    monkeypatch.setattr("argosy.kube.connect.IDLE_STREAM", 0.3)
    pulses, opened = Pulses(silence=1.5), 0

    def on_open() -> None:
        nonlocal opened
        opened += 1
        pulses.opened(KEY, at=time.monotonic())

    async def follow() -> None:
        try:
            async for _ in watch(lone.member, PATH, what="watch ConfigMaps", on_open=on_open):
                pulses.heard(KEY, at=time.monotonic())
        except Unreachable as error:
            pulses.failed(KEY, str(error), at=time.monotonic())

    def reason() -> str:
        return pulses.condition(at=time.monotonic()).reason

    following = asyncio.create_task(follow())
    try:
        async with asyncio.timeout(20):
            while not opened:
                await asyncio.sleep(0.05)
            assert reason() == "WatchesAlive"
            while reason() != "WatchSilent":
                await asyncio.sleep(0.05)
            assert opened > 1
            await apply(lone.member, config_map("default", "speaks"), expect_uid=None, takeover=False)
            while reason() != "WatchesAlive":
                await asyncio.sleep(0.05)
            lone.local.freeze()
            await following
        found = pulses.condition(at=time.monotonic() + OPEN_WITHIN + 1)
        assert (found.status, found.reason) == ("False", "WatchNotOpened")
        assert found.message.startswith("ConfigMap v1: m1: watch ConfigMaps: ")
    finally:
        following.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await following
