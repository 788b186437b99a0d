"""When a change of a cluster's condition counts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.api.membership import Health
from argosy.scheduling.confirmation import (
    Change,
    Doubt,
    Thresholds,
    doubted,
    is_confirmed,
    needed,
    suggested,
)

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
WELL = Health(ready=True, reason="ClusterReady")
DEAD = Health(ready=False, reason="ClusterNotReachable")


def ago(*minutes: float) -> list[datetime]:
    return [NOW - timedelta(minutes=one) for one in minutes]


@pytest.mark.parametrize(
    ("known", "ok", "reason", "change"),
    [
        (WELL, True, "ClusterReady", None),
        (WELL, False, "ClusterNotReady", Change.FAILS),
        (DEAD, True, "ClusterReady", Change.RECOVERS),
        (DEAD, False, "ClusterNotReachable", None),
        (DEAD, False, "ClusterNotReady", Change.FAILS_OTHERWISE),
    ],
)
def test_what_a_look_suggests(known: Health, ok: bool, reason: str, change: Change | None) -> None:
    assert suggested(known, ok=ok, reason=reason) is change


@pytest.mark.parametrize(
    ("failures", "seconds"),
    [
        ([], 2),
        (ago(1), 2),
        (ago(1, 2), 4),
        (ago(1, 2, 3), 8),
        (ago(1, 2, 3, 4), 16),
        (ago(1, 2, 3, 4, 5), 32),
        (ago(1, 2, 3, 4, 5, 6), 60),
        (ago(*range(10)), 60),
        (ago(1, 11, 12, 13), 2),
        (ago(1, 10, 10.01), 4),
    ],
)
def test_a_cluster_that_keeps_failing_needs_longer_to_be_well_again(
    failures: list[datetime], seconds: int
) -> None:
    assert needed(Change.RECOVERS, failures, Thresholds(), now=NOW) == timedelta(seconds=seconds)
    assert needed(Change.FAILS, failures, Thresholds(), now=NOW) == timedelta(seconds=5)


def test_a_setting_above_the_bound_is_not_cut() -> None:
    slow = Thresholds(recovery=timedelta(minutes=5))
    assert needed(Change.RECOVERS, ago(1, 2, 3), slow, now=NOW) == timedelta(minutes=5)


@given(st.lists(st.floats(0, 30), max_size=50))
def test_more_failures_never_mean_less_time(minutes: list[float]) -> None:
    waits = [
        needed(Change.RECOVERS, ago(*minutes[:count]), Thresholds(), now=NOW)
        for count in range(len(minutes) + 1)
    ]
    assert all(early <= late for early, late in pairwise(waits))
    assert all(timedelta(seconds=2) <= wait <= timedelta(seconds=60) for wait in waits)


def confirmed(looks: Sequence[bool], *, doubt: Doubt | None = None) -> int | None:
    """At which of the looks, one a second, a cluster known to be well is confirmed to fail."""
    for second, ok in enumerate(looks):
        doubt = doubted(doubt, suggested(WELL, ok=ok, reason="x"), at=float(second))
        if doubt is not None and is_confirmed(doubt, timedelta(seconds=5), at=float(second)):
            return second
    return None


def test_only_what_lasts_is_confirmed() -> None:
    assert confirmed([False] * 10) == 5
    assert confirmed([False] * 4 + [True] + [False] * 6) == 10
    assert confirmed([False, False, False, True, True, True] * 20) is None


def test_what_another_observer_has_begun_goes_on_after_two_looks_of_its_own() -> None:
    assert confirmed([False] * 10, doubt=Doubt(Change.FAILS, since=-20.0)) == 1
    assert confirmed([False] * 10, doubt=Doubt(Change.FAILS, since=-2.0)) == 3
    assert confirmed([True] + [False] * 9, doubt=Doubt(Change.FAILS, since=-20.0)) == 6


@given(st.lists(st.booleans(), max_size=60))
def test_it_is_confirmed_at_the_end_of_the_first_six_bad_looks_in_a_row(looks: list[bool]) -> None:
    text = "".join("." if ok else "x" for ok in looks)
    at = text.find("xxxxxx")
    assert confirmed(looks) == (None if at < 0 else at + 5)
