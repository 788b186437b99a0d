"""What the scheduler answers: targets, and a reason for every cluster and every group."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from argosy.api.reasons import AffinityReasons, ErrorKind, ScheduleError
from argosy.api.record import Record
from argosy.scheduling.request import Target


class ScheduleResult(Record):
    """Where the template goes.

    Attributes:
        targets: sorted by name; empty where there is an error.
        observed_affinity: the affinity group that the placement came from; after an error the one recorded before.
        error: None where a placement was found.
        strategy: how replicas were divided.
        reasons: one entry for each affinity group tried, the deciding one last.
        mends: names of the rules by which this may differ from Karmada's answer.
    """

    targets: tuple[Target, ...] = ()
    observed_affinity: str = ""
    error: ScheduleError | None = None
    strategy: str = "Duplicated"
    reasons: tuple[AffinityReasons, ...] = ()
    mends: tuple[str, ...] = ()

    def rejected(self) -> dict[str, str]:
        """Cluster -> why it was not chosen, as the deciding affinity group saw it."""
        deciding = self.reasons[-1].clusters if self.reasons else ()
        return {one.cluster: one.reason for one in deciding if one.share is None}


class Unplaceable(Exception):
    """One affinity group cannot hold the template; never leaves the package: `schedule` makes it data."""

    def __init__(self, kind: ErrorKind, message: str) -> None:
        super().__init__(message)
        self.error = ScheduleError(kind=kind, message=message)


def no_fit(total: int, rejected: Mapping[str, str]) -> str:
    """The one-line message where no cluster fits: counted reasons, sorted.

    Args:
        total: all clusters there are, also those that were not looked at because they are leaving.
        rejected: cluster -> reason.
    """
    if not rejected:
        return f"0/{total} clusters are available: no cluster exists."
    counted = sorted(f"{count} {reason}" for reason, count in Counter(rejected.values()).items())
    return f"0/{total} clusters are available: {', '.join(counted)}."
