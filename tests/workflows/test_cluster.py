"""The paths of a cluster's membership and health."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowExecutionStatus

from activities.contracts import Inspected, Observation
from activities.runs import RunInputs
from argosy.api.cluster_connection import ConnectionReference
from argosy.api.ids import cluster_id
from argosy.api.membership import (
    ClusterFacts,
    ClusterInput,
    ClusterPhase,
    ClusterSettings,
    ClusterStatus,
    Edit,
    Health,
    Unjoin,
)
from argosy.api.meta import Taint
from argosy.errors import Conflict, Forbidden, InvalidInput, Unreachable
from cli.connection import new_id
from cli.membership import joined
from tests.workflows.stage import Stage
from workflows.options import CLUSTER_EVENTS

pytestmark = pytest.mark.timeout(60)


def settings(path: str = "/kubeconfig") -> ClusterSettings:
    return ClusterSettings(connection=ConnectionReference(kubeconfig=path), region="eu")


def named() -> str:
    return f"c-{uuid.uuid4().hex[:10]}"


async def until(stage: Stage, name: str, holds: Callable[[ClusterStatus], bool]) -> ClusterStatus:
    async with asyncio.timeout(20):
        while True:
            described = await stage.session.describe(cluster_id(name))
            assert described is not None
            status = await described.memo_value("status", None, type_hint=ClusterStatus)
            if status is not None and holds(status):
                return status
            await asyncio.sleep(0.03)


def in_phase(phase: ClusterPhase) -> Callable[[ClusterStatus], bool]:
    return lambda status: status.phase == phase


async def test_a_cluster_joins_and_is_watched(stage: Stage) -> None:
    name = named()
    status = await joined(stage.session, name, settings(), timeout=20)
    assert status.phase == ClusterPhase.READY
    assert status.facts.uid == "u1"
    async with asyncio.timeout(10):
        while name not in {w.name for w in stage.watched} or name not in {a.name for a in stage.announced}:
            await asyncio.sleep(0.02)
    assert [a.kind for a in stage.announced if a.name == name] == ["Joined"]


@pytest.mark.parametrize("error", [Forbidden("no"), InvalidInput("no context"), Unreachable("down")])
async def test_a_join_that_fails_leaves_nothing_behind(stage: Stage, error: Exception) -> None:
    name = named()
    stage.failing[name] = error
    with pytest.raises(type(error), match=f"cluster {name} cannot join"):
        await joined(stage.session, name, settings(), timeout=20)
    described = await stage.session.describe(cluster_id(name))
    assert described is not None
    assert described.status == WorkflowExecutionStatus.FAILED
    del stage.failing[name]
    assert (await joined(stage.session, name, settings(), timeout=20)).phase == ClusterPhase.READY


async def test_a_server_with_another_name_is_refused(stage: Stage) -> None:
    name = named()
    stage.failing[f"confirm {name}"] = Conflict("its API server is already joined as other")
    with pytest.raises(Conflict, match="already joined as other"):
        await joined(stage.session, name, settings(), timeout=20)


async def test_joining_again_is_idempotent_and_another_server_is_refused(stage: Stage) -> None:
    name = named()
    await joined(stage.session, name, settings(), timeout=20)
    status = await joined(stage.session, name, settings("/moved"), timeout=20)
    assert status.settings.connection.kubeconfig == "/moved"
    stage.inspected = Inspected(facts=ClusterFacts(uid="u2", server="https://two"))
    with pytest.raises(Conflict, match="joined as another cluster"):
        await joined(stage.session, name, settings("/other"), timeout=20)
    assert (await until(stage, name, lambda s: True)).settings.connection.kubeconfig == "/moved"


async def test_edits_raise_the_epoch_and_are_announced(stage: Stage) -> None:
    name = named()
    await joined(stage.session, name, settings(), timeout=20)
    handle = stage.client.get_workflow_handle(cluster_id(name))
    edit = Edit(request_id=new_id(), labels={"tier": "gold"}, taint=(Taint(key="k", effect="NoSchedule"),))
    for _ in range(2):
        after = await handle.execute_update("edit", edit, result_type=ClusterSettings)
    assert after.labels == {"tier": "gold"}
    status = await until(stage, name, lambda s: bool(s.settings.labels))
    assert status.epoch == 2
    async with asyncio.timeout(10):
        while (name, 2) not in {(a.name, a.epoch) for a in stage.announced}:
            await asyncio.sleep(0.02)
    await handle.execute_update(
        "edit", Edit(request_id=new_id(), labels={"tier": None}, untaint=(("k", ""),))
    )
    status = await until(stage, name, lambda s: s.epoch == 3)
    assert (status.settings.labels, status.settings.taints) == ({}, ())


async def test_what_a_run_does_as_earlier_releases_did_is_decided_in_its_first_task(stage: Stage) -> None:
    """Decided when an edit comes in, it depended on how far an announcement was, which replays saw otherwise."""
    name = named()
    await joined(stage.session, name, settings(), timeout=20)
    handle = stage.client.get_workflow_handle(cluster_id(name))
    await handle.execute_update("edit", Edit(request_id=new_id(), labels={"tier": "gold"}))
    kinds = [event.event_type for event in (await handle.fetch_history()).events]
    markers = [at for at, kind in enumerate(kinds) if kind == EventType.EVENT_TYPE_MARKER_RECORDED]
    assert len(markers) == 2
    assert max(markers) < kinds.index(EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED)


async def test_one_that_fails_time_and_again_keeps_its_history_short(stage: Stage) -> None:
    """Who takes it over has to replay all of it before the next failure is known."""
    name = named()
    await joined(stage.session, name, settings(), timeout=20)
    handle = stage.client.get_workflow_handle(cluster_id(name))
    runs, longest = [(await handle.describe()).run_id], 0
    for _ in range(60):
        for ready, phase in ((False, ClusterPhase.NOT_READY), (True, ClusterPhase.READY)):
            reason = "ClusterReady" if ready else "ClusterNotReachable"
            health = Health(ready=ready, reason=reason, since=datetime.now(UTC))
            await stage.observations[name].put(Observation(health=health))
            status = await until(stage, name, in_phase(phase))
        described = await handle.describe()
        longest = max(longest, described.history_length)
        if described.run_id not in runs:
            runs.append(described.run_id)
        if len(runs) == 3:
            break
    assert len(runs) == 3
    # One more failure and return than the limit.
    assert longest < CLUSTER_EVENTS + 60
    async with asyncio.timeout(10):
        while (name, status.epoch) not in {(a.name, a.epoch) for a in stage.announced}:
            await asyncio.sleep(0.02)
    assert [len(w.failures) for w in stage.watched if w.name == name] == sorted(
        len(w.failures) for w in stage.watched if w.name == name
    )


async def test_confirmed_transitions_are_published_and_new_apis_make_a_new_run(stage: Stage) -> None:
    name = named()
    await joined(stage.session, name, settings(), timeout=20)
    sick = Health(ready=False, reason="ClusterNotReachable", since=datetime.now(UTC))
    await stage.observations[name].put(Observation(health=sick))
    status = await until(stage, name, lambda s: s.phase == ClusterPhase.NOT_READY)
    assert status.health.reason == "ClusterNotReachable"
    well = Health(ready=True, reason="ClusterReady", since=datetime.now(UTC))
    facts = stage.inspected.facts.model_copy(update={"enablements_digest": "more"})
    await stage.observations[name].put(Observation(health=well, inspected=Inspected(facts=facts)))
    await until(stage, name, lambda s: s.phase == ClusterPhase.READY and s.facts.enablements_digest == "more")
    async with asyncio.timeout(10):
        while await stage.runs(cluster_id(name)) != 2:
            await asyncio.sleep(0.05)
    async with asyncio.timeout(10):
        while [a.kind for a in stage.announced if a.name == name][-1] != "Ready":
            await asyncio.sleep(0.02)


async def test_unjoining_waits_until_nothing_claims_the_cluster(stage: Stage) -> None:
    name = named()
    await joined(stage.session, name, settings(), timeout=20)
    stage.claimed.add(name)
    handle = stage.client.get_workflow_handle(cluster_id(name))
    await handle.execute_update("unjoin", Unjoin(request_id=new_id(), delete_workloads=True))
    status = await until(stage, name, lambda s: s.phase == ClusterPhase.LEAVING)
    assert status.purge
    stage.claimed.clear()
    await handle.result()


async def test_the_list_of_apis_is_where_planners_read_it_as_soon_as_it_has_joined(stage: Stage) -> None:
    facts = ClusterFacts(uid="u-apis", server="https://apis", version="v1.36.3", enablements_digest="d")
    stage.inspected = Inspected(facts=facts, enablements=({"groupVersion": "apps/v1", "resources": []},))
    await joined(stage.session, "apis", settings(), timeout=20)
    inputs = RunInputs(stage.client)
    identifier = cluster_id("apis")
    async with asyncio.timeout(20):
        while True:
            run_id = await inputs.current_run(identifier)
            assert run_id is not None
            start = await inputs.read(identifier, run_id, ClusterInput)
            if start.state.facts.enablements_digest == "d":
                assert start.state.enablements
                break
            await asyncio.sleep(0.05)
