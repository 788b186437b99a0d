"""Moving copies away: why, how, and under which conditions; what a plan decides and a propagation remembers of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from argosy.api.meta import Taint
from argosy.api.record import Record
from argosy.errors import InvalidInput

FENCING = "argosy.dev/fencing"
"""On a template or its policy, the template first: `Required` where two running copies would do harm."""
FENCING_LEASE = "argosy.dev/fencing-lease"
"""How long a copy goes on at most when its cluster is cut off: `90s`, `5m`; whoever writes stops by itself then."""
MAX_UNAVAILABLE = "argosy.dev/max-unavailable"
"""How many of a template's clusters may lack a healthy copy while copies are moved: `1`, `25%`."""
FAIL_BACK = "argosy.dev/fail-back"
"""`Auto` where copies return by themselves to a cluster that is well again; otherwise `argosy cluster recover`."""

ALL_CLUSTERS = "*"


class EvictionCause(StrEnum):
    """What makes a copy move; the words are those of Karmada's eviction tasks, which know no return."""

    TAINT = "TaintUntolerated"
    APPLICATION = "ApplicationFailure"
    RETURN = "Returned"


class PurgeMode(StrEnum):
    """What becomes of the copy that is moved away from."""

    GRACEFULLY = "Gracefully"
    DIRECTLY = "Directly"
    NEVER = "Never"


class Eviction(Record):
    """A decision that a copy has to go.

    Attributes:
        grace_seconds: how long it waits at most for healthy copies elsewhere, where it goes gracefully.
        why: in a sentence.
        state: label -> value, of what is to be preserved of it.
        before: the clusters that had copies when it was decided; none where a cluster's failure was the cause.
        serves_others: it runs nothing itself, but what needs it may still be there; it waits for its whole grace.
        answers: the cluster answered when this was planned last, so that the copy there can be dealt with.
    """

    since: datetime
    cause: EvictionCause = EvictionCause.TAINT
    purge: PurgeMode = PurgeMode.GRACEFULLY
    grace_seconds: int = 600
    why: str = ""
    state: dict[str, str] = {}
    before: tuple[str, ...] = ()
    serves_others: bool = False
    answers: bool = False

    @property
    def grace_ends(self) -> datetime:
        """When it need not wait for healthy copies elsewhere any longer."""
        return self.since + timedelta(seconds=self.grace_seconds)


class KeptState(Record):
    """A value of a copy's status that its successor gets as a label."""

    label: str
    path: str


class CopyFacts(Record):
    """What a propagation knows of its copies when it asks for a plan; keys are clusters.

    Attributes:
        evicting: copies that are being moved away.
        unwell: since when a copy that was seen is not healthy.
        lacking: clusters that have no healthy copy now, for whatever reason.
        state: label -> value, of what is to be preserved of a copy.
    """

    evicting: dict[str, Eviction] = {}
    unwell: dict[str, datetime] = {}
    lacking: tuple[str, ...] = ()
    state: dict[str, dict[str, str]] = {}


class Steering(Record):
    """What was asked for one propagation's copies alone.

    Attributes:
        held: clusters whose copies stay; `*` is all of them.
        forced: cluster -> the taint that only this propagation sees there.
        approved: clusters in which a person takes the old copy for stopped, or lets go of one that is kept.
        recovered: cluster that the template was moved away from -> when it was last let return; `*` is all of them.
    """

    held: tuple[str, ...] = ()
    forced: dict[str, Taint] = {}
    approved: tuple[str, ...] = ()
    recovered: dict[str, datetime] = {}

    def holds(self, cluster: str) -> bool:
        """Whether the copy on a cluster stays by this propagation's own hold."""
        return ALL_CLUSTERS in self.held or cluster in self.held

    def lets_return(self, cluster: str, *, since: datetime) -> bool:
        """Whether the template may return to a cluster that it was moved away from at that time."""
        return any(self.recovered.get(name, since) > since for name in (cluster, ALL_CLUSTERS))


class Moving(Record):
    """The conditions under which a template's copies move, as its annotations and its policy's say.

    Attributes:
        fenced: a copy elsewhere begins only when the old one is proven to have stopped.
        lease_seconds: after which a copy whose cluster is cut off has stopped by itself; 0 is never.
        max_unavailable: as written; empty is no limit.
        returns: copies go back by themselves to a cluster that is well again.
    """

    fenced: bool = False
    lease_seconds: int = 0
    max_unavailable: str = ""
    returns: bool = False

    def may_lack(self, clusters: int) -> int:
        """How many of so many clusters may be without a healthy copy; a share is rounded down, to one at least."""
        if not self.max_unavailable:
            return clusters
        if self.max_unavailable.endswith("%"):
            return max(1, clusters * int(self.max_unavailable[:-1]) // 100)
        return int(self.max_unavailable)


def moving(template: Mapping[str, str], *, policy: Mapping[str, str]) -> Moving:
    """What the annotations of a template and of its policy say; the template's go first.

    Raises:
        InvalidInput: a value is not known.
    """
    written = {**policy, **template}
    limit = written.get(MAX_UNAVAILABLE, "")
    if limit and not re.fullmatch(r"[1-9]\d{0,4}|([1-9]\d?|100)%", limit):
        raise InvalidInput(
            f"metadata.annotations[{MAX_UNAVAILABLE}]: {limit!r} is neither a number above 0 nor a share; "
            "write for example 1, or 25%"
        )
    return Moving(
        fenced=_one_of(written, FENCING, "Required", otherwise=("", "None")),
        lease_seconds=_seconds(written),
        max_unavailable=limit,
        returns=_one_of(written, FAIL_BACK, "Auto", otherwise=("", "Manual")),
    )


def _one_of(written: Mapping[str, str], name: str, wanted: str, *, otherwise: tuple[str, str]) -> bool:
    value = written.get(name, "")
    if value not in {wanted, *otherwise}:
        raise InvalidInput(
            f"metadata.annotations[{name}]: {value!r} is not known; write {wanted} or {otherwise[1]}"
        )
    return value == wanted


def _seconds(written: Mapping[str, str]) -> int:
    value = written.get(FENCING_LEASE, "")
    if not value:
        return 0
    match = re.fullmatch(r"(\d{1,6})(s|m|h)", value)
    if match is None or not int(match[1]):
        raise InvalidInput(
            f"metadata.annotations[{FENCING_LEASE}]: {value!r} is not a time; write for example 90s, or 5m"
        )
    return int(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2]]
