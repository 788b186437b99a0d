"""What people are shown of a propagation: how its copies fare, in words, and when that changed last."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from argosy.api.health import Assessment, ObjectHealth
from argosy.api.manifest import ResourceRef
from argosy.api.observation import CopyObservation
from argosy.api.propagation import PropagationState, Target, TargetPhase
from cli.observing import Attempt, Observed
from cli.targets import health_line, rows_of
from workflows.status import details_of, status_of

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
REF = ResourceRef(api_version="apps/v1", kind="Deployment", namespace="default", name="web")
WELL = Assessment(health=ObjectHealth.HEALTHY, message="2 of 2 replicas are available", ready=2, desired=2)
ILL = Assessment(health=ObjectHealth.DEGRADED, message="rollout stalled", ready=0, desired=2)


def state(**known: Assessment) -> PropagationState:
    targets = {
        name: Target(
            phase=TargetPhase.APPLIED,
            since=NOW - timedelta(hours=1),
            changed_at=NOW,
            seen=CopyObservation(assessment=one),
        )
        for name, one in known.items()
    }
    return PropagationState(ref=REF, revision=1, targets=targets, health_since=NOW)


def test_all_copies_together_have_a_sentence_whether_well_or_not() -> None:
    assert health_line(status_of(state(a=WELL), at=NOW)).startswith(
        "Healthy: 2 of 2 replicas are available, 2/2 replicas ready"
    )
    assert health_line(status_of(state(a=WELL, b=WELL), at=NOW)).startswith(
        "Healthy: all 2 copies are healthy, 4/4 replicas ready"
    )
    assert health_line(status_of(state(a=WELL, b=ILL), at=NOW)).startswith(
        "Degraded: b: rollout stalled, 2/4 replicas ready"
    )
    assert health_line(status_of(state(), at=NOW)) == ""


def test_the_page_of_the_workflow_says_when_a_copy_changed_last() -> None:
    page = details_of(state(a=WELL, b=ILL))
    lines = [line for line in page.splitlines() if line.startswith("| b")]
    assert len(lines) == 1
    assert "2026-01-02 03:04:05" in lines[0]
    assert "rollout stalled" in lines[0]
    assert "Health: **Degraded** b: rollout stalled" in page


def test_a_correction_that_does_not_get_through_is_shown() -> None:
    attempt = Attempt(
        kind="correct",
        cluster="a",
        attempt=3,
        waiting=True,
        next_attempt=NOW + timedelta(seconds=4),
        message="a does not answer",
        category="Unreachable",
    )
    observed = Observed("w", running=True, status=status_of(state(a=WELL), at=NOW), attempts={"a": attempt})
    (row,) = rows_of(observed, now=NOW)
    assert (row.phase, row.message) == ("Retrying", "attempt 3 in 4 s: a does not answer")
    quiet = attempt.__class__(**{**vars(attempt), "message": "", "attempt": 1})
    (row,) = rows_of(Observed("w", running=True, status=observed.status, attempts={"a": quiet}), now=NOW)
    assert row.phase == "Applied"
