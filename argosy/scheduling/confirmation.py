"""When a cluster's condition counts as changed: not before the change has lasted, and longer after each failure.

Source: Karmada's thresholds of failure and success. The growing patience with a cluster that keeps failing is
Argosy's own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from argosy.api.membership import Health

# A single look, perhaps the first after a pause in which nobody looked, confirms nothing.
FEWEST_LOOKS = 2


class Change(StrEnum):
    """What a look at a cluster suggests of the known condition."""

    FAILS = "fails"
    RECOVERS = "recovers"
    FAILS_OTHERWISE = "fails otherwise"


@dataclass(frozen=True)
class Thresholds:
    """How long a change has to last.

    Attributes:
        failure: before a cluster counts as not ready.
        recovery: before it counts as ready again, after one failure.
        recovery_at_most: the same after many.
        memory: how long a failure is held against it.
    """

    failure: timedelta = timedelta(seconds=5)
    recovery: timedelta = timedelta(seconds=2)
    recovery_at_most: timedelta = timedelta(seconds=60)
    memory: timedelta = timedelta(minutes=10)


@dataclass(frozen=True)
class Doubt:
    """A change that is being confirmed.

    Attributes:
        since: of the first of all looks in a row that suggest it, in seconds of any clock.
        looks: how many this observer has taken itself.
    """

    change: Change
    since: float
    looks: int = 0


def suggested(health: Health, *, ok: bool, reason: str) -> Change | None:
    """What a look suggests; None where it agrees with what is known."""
    if ok != health.ready:
        return Change.RECOVERS if ok else Change.FAILS
    return Change.FAILS_OTHERWISE if not ok and reason != health.reason else None


def doubted(before: Doubt | None, change: Change | None, *, at: float) -> Doubt | None:
    """The doubt after one more look; a look that suggests something else begins anew, one that agrees ends it."""
    if change is None:
        return None
    if before is None or before.change is not change:
        return Doubt(change, since=at, looks=1)
    return replace(before, looks=before.looks + 1)


def needed(
    change: Change, failures: Iterable[datetime], thresholds: Thresholds, *, now: datetime
) -> timedelta:
    """How long a change has to last.

    Args:
        failures: when the cluster was confirmed to fail, lately; the time to recover doubles with each.
    """
    if change is not Change.RECOVERS:
        return thresholds.failure
    recent = sum(now - at <= thresholds.memory for at in failures)
    # Beyond this many the bound holds anyway, and the power grows without one.
    doublings = min(max(0, recent - 1), 32)
    longer: timedelta = thresholds.recovery * (1 << doublings)
    return max(thresholds.recovery, min(longer, thresholds.recovery_at_most))


def is_confirmed(doubt: Doubt, lasting: timedelta, *, at: float) -> bool:
    """Whether a change has lasted."""
    return doubt.looks >= FEWEST_LOOKS and at - doubt.since >= lasting.total_seconds()
