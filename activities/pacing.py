"""How fast copies are moved away, so that the failure of a large cluster does not overrun those that take over.

And how often it is looked at how far they are, which takes from the same time.
"""

from __future__ import annotations

from datetime import datetime, timedelta


class Pace:
    """Moments for one move each, at a steady rate, in the order of asking.

    There is no queue to grow: all that is remembered is the next free moment. Whoever was given one
    waits for it on its own, durably.
    """

    def __init__(self, per_second: float) -> None:
        self.per_second = per_second
        self._interval = timedelta(seconds=1 / per_second)
        self._next: datetime | None = None

    def next(self, now: datetime) -> datetime:
        """The next moment that nobody has; `now` where nobody waits."""
        moment = now if self._next is None else max(now, self._next)
        self._next = moment + self._interval
        return moment


class Looks:
    """When to look whether something is done: at first when it usually is, of late."""

    def __init__(self, *, soonest: float) -> None:
        self._soonest = self._usually = soonest

    def next(self, waited: float) -> float:
        """Seconds from now until the next look, where it was waited for so many already."""
        return max(self._soonest, waited / 2) if waited else self._usually

    def found(self, waited: float, *, looks: int) -> None:
        """It was done after so many seconds; where one look was enough, perhaps long before."""
        usually = 0.9 * self._usually if looks == 1 else (self._usually + waited) / 2
        self._usually = max(self._soonest, usually)
