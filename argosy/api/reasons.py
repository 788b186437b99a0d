"""Why a template goes where it goes: the reasons that belong to a placement and are recorded with it."""

from __future__ import annotations

from typing import Literal

from argosy.api.record import Record

ErrorKind = Literal["FitError", "UnschedulableError", "Other"]


class ScheduleError(Record):
    """Why there is no placement, as data.

    Attributes:
        kind: FitError: no cluster passed the filters; UnschedulableError: not enough room for the replicas;
            Other: everything else, among them unsatisfied spread constraints.
    """

    kind: ErrorKind
    message: str


class ClusterReason(Record):
    """Why one cluster was chosen or not.

    Attributes:
        rejected_by: the filter that it did not pass; empty where it passed all.
        reason: in a few words; empty where the share says it all.
        tier: 0 for the group itself, n for the group's nth overflow group.
        score: higher goes first; None where it was rejected.
        capacity: replicas that fit beside what it already holds; None where nobody needed to know.
        share: its replicas, 0 for a chosen cluster of a kind without replicas; None where it was not chosen.
    """

    cluster: str
    rejected_by: str = ""
    reason: str = ""
    tier: int = 0
    score: int | None = None
    capacity: int | None = None
    share: int | None = None


class GroupReason(Record):
    """Why a region, zone or provider was chosen or not; `score` and `clusters` are what it was ranked by."""

    field: str
    name: str
    clusters: int
    score: int
    chosen: bool
    reason: str = ""


class AffinityReasons(Record):
    """What became of one affinity group; `affinity` is empty for a placement without named groups."""

    affinity: str = ""
    error: ScheduleError | None = None
    groups: tuple[GroupReason, ...] = ()
    clusters: tuple[ClusterReason, ...] = ()
