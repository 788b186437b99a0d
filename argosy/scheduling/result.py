"""What scheduling is asked and what it answers: targets, and a reason for every cluster."""

from __future__ import annotations

from collections import Counter

from argosy.api.placement import Placement
from argosy.api.record import Record


class ScheduleRequest(Record):
    """One template to be placed.

    Attributes:
        replicas: as the template asks for; None for kinds that have none.
        uid: settles ties when dividing by weight.
        previous: clusters that hold a copy now, which keeps some filters from moving them.
    """

    placement: Placement = Placement()
    replicas: int | None = None
    uid: str = ""
    previous: tuple[str, ...] = ()


class Share(Record):
    """One chosen cluster and its replicas; None for kinds that have none."""

    cluster: str
    replicas: int | None = None


class ScheduleResult(Record):
    """Where the template goes, sorted by cluster name.

    Attributes:
        error: one sentence in Karmada's manner where nothing could be chosen.
        rejected: cluster -> why it was not chosen.
        strategy: how replicas were divided.
    """

    targets: tuple[Share, ...] = ()
    error: str = ""
    rejected: dict[str, str] = {}
    strategy: str = "Duplicated"


def no_fit(total: int, rejected: dict[str, str]) -> str:
    """The one-line message where no cluster fits: counted reasons, sorted."""
    if not rejected:
        return f"0/{total} clusters are available: no cluster exists."
    counted = sorted(f"{count} {reason}" for reason, count in Counter(rejected.values()).items())
    return f"0/{total} clusters are available: {', '.join(counted)}."
