"""How a member's copy fares: one of five words, a sentence, and the replicas behind it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Any

from argosy.api.record import Record


class ObjectHealth(StrEnum):
    """From well to worrying; the order is that in which several copies are summed up."""

    HEALTHY = "Healthy"
    PROGRESSING = "Progressing"
    UNKNOWN = "Unknown"
    MISSING = "Missing"
    DEGRADED = "Degraded"


class Assessment(Record):
    """What an object's status says of it.

    Attributes:
        message: why, in one sentence without its full stop; for a healthy one too.
        ready, desired: replicas, where the kind counts them.
    """

    health: ObjectHealth
    message: str = ""
    ready: int | None = None
    desired: int | None = None

    @property
    def is_healthy(self) -> bool:
        """What Karmada calls healthy: it knows only this and its opposite."""
        return self.health == ObjectHealth.HEALTHY


def replicas_ready(assessment: Assessment) -> str:
    """`3/5`, or nothing where the kind does not count."""
    if assessment.desired is None and assessment.ready is None:
        return ""
    return f"{assessment.ready or 0}/{'?' if assessment.desired is None else assessment.desired}"


Assess = Callable[[dict[str, Any]], Awaitable[Assessment]]
"""An object, with whatever status it has -> how it fares. Never raises: what cannot be told is Unknown."""
