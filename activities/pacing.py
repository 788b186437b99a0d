"""How fast copies are moved away, so that the failure of a large cluster does not overrun those that take over."""

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
