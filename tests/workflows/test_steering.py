"""Steering a cluster: by signals and by the update, each request once, and a record of what happened."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from temporalio.client import Client, WorkflowHandle

from activities.contracts import Inspected, Observation
from argosy.api.ids import cluster_id
from argosy.api.membership import (
    FAILOVER_NOW_TAINT,
    FAILOVER_TAINT,
    ClusterPhase,
    ClusterSettings,
    Edit,
    Health,
)
from argosy.api.messages import Steer
from argosy.api.meta import Taint
from argosy.api.steering import SteerAction, SteerCluster, Step
from cli.connection import new_id
from cli.membership import joined
from tests.workflows.stage import Stage
from tests.workflows.test_cluster import named, settings, until
from workflows.steering import REMEMBERED_STEPS, remembered

pytestmark = pytest.mark.timeout(60)

Entity = WorkflowHandle[object, object]


async def cluster(stage: Stage) -> tuple[str, Entity]:
    name = named()
    await joined(stage.session, name, settings(), timeout=20)
    return name, stage.client.get_workflow_handle(cluster_id(name))


def keys(found: ClusterSettings) -> list[str]:
    return [taint.key for taint in found.taints]


def order(reason: str = "", *, now: bool = False, request_id: str | None = None) -> Steer:
    return Steer(request_id=request_id or new_id(), requested_by="alerting", reason=reason, now=now)


async def test_signals_do_what_the_commands_do_and_are_recorded(stage: Stage) -> None:
    name, handle = await cluster(stage)
    await handle.signal("failover", order("disks fail"))
    status = await until(stage, name, lambda s: bool(s.settings.taints))
    assert keys(status.settings) == [FAILOVER_TAINT]
    assert status.settings.taints[0].effect == "NoExecute"
    assert status.settings.taints[0].time_added is not None
    await handle.signal("failover", order("they burn", now=True))
    status = await until(stage, name, lambda s: len(s.settings.taints) == 2)
    assert keys(status.settings) == [FAILOVER_TAINT, FAILOVER_NOW_TAINT]
    await handle.signal("hold", order("wait for me"))
    await until(stage, name, lambda s: s.settings.hold)
    await handle.signal("resume", order())
    await until(stage, name, lambda s: not s.settings.hold)
    await handle.signal("recover", order("new disks"))
    status = await until(stage, name, lambda s: not s.settings.taints)
    told = [(step.what, step.by, step.why) for step in status.steps]
    assert told[1:6] == [
        ("Failover", "alerting", "disks fail"),
        ("Failover now", "alerting", "they burn"),
        ("Hold", "alerting", "wait for me"),
        ("Resume", "alerting", ""),
        ("Recover", "alerting", "new disks"),
    ]
    assert told[0][0] == "Joined"
    assert status.epoch == 6


async def test_a_request_is_done_once_even_after_the_cluster_has_continued_as_new(stage: Stage) -> None:
    name, handle = await cluster(stage)
    once = order("first")
    await handle.signal("failover", once)
    await until(stage, name, lambda s: bool(s.settings.taints))
    await handle.signal("recover", order())
    status = await until(stage, name, lambda s: not s.settings.taints)
    facts = stage.inspected.facts.model_copy(update={"enablements_digest": "more"})
    well = Health(ready=True, reason="ClusterReady", since=datetime.now(UTC))
    await stage.observations[name].put(Observation(health=well, inspected=Inspected(facts=facts)))
    async with asyncio.timeout(15):
        while await stage.runs(cluster_id(name)) != 2:
            await asyncio.sleep(0.05)
    await handle.signal("failover", once)
    held = await handle.execute_update(
        "steer", SteerCluster(action=SteerAction.HOLD, order=order()), result_type=ClusterSettings
    )
    assert (held.hold, held.taints) == (True, ())
    again = await until(stage, name, lambda s: s.settings.hold)
    assert again.steps[: len(status.steps)] == status.steps
    more = [step.what for step in again.steps[len(status.steps) :] if step.by != "fail-back"]
    assert more == ["Hold"]


async def test_what_is_so_already_changes_nothing_and_a_signal_needs_no_request_id(stage: Stage) -> None:
    name, handle = await cluster(stage)
    for _ in range(3):
        await handle.signal("failover", Steer())
    await handle.signal("recover", Steer())
    await handle.signal("failover", Steer(reason="anew"))
    status = await until(stage, name, lambda s: any(step.why == "anew" for step in s.steps))
    assert [(step.what, step.by) for step in status.steps[1:] if step.by == "a signal"] == [
        ("Failover", "a signal"),
        ("Recover", "a signal"),
        ("Failover", "a signal"),
    ]
    assert status.epoch == 4


async def test_a_signal_that_cannot_be_read_stops_nothing(stage: Stage, client: Client) -> None:
    name, handle = await cluster(stage)
    await client.get_workflow_handle(cluster_id(name)).signal("failover", {"now": "perhaps"})
    await handle.signal("hold", order())
    status = await until(stage, name, lambda s: s.settings.hold)
    assert status.settings.taints == ()


async def test_transitions_and_edits_are_steps_too(stage: Stage) -> None:
    name, handle = await cluster(stage)
    edit = Edit(
        request_id=new_id(), requested_by="ada", taint=(Taint(key="k", value="v", effect="NoExecute"),)
    )
    await handle.execute_update("edit", edit)
    sick = Health(ready=False, reason="ClusterNotReachable", message="cluster is not reachable")
    await stage.observations[name].put(Observation(health=sick))
    status = await until(stage, name, lambda s: s.phase == ClusterPhase.NOT_READY)
    told = [(step.what, step.by, step.why) for step in status.steps[1:]]
    assert told == [
        ("Taint k=v:NoExecute added", "ada", ""),
        ("NotReady", "monitor", "ClusterNotReachable: cluster is not reachable"),
    ]


async def test_the_memo_shows_the_latest_steps_only(stage: Stage) -> None:
    name, handle = await cluster(stage)
    for _ in range(8):
        await handle.signal("hold", Steer())
        await handle.signal("resume", Steer())
    status = await until(stage, name, lambda s: s.epoch == 17)
    assert [step.what for step in status.steps] == ["Hold", "Resume"] * 4


def test_only_so_many_steps_are_remembered() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    steps: tuple[Step, ...] = ()
    for number in range(REMEMBERED_STEPS + 5):
        steps = remembered(steps, Step(at=at, what=str(number)))
    assert [step.what for step in steps] == [str(number) for number in range(5, REMEMBERED_STEPS + 5)]


async def test_templates_return_in_waves_until_the_cluster_fails_again(stage: Stage) -> None:
    name, handle = await cluster(stage)
    stage.claimed.add(name)
    await handle.signal("recover", Steer(request_id="r", requested_by="anna", wave=3))
    await until(stage, name, lambda s: s.recovering)
    async with asyncio.timeout(10):
        while not (mine := [one for one in stage.returning if one.name == name]):
            await asyncio.sleep(0.05)
    assert (mine[0].wave, mine[0].order.requested_by) == (3, "anna")
    down = Health(ready=False, reason="ClusterNotReachable", since=datetime.now(UTC))
    await stage.observations[name].put(Observation(health=down))
    status = await until(stage, name, lambda s: not s.recovering)
    assert ("Recovery stopped", "the cluster does not answer") in [
        (one.what, one.why) for one in status.steps
    ]
    stage.claimed.discard(name)
    up = Health(ready=True, reason="ClusterReady", since=datetime.now(UTC))
    await stage.observations[name].put(Observation(health=up))
    await until(stage, name, lambda s: s.health.ready)
    await handle.signal("recover", Steer(request_id="again"))
    status = await until(stage, name, lambda s: any(one.what == "3 returned" for one in s.steps))
    assert not status.recovering
