"""What leaves a process when a thousand objects change at once: coalesced, paced, and what is urgent first."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
from temporalio.client import Client

from activities.converter import data_converter
from activities.in_use import KindsInUse
from activities.observing import Observer
from activities.reporting import SIGNALS_PER_SECOND, Reporter
from argosy.api.cluster_connection import ConnectionReference
from argosy.api.health import Assessment, ObjectHealth
from argosy.api.observation import CopyObservation
from argosy.api.ownership import Ownership, stamp
from argosy.config import Settings
from argosy.interpreter.registry import health_of
from argosy.kube.connect import connect
from devcluster.member import Member
from devcluster.temporal import TemporalServer
from tests.integration.signals import Sent, until
from tests.plant import deployment

pytestmark = pytest.mark.timeout(300)

MANY = 1000


@asynccontextmanager
async def reporting(server: TemporalServer) -> AsyncIterator[tuple[Reporter, Sent]]:
    """A reporter at work; nobody is there to be told, which a propagation that has ended is no different from."""
    sent = Sent()
    client = await Client.connect(
        server.address, interceptors=[sent], data_converter=data_converter(Settings(), namespace="default")
    )
    reporter = Reporter(client)
    running = asyncio.create_task(reporter.run())
    try:
        yield reporter, sent
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def seen(version: int, *, healthy: bool = True) -> CopyObservation:
    health = ObjectHealth.HEALTHY if healthy else ObjectHealth.DEGRADED
    return CopyObservation(uid="u", version=str(version), assessment=Assessment(health=health))


async def test_what_is_urgent_overtakes_a_thousand_that_are_not(temporal_server: TemporalServer) -> None:
    async with reporting(temporal_server) as (reporter, sent):
        for number in range(MANY):
            for cluster in ("a", "b", "c"):
                reporter.offer(f"propagation/{number}", cluster, seen(1), urgent=False)
        await until(lambda: len(sent.signals) > 30, 10)
        asked = time.monotonic()
        reporter.offer("propagation/ill", "a", seen(2, healthy=False), urgent=True)
        await until(lambda: any(name == "propagation/ill" for _, name, _ in sent.signals), 5)
        told = next(at for at, name, _ in sent.signals if name == "propagation/ill")
    assert told - asked < 0.5
    assert all(len(event.copies) == 3 for _, name, event in sent.signals if name != "propagation/ill")


async def test_a_copy_that_flaps_is_told_of_with_pauses_and_the_last_word_arrives(
    temporal_server: TemporalServer,
) -> None:
    async with reporting(temporal_server) as (reporter, sent):
        began = time.monotonic()
        version = 0
        while time.monotonic() - began < 2:
            version += 1
            reporter.offer("propagation/flapping", "a", seen(version, healthy=version % 2 == 0), urgent=True)
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.6)
    times = [at for at, _, _ in sent.signals]
    assert 4 <= len(times) <= 11
    assert times[0] - began < 0.3
    assert sent.signals[-1][2].copies["a"].version == str(version)


async def test_a_thousand_objects_that_change_at_once_are_told_of_once_each_and_in_time(
    temporal_server: TemporalServer, members: list[Member]
) -> None:
    local, namespace = members[0], f"many-{secrets.token_hex(4)}"
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments"

    def ask(method: str, where: str, body: Any, content: str = "application/json") -> Any:
        status, answer = local.request(method, where, body, content=content)
        assert status in {200, 201}, answer
        return json.loads(answer)

    def create(number: int) -> None:
        owner = Ownership(
            propagation=f"propagation/{namespace}/{number}", revision=1, pass_number=1, instance=namespace
        )
        ask("POST", path, stamp(deployment(f"d{number}", namespace), owner))

    def report(number: int, ready: int) -> None:
        status = {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2}
        status |= {"availableReplicas": ready, "readyReplicas": ready}
        ask("PATCH", f"{path}/d{number}/status", {"status": status}, "application/merge-patch+json")

    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
    ask("POST", "/api/v1/namespaces", space)
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(8) as pool:
        await loop.run_in_executor(None, lambda: list(pool.map(create, range(MANY))))
        reference = ConnectionReference(kubeconfig=str(local.kubeconfig), context=local.name)
        member = await connect(local.name, reference, allow_exec=False)
        kinds, settled = KindsInUse(), asyncio.Event()
        kinds.note("apps/v1", "Deployment")

        async def same() -> Any:
            return member

        async def assess(item: Any) -> Assessment:
            return health_of(item)

        async with reporting(temporal_server) as (reporter, sent):
            observer = Observer(
                local.name,
                member=same,
                kinds=kinds,
                reporter=reporter,
                assess=assess,
                instance=namespace,
                on_settled=settled.set,
            )
            watching = asyncio.create_task(observer.run())
            try:
                async with asyncio.timeout(60):
                    await settled.wait()
                assert len(observer.known) == MANY
                assert not sent.signals, (
                    "what is found at the start is compared with the record, and not told"
                )
                # Each changes twice, and its health once.
                began = time.monotonic()
                for ready in (1, 2):
                    everyone = partial(report, ready=ready)
                    await asyncio.gather(
                        *(loop.run_in_executor(pool, everyone, number) for number in range(MANY))
                    )
                await until(lambda: len(told(sent, namespace)) == MANY and quiet(sent), 200)
                took = time.monotonic() - began
            finally:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)
                await member.close()
    last = {name: event.copies[local.name] for _, name, event in sent.signals}
    assert {one.assessment.ready for one in last.values()} == {2}
    assert all(one.assessment.is_healthy for one in last.values())
    assert len(sent.signals) <= took * SIGNALS_PER_SECOND * 1.2
    times = [at for at, _, _ in sent.signals]
    busiest = max(sum(1 for at in times if first <= at < first + 1) for first in times)
    assert busiest <= 30


def told(sent: Sent, namespace: str) -> set[str]:
    return {
        name
        for _, name, event in sent.signals
        if name.startswith(f"propagation/{namespace}/")
        and all(one.assessment.is_healthy for one in event.copies.values())
    }


def quiet(sent: Sent) -> bool:
    return time.monotonic() - sent.signals[-1][0] > 3
