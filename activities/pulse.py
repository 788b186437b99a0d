"""Whether the watches on a cluster are alive: when each was last heard of, and what keeps it from opening."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from argosy.api.conditions import ClusterCondition, watching_condition

_LONGEST = 200
OPEN_WITHIN = 30.0
"""Seconds in which a watch can be opened, or is not alive; attempts are at most 15 s apart."""


@dataclass
class _Pulse:
    """Of one watch; moments are seconds of the caller's clock."""

    heard: float | None = None
    failing_since: float | None = None
    error: str = ""


class Pulses:
    """The watches of one cluster, by what they watch.

    Args:
        silence: seconds without an event or a bookmark after which a watch is not alive; servers send bookmarks
            about once a minute.
    """

    def __init__(self, *, silence: float) -> None:
        self._silence = silence
        self._pulses: dict[Hashable, _Pulse] = {}

    def opened(self, key: Hashable, *, at: float) -> None:
        """The server has accepted a watch; one that is opened again and again and says nothing gains no time."""
        pulse = self._of(key)
        if pulse.heard is None or pulse.failing_since is not None:
            pulse.heard = at
        pulse.failing_since = None

    def heard(self, key: Hashable, *, at: float) -> None:
        """An event or a bookmark has come."""
        pulse = self._of(key)
        pulse.heard, pulse.failing_since = at, None

    def failed(self, key: Hashable, error: str, *, at: float) -> None:
        """A watch ended with an error, or could not be opened."""
        pulse = self._of(key)
        pulse.failing_since = at if pulse.failing_since is None else pulse.failing_since
        pulse.error = error[:_LONGEST]

    def absent(self, key: Hashable) -> None:
        """The cluster does not serve this kind, so there is nothing to be heard."""
        self._pulses.pop(key, None)

    def condition(self, *, at: float) -> ClusterCondition:
        """The cluster's condition `Watching`, by its worst watch."""
        for key, pulse in self._pulses.items():
            if pulse.failing_since is not None and at - pulse.failing_since > OPEN_WITHIN:
                return watching_condition("False", "WatchNotOpened", f"{_name(key)}: {pulse.error}")
        for key, pulse in self._pulses.items():
            if pulse.failing_since is None and pulse.heard is not None and at - pulse.heard > self._silence:
                return watching_condition(
                    "False", "WatchSilent", f"{_name(key)}: nothing for more than {self._silence:g} s"
                )
        return watching_condition("True", "WatchesAlive", "changes of copies are seen as they happen")

    def _of(self, key: Hashable) -> _Pulse:
        return self._pulses.setdefault(key, _Pulse())


def _name(key: Hashable) -> str:
    return " ".join(map(str, reversed(key))) if isinstance(key, tuple) else str(key)
