"""What a propagation is told: by users, by policy sets, by clusters, and by other propagations."""

from __future__ import annotations

from typing import ClassVar

from argosy.api.record import Record


class Submission(Record):
    """A new template, as a user sends it.

    Attributes:
        template: the manifest as canonical JSON; opaque to the workflow.
        digest: SHA-256 of `template`.
        request_id: what a repeated request is known by, in this run or a later one.
        predecessor: an installation whose copies of the template are to be taken over.
    """

    template: str
    digest: str
    request_id: str = ""
    submitted_by: str = ""
    comment: str = ""
    predecessor: str = ""


class Submitted(Record):
    """The answer to a submission: which revision it is, whether anything changed, and whether it is the first."""

    revision: int
    changed: bool
    created: bool = False


class Deletion(Record):
    """A request to delete the template and its copies.

    Attributes:
        orphan: clusters whose copies are left behind without being touched.
        preserve: leave every copy running, released from Argosy.
    """

    request_id: str
    requested_by: str = ""
    orphan: tuple[str, ...] = ()
    preserve: bool = False


class Retry(Record):
    """A request to try failed and waiting clusters again now; empty `clusters` is all of them."""

    request_id: str
    requested_by: str = ""
    clusters: tuple[str, ...] = ()


class Reschedule(Record):
    """A request to divide replicas anew, whatever runs where now."""

    request_id: str
    requested_by: str = ""


class Required(Record):
    """A workload needs this template in its clusters; no clusters mean that it does not any more.

    Attributes:
        by: the workload's workflow ID.
        takeover: whether objects that Argosy does not own may be taken over.
        preserve: whether copies stay in the clusters when they are no longer wanted.
    """

    by: str
    clusters: tuple[str, ...] = ()
    takeover: bool = False
    preserve: bool = False


class StuckReplicas(Record):
    """Replicas of a template that one cluster finds no node for."""

    cluster: str
    replicas: int


class PoliciesChanged(Record):
    """A policy set has a new generation that may concern this template."""

    policy_set: str
    generation: int


class ClusterEvent(Record):
    """Something about a cluster changed that may concern this template.

    Attributes:
        gone: the cluster has left; its copies are no longer reachable through Argosy.
        epoch: of the cluster's entity after the change; whoever plans because of it must know at least this one.
        ready: whether the cluster answers; None where the event does not say.
    """

    # What a cluster's entity announces first, when nothing can have a copy there yet.
    JOINED: ClassVar[str] = "Joined"
    READY: ClassVar[str] = "Ready"
    NOT_READY: ClassVar[str] = "NotReady"

    cluster: str
    kind: str
    gone: bool = False
    epoch: int = 0
    ready: bool | None = None


class Steer(Record):
    """What a person or an alert wants to happen to the copies on a cluster; the message's name says what.

    Attributes:
        reason: why, in a sentence; it is kept in the history.
        cluster: which one, where the message goes to a propagation; empty is every cluster that has a copy.
        now: without the time that workloads are otherwise given.
        wave: how many templates return to a cluster at once, where it is to recover.
    """

    request_id: str = ""
    requested_by: str = ""
    reason: str = ""
    cluster: str = ""
    now: bool = False
    wave: int = 10
