"""What a propagation makes of what the watches see: health, and changes by others."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from temporalio.client import WorkflowHandle

from activities.contracts import Applied, Corrected
from argosy.api.drift import DriftMode, DriftPolicy
from argosy.api.health import Assessment, ObjectHealth
from argosy.api.messages import ClusterEvent
from argosy.api.observation import CopyObservation, Observed
from argosy.api.propagation import Phase, PropagationStatus, TargetPhase
from tests.workflows.stage import Stage, permanent, plan_for

pytestmark = pytest.mark.timeout(60)

WELL = Assessment(health=ObjectHealth.HEALTHY, ready=2, desired=2)
ILL = Assessment(health=ObjectHealth.DEGRADED, message="0 of 2 replicas are available", ready=0, desired=2)


def seen(cluster: str, version: int, *, fields: str = "ours", **changes: Any) -> Observed:
    observation = CopyObservation(
        uid=f"uid-{cluster}", version=str(version), revision=1, fields=fields, assessment=WELL
    )
    return Observed(copies={cluster: observation.model_copy(update=changes)})


async def applied(stage: Stage) -> WorkflowHandle[Any, Any]:
    handle, _ = await stage.submit(key="1")
    await stage.until(handle, lambda s: s.phase == Phase.APPLIED)
    return handle


def health_of(status: PropagationStatus) -> ObjectHealth | None:
    return status.health.health if status.health else None


async def test_the_worst_copy_speaks_for_all_and_replicas_are_summed(stage: Stage) -> None:
    handle = await applied(stage)
    for cluster in "abc":
        await handle.signal("observed", seen(cluster, 200))
    status = await stage.until(handle, lambda s: health_of(s) == ObjectHealth.HEALTHY)
    assert status.health is not None
    assert (status.health.ready, status.health.desired) == (6, 6)
    await handle.signal("observed", seen("b", 201, assessment=ILL))
    status = await stage.until(handle, lambda s: health_of(s) == ObjectHealth.DEGRADED)
    assert status.health is not None
    assert status.health.message == "b: 0 of 2 replicas are available"
    assert (status.health.ready, status.health.desired) == (4, 6)
    assert status.clusters["b"].changed_at is not None
    assert not stage.corrected


async def test_an_older_observation_does_not_take_the_place_of_a_newer_one(stage: Stage) -> None:
    handle = await applied(stage)
    await handle.signal("observed", seen("a", 300))
    await handle.signal("observed", seen("a", 299, assessment=ILL))
    await handle.signal("observed", seen("b", 300))
    status = await stage.until(handle, lambda s: s.clusters["b"].assessment == WELL)
    assert status.clusters["a"].assessment == WELL


async def test_a_changed_field_is_set_right_and_recorded_with_who_changed_it(stage: Stage) -> None:
    handle = await applied(stage)
    await handle.signal("observed", seen("a", 200, fields="fewer"))
    status = await stage.until(handle, lambda s: s.drifts == 1)
    drift = status.clusters["a"].drift
    assert drift is not None
    assert str(drift) == "changed data.key by kubectl at noon"
    assert drift.corrected
    assert [request.report_only for request in stage.corrected] == [False]
    assert stage.corrected[0].apply.expect_uid == "uid-a"
    # What the correction itself has made the watch see is no news.
    await handle.signal("observed", seen("a", 1010))
    await handle.signal("observed", seen("b", 300))
    await stage.until(handle, lambda s: s.clusters["b"].assessment == WELL)
    assert len(stage.corrected) == 1


async def test_a_deleted_copy_comes_back(stage: Stage) -> None:
    stage.found_changed = stage.found_changed.model_copy(update={"there": False, "fields": (), "by": ()})
    handle = await applied(stage)
    await handle.signal("observed", seen("a", 200, gone=True))
    status = await stage.until(handle, lambda s: s.drifts == 1)
    assert str(status.clusters["a"].drift) == "deleted"
    assert not status.clusters["a"].drifted


async def test_a_copy_that_is_there_after_all_is_not_looked_for_again(stage: Stage) -> None:
    handle = await applied(stage)
    unchanged = Applied(uid="uid-a", digest="d", version="100", fields="ours")
    stage.found_changed = Corrected(there=True, applied=unchanged)
    await handle.signal("observed", seen("a", 200, gone=True))
    await handle.signal("observed", seen("b", 300))
    await stage.until(
        handle,
        lambda s: (
            s.clusters["b"].assessment == WELL and bool(stage.corrected) and not s.clusters["a"].drifted
        ),
    )
    await handle.signal("observed", seen("a", 150))
    status = await stage.until(handle, lambda s: s.clusters["a"].assessment == WELL)
    assert (status.drifts, len(stage.corrected)) == (0, 1)


async def test_whoever_insists_is_answered_ever_later(stage: Stage) -> None:
    handle = await applied(stage)
    await handle.signal("observed", seen("a", 200, fields="fewer"))
    await stage.until(handle, lambda s: s.drifts == 1)
    await handle.signal("observed", seen("a", 1011, fields="fewer"))
    status = await stage.until(handle, lambda s: s.drifts == 2)
    assert status.clusters["a"].fought == 2
    history = await handle.fetch_history()
    timers = [
        event.timer_started_event_attributes.start_to_fire_timeout.seconds
        for event in history.events
        if event.HasField("timer_started_event_attributes")
    ]
    assert timers == [1]


@pytest.mark.parametrize("gone", [False, True])
async def test_drift_may_only_be_reported(stage: Stage, gone: bool) -> None:
    stage.plan = lambda _: plan_for("a", drift=DriftPolicy(mode=DriftMode.REPORT))
    handle = await applied(stage)
    await handle.signal("observed", seen("a", 200, fields="fewer", gone=gone))
    status = await stage.until(handle, lambda s: s.drifts == 1)
    drift = status.clusters["a"].drift
    assert drift is not None
    assert not drift.corrected
    assert str(drift) == ("deleted" if gone else "changed data.key by kubectl at noon")
    assert [request.report_only for request in stage.corrected] == ([] if gone else [True])
    # Nothing more is said until something changes again.
    await handle.signal("observed", seen("a", 201, fields="fewer", gone=gone, assessment=ILL))
    status = await stage.until(handle, lambda s: health_of(s) == ObjectHealth.DEGRADED)
    assert status.drifts == 1


async def test_drift_may_be_ignored_and_is_while_writing_is_suspended(stage: Stage) -> None:
    stage.plan = lambda _: plan_for("a", drift=DriftPolicy(mode=DriftMode.IGNORE))
    handle = await applied(stage)
    await handle.signal("observed", seen("a", 200, fields="fewer", assessment=ILL))
    status = await stage.until(handle, lambda s: health_of(s) == ObjectHealth.DEGRADED)
    assert status.drifts == 0
    assert not stage.corrected


async def test_a_correction_that_is_refused_is_a_failure_of_that_cluster(stage: Stage) -> None:
    handle = await applied(stage)
    stage.failing["a"] = permanent("Conflict", "somebody else's object is in its place")
    await handle.signal("observed", seen("a", 200, gone=True))
    status = await stage.until(handle, lambda s: s.phase == Phase.FAILED)
    assert status.clusters["a"].category == "Conflict"
    assert status.clusters["b"].phase == TargetPhase.APPLIED


async def test_a_newer_template_overtakes_a_correction_that_waits(stage: Stage) -> None:
    handle = await applied(stage)
    for count in range(1, 5):
        await handle.signal("observed", seen("a", 1000 + count * 10, fields="fewer"))
        if count < 4:
            await stage.until(handle, lambda s, wanted=count: s.drifts == wanted)  # type: ignore[misc]  # mypy does not infer lambdas with defaults
    stage.plan = lambda _: plan_for("a", "b", "c", digest="d2")
    name = (await stage.until(handle, lambda _: True)).ref.name
    await stage.submit(name, key="2")
    status = await stage.until(handle, lambda s: s.revision == 2 and s.phase == Phase.APPLIED, seconds=3)
    assert status.drifts == 3


async def test_nothing_is_known_of_copies_in_a_cluster_that_does_not_answer(stage: Stage) -> None:
    handle = await applied(stage)
    for cluster in "abc":
        await handle.signal("observed", seen(cluster, 200))
    await stage.until(handle, lambda s: health_of(s) == ObjectHealth.HEALTHY)
    await handle.signal("cluster_event", ClusterEvent(cluster="b", kind="NotReady"))
    status = await stage.until(handle, lambda s: health_of(s) == ObjectHealth.UNKNOWN)
    assert status.health is not None
    assert status.health.message == "b: its cluster does not answer"
    await handle.signal("observed", seen("b", 200))
    await stage.until(handle, lambda s: health_of(s) == ObjectHealth.HEALTHY)


@pytest.fixture(autouse=True)
async def _ending(stage: Stage) -> AsyncIterator[None]:
    yield
    stage.failing.clear()
