"""When an old copy may be deleted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from activities.contracts import Applied
from argosy.api.eviction import Eviction, Moving, PurgeMode, Steering
from argosy.api.health import Assessment, ObjectHealth
from argosy.api.manifest import ResourceRef
from argosy.api.observation import CopyObservation, Observed
from argosy.api.plan import Plan, PlannedTarget, PolicyRef
from argosy.api.propagation import PropagationState, Target, TargetPhase
from workflows.leaving import may_leave
from workflows.sightings import applied_target, facts_of, observed_targets

NOW = datetime(2026, 1, 1, tzinfo=UTC)
REF = ResourceRef(api_version="apps/v1", kind="Deployment", namespace="default", name="web")


def seen(ready: int, desired: int, *, version: str) -> CopyObservation:
    health = ObjectHealth.HEALTHY if ready == desired else ObjectHealth.PROGRESSING
    return CopyObservation(
        uid="u", version=version, assessment=Assessment(health=health, ready=ready, desired=desired)
    )


def moving_away(
    eviction: Eviction, *, plan: dict[str, Any] | None = None, **changes: Any
) -> PropagationState:
    """A template that moves from `a` to `b`, which has two of its replicas so far."""
    return PropagationState(
        ref=REF,
        plan=Plan(
            policy=PolicyRef(name="p"),
            targets=(PlannedTarget(cluster="b", replicas=4),),
            evicting={"a": eviction},
            **(plan or {}),
        ),
        targets={
            "a": Target(phase=TargetPhase.EVICTING, uid="a", eviction=eviction, seen=seen(2, 2, version="7")),
            "b": Target(
                phase=TargetPhase.PENDING, replicas=4, uid="u", grows=True, seen=seen(2, 2, version="7")
            ),
        },
        **changes,
    )


def test_a_copy_that_has_to_grow_is_well_only_when_it_was_seen_to_have_grown() -> None:
    state = moving_away(Eviction(since=NOW, answers=True))
    applied = applied_target(state.targets["b"], Applied(uid="u", digest="d", version="8"), state, at=NOW)
    state = state.model_copy(update={"targets": {**state.targets, "b": applied}})
    # It was well before, with fewer replicas.
    assert applied.assessment.is_healthy
    assert not may_leave("a", state, now=NOW)
    assert facts_of(state).lacking == ("b",)
    # Older news of it change nothing.
    for ready, desired, expected in ((2, 2, False), (2, 4, False), (4, 4, True)):
        copies = {"b": seen(ready, desired, version=str(9 + ready + desired))}
        targets = observed_targets(state.targets, Observed(copies=copies), at=NOW)
        state = state.model_copy(update={"targets": targets})
        assert may_leave("a", state, now=NOW) is expected
    assert facts_of(state).lacking == ()


def test_what_does_not_count_replicas_is_well_as_it_was() -> None:
    target = Target(
        replicas=4, grows=True, seen=CopyObservation(assessment=Assessment(health=ObjectHealth.HEALTHY))
    )
    applied = Applied(uid="u", digest="d", version="8")
    assert applied_target(target, applied, moving_away(Eviction(since=NOW)), at=NOW).is_well


@pytest.mark.parametrize("moving", [Moving(), Moving(fenced=True)], ids=["directly", "fenced"])
def test_a_copy_that_goes_before_others_begin_stays_where_nothing_else_fits(moving: Moving) -> None:
    directly = Eviction(since=NOW, purge=PurgeMode.DIRECTLY, answers=True)
    state = moving_away(directly, plan={"moving": moving})
    assert may_leave("a", state, now=NOW)
    late = NOW + timedelta(hours=1)
    nowhere = moving_away(directly, plan={"moving": moving, "unschedulable": "0 of 1 clusters fit"})
    assert not may_leave("a", nowhere, now=late)
    alone = state.model_copy(update={"targets": {"a": state.targets["a"]}})
    assert not may_leave("a", alone, now=late)


def test_a_person_lets_go_of_a_kept_copy_whatever_fits() -> None:
    never = Eviction(since=NOW, purge=PurgeMode.NEVER, answers=True)
    assert not may_leave("a", moving_away(never), now=NOW + timedelta(days=1))
    assert may_leave("a", moving_away(never, steering=Steering(approved=("a",))), now=NOW)
