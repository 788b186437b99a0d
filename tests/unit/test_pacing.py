"""The pace of moves, and when it is looked at how far they are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from activities.pacing import Looks, Pace

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_moments_are_a_pace_apart_and_none_is_kept_for_later() -> None:
    pace = Pace(10)
    moments = [pace.next(NOW) - NOW for _ in range(3)]
    assert moments == [timedelta(0), timedelta(seconds=0.1), timedelta(seconds=0.2)]
    assert pace.next(NOW + timedelta(seconds=5)) == NOW + timedelta(seconds=5)


def looked(looks: Looks, *, ready_after: float) -> tuple[int, float]:
    """How often it was looked at something, and for how long it was waited."""
    waited, count = 0.0, 0
    while waited < ready_after:
        waited, count = waited + looks.next(waited), count + 1
    looks.found(waited, looks=count)
    return count, waited


def test_what_takes_long_is_looked_at_when_it_is_usually_done() -> None:
    looks = Looks(soonest=0.25)
    assert looked(looks, ready_after=4)[0] > 4
    found = [looked(looks, ready_after=4) for _ in range(40)]
    assert sum(count for count, _ in found) < 2 * 40
    assert sum(waited for _, waited in found) < 1.5 * 4 * 40


def test_what_is_quick_again_is_looked_at_soon_again() -> None:
    looks = Looks(soonest=0.25)
    for _ in range(20):
        looked(looks, ready_after=4)
    for _ in range(40):
        looked(looks, ready_after=0.1)
    assert looked(looks, ready_after=0.1) == (1, 0.25)
