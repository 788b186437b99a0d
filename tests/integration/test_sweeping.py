"""What is told of copies that come and go while others are assessed: nothing is lost, and nothing invented."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from typing import Any

import pytest
from temporalio.client import Client, WorkflowHandle

from activities import attributes
from activities.connection import initialise
from activities.converter import data_converter
from activities.in_use import KindsInUse
from activities.sweeping import Observers
from argosy.api.cluster_connection import ConnectionReference
from argosy.api.health import Assessment
from argosy.api.manifest import ResourceRef
from argosy.api.observation import Observed
from argosy.api.ownership import Ownership, stamp
from argosy.api.propagation import Phase, PropagationStatus, Target, TargetPhase
from argosy.config import Settings
from argosy.interpreter.registry import health_of
from argosy.kube.connect import Member as KubeMember
from argosy.kube.connect import connect
from devcluster.member import Member
from devcluster.temporal import TemporalServer
from tests.integration.signals import Sent, until

pytestmark = pytest.mark.timeout(120)


class Compared:
    """An installation that observes one ConfigMap in one member, and a propagation's record of it."""

    def __init__(self, sent: Sent, client: Client, name: str, reached: dict[str, KubeMember]) -> None:
        self.sent, self.name, self.reached = sent, name, reached
        self.propagation = f"propagation/{name}"
        self.assessing = asyncio.Event()
        self.assessing.set()
        self.waiting = False
        kinds = KindsInUse()
        kinds.note("v1", "ConfigMap")
        self._client = client
        self.observers = Observers(client=client, kinds=kinds, assess=self._assess, instance=name)

    def observe(self, member: str) -> None:
        async def reached() -> KubeMember:
            return self.reached[member]

        self.observers.keep(member, reached)

    async def record(self, **targets: Target) -> WorkflowHandle[Any, Any]:
        ref = ResourceRef(api_version="v1", kind="ConfigMap", namespace=self.name, name="c")
        status = PropagationStatus(ref=ref, revision=1, pass_number=0, phase=Phase.APPLIED, clusters=targets)
        return await self._client.start_workflow(
            "Propagation", id=self.propagation, task_queue=self.name, memo={attributes.STATUS: status}
        )

    def told(self) -> list[Observed]:
        return [event for _, to, event in self.sent.signals if to == self.propagation]

    async def _assess(self, item: Any) -> Assessment:
        self.waiting = not self.assessing.is_set()
        await self.assessing.wait()
        self.waiting = False
        return health_of(item)


@pytest.fixture
async def compared(temporal_server: TemporalServer, members: list[Member]) -> AsyncIterator[Compared]:
    name = f"late-{secrets.token_hex(4)}"
    owner = Ownership(propagation=f"propagation/{name}", revision=1, pass_number=1, instance=name)
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": name}}
    assert members[0].request("POST", "/api/v1/namespaces", space)[0] == 201
    path = f"/api/v1/namespaces/{name}/configmaps"
    assert members[0].request("POST", path, stamp(config, owner))[0] == 201
    sent = Sent()
    converter = data_converter(Settings(), namespace="default")
    client = await Client.connect(temporal_server.address, interceptors=[sent], data_converter=converter)
    await initialise(client)
    reached = {}
    for one in members[:2]:
        reference = ConnectionReference(kubeconfig=str(one.kubeconfig), context=one.name)
        reached[one.name] = await connect(one.name, reference, allow_exec=False)
    made = Compared(sent, client, name, reached)
    try:
        yield made
    finally:
        await made.observers.close()
        for member in reached.values():
            await member.close()
        # Connections under TLS are closed a moment later.
        await asyncio.sleep(0.25)


async def test_what_lists_do_not_show_yet_is_compared_later(compared: Compared) -> None:
    """A copy that never changes again is found although it was seen before its propagation was on record."""
    name = next(iter(compared.reached))
    compared.observe(name)
    await asyncio.sleep(2)
    handle = await compared.record(**{name: Target(phase=TargetPhase.APPLIED)})
    await until(compared.told, 15)
    assert compared.told()[0].copies[name].assessment.is_healthy
    await handle.terminate()


async def test_what_is_yet_to_be_assessed_is_not_taken_for_gone(compared: Compared) -> None:
    """A worker that starts has hundreds to assess while the clusters that were first are compared already."""
    first, other = compared.reached
    handle = await compared.record(**{first: Target(phase=TargetPhase.APPLIED, uid="known", version="1")})
    compared.assessing.clear()
    compared.observe(first)
    compared.observe(other)
    # That one has nothing to assess, and so has everybody compared at once and some seconds later.
    await asyncio.sleep(6)
    assert compared.told() == []
    compared.assessing.set()
    await until(compared.told, 15)
    assert [event.copies[first].gone for event in compared.told()] == [False]
    await handle.terminate()


async def test_what_goes_while_it_is_assessed_is_gone(compared: Compared, members: list[Member]) -> None:
    first = next(iter(compared.reached))
    path = f"/api/v1/namespaces/{compared.name}/configmaps/c"
    handle = await compared.record(**{first: Target(phase=TargetPhase.APPLIED)})
    compared.observe(first)
    await until(compared.told, 15)
    compared.assessing.clear()
    patch = {"data": {"changed": "by somebody"}}
    status, _ = members[0].request("PATCH", path, patch, content="application/merge-patch+json")
    assert status == 200
    await until(lambda: compared.waiting, 5)
    assert members[0].request("DELETE", path)[0] == 200
    await until(lambda: compared.told()[-1].copies[first].gone, 5)
    compared.assessing.set()
    await asyncio.sleep(1)
    assert compared.told()[-1].copies[first].gone
    await handle.terminate()
