"""What a member's watch sees of a copy, and what that means for the record of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Self

from argosy.api.health import Assessment, ObjectHealth
from argosy.api.record import Record

NOT_SEEN = Assessment(health=ObjectHealth.UNKNOWN, message="not observed yet")
UNREACHABLE = Assessment(health=ObjectHealth.UNKNOWN, message="its cluster does not answer")
MISSING = Assessment(health=ObjectHealth.MISSING, message="the object is not there")


class CopyObservation(Record):
    """One copy as its cluster has it.

    Attributes:
        version: the resource version, by which two observations of one cluster's objects can be ordered.
        revision, pass_number: the stamp that it carries.
        fields: digest of the fields that Argosy's field manager owns.
        gone: it was deleted, or does not carry Argosy's label any more.
        state: label -> value, of what its successor is to get.
    """

    uid: str = ""
    version: str = ""
    revision: int = 0
    pass_number: int = 0
    fields: str = ""
    gone: bool = False
    assessment: Assessment = NOT_SEEN
    state: dict[str, str] = {}

    @property
    def stamp(self) -> tuple[int, int]:
        """Which apply it is from."""
        return self.revision, self.pass_number

    def same_as(self, other: Self) -> bool:
        """Whether nothing differs that anybody has to be told of."""
        return self.model_copy(update={"version": other.version}) == other


class Observed(Record):
    """What was seen of the copies of one propagation; cluster -> the latest observation."""

    copies: dict[str, CopyObservation]


def newer(version: str, than: str) -> bool:
    """Whether one resource version of a cluster is later than another; an unknown one never is."""
    if not (version.isdecimal() and version.isascii()):
        return False
    return not (than.isdecimal() and than.isascii()) or int(version) > int(than)


def last_of(*moments: datetime | None) -> datetime | None:
    """The latest of the moments that are known."""
    return max((at for at in moments if at is not None), default=None)


def worst(assessments: dict[str, Assessment]) -> Assessment:
    """Many copies as one: the most worrying word, its first sentence with its cluster, and the sums of replicas."""
    if not assessments:
        return Assessment(health=ObjectHealth.UNKNOWN, message="it has no copies")
    order = list(ObjectHealth)
    ranked = sorted(assessments.items(), key=lambda one: (-order.index(one[1].health), one[0]))
    cluster, leading = ranked[0]
    message = f"{cluster}: {leading.message}"
    if leading.health == ObjectHealth.HEALTHY:
        count = len(assessments)
        message = leading.message if count == 1 else f"all {count} copies are healthy"
    return Assessment(
        health=leading.health,
        message=message,
        ready=_sum(one.ready for one in assessments.values()),
        desired=_sum(one.desired for one in assessments.values()),
    )


def _sum(numbers: Iterable[int | None]) -> int | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if known else None
