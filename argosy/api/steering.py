"""Steering what becomes of a cluster's copies, and the record of what was asked and what happened."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from argosy.api.messages import Steer
from argosy.api.record import Record


class SteerAction(StrEnum):
    """What can be asked of a cluster; each is also the name of a signal."""

    FAILOVER = "failover"
    HOLD = "hold"
    RESUME = "resume"
    RECOVER = "recover"


class SteerCluster(Record):
    """One such request, where an answer is wanted."""

    action: SteerAction
    order: Steer


class SteerCopies(Record):
    """The same for the copies of one propagation."""

    action: SteerAction
    order: Steer


class Approval(Record):
    """A person takes old copies for stopped, or lets go of those that are kept; empty `clusters` is all of them."""

    request_id: str
    requested_by: str = ""
    clusters: tuple[str, ...] = ()


class Step(Record):
    """Something that happened to a cluster, or to the copies of a propagation.

    Attributes:
        by: a person, an alert, a policy, or the monitor.
        why: in a sentence; empty where nobody gave a reason.
    """

    at: datetime
    what: str
    by: str = ""
    why: str = ""
