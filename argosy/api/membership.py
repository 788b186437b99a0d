"""The record of one member cluster: how it is reached, what it is like, and how it fares."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from argosy.api.cluster_connection import ConnectionReference
from argosy.api.conditions import ClusterCondition, Status
from argosy.api.messages import Steer
from argosy.api.meta import Taint
from argosy.api.record import Record
from argosy.api.steering import Step

UNSCHEDULABLE_TAINT = "cluster.karmada.io/unschedulable"
"""Set by `argosy cluster cordon`: new copies stay away."""
NOT_READY_TAINT = "cluster.karmada.io/not-ready"
"""Counts while a cluster is not ready, though nobody sets it: new copies stay away, and those there move in time."""
FAILOVER_TAINT = "argosy.dev/failover"
"""Set by a person or by alerting: what is on the cluster has to go, as if it did not answer."""
FAILOVER_NOW_TAINT = "argosy.dev/failover-now"
"""The same, without waiting."""
WORKER_LOST = "ClusterStatusUnknown"
"""Karmada's reason for a cluster in pull mode of which nothing has been heard for its grace period."""
MONITOR_PATIENCE = timedelta(seconds=5)
"""How long a monitor may be silent until another one takes its place, where there are few clusters."""
NAME_PATTERN = r"[a-z0-9]([-a-z0-9]{0,46}[a-z0-9])?"


class ClusterPhase(StrEnum):
    """Where a cluster's membership stands."""

    JOINING = "Joining"
    READY = "Ready"
    NOT_READY = "NotReady"
    LEAVING = "Leaving"
    GONE = "Gone"


LEAST_GRACE = 6.0
"""Seconds of grace below which a worker inside a cluster could not even be restarted in time."""


class SyncMode(StrEnum):
    """Who writes to a cluster: the central workers, or a worker inside it."""

    PUSH = "Push"
    PULL = "Pull"


class ClusterSettings(Record):
    """What a person decides about a cluster.

    Attributes:
        connection: `NOT_FROM_HERE` in pull mode.
        hold: nothing is moved away from it, whatever becomes of it.
        worker_grace: seconds that the worker inside it may be away before it counts as failed; in pull mode only.
    """

    connection: ConnectionReference
    labels: dict[str, str] = {}
    region: str = ""
    zones: tuple[str, ...] = ()
    provider: str = ""
    taints: tuple[Taint, ...] = ()
    hold: bool = False
    sync_mode: SyncMode = SyncMode.PUSH
    worker_grace: float = 40.0

    @property
    def pulls(self) -> bool:
        """Whether only a worker inside the cluster reaches it."""
        return self.sync_mode == SyncMode.PULL

    @property
    def evicts(self) -> bool:
        """Whether copies may have to leave because of its taints."""
        return any(taint.effect == "NoExecute" for taint in self.taints)


class Health(Record):
    """The confirmed condition of a cluster; `since` is when it was confirmed."""

    ready: bool = False
    reason: str = ""
    message: str = ""
    since: datetime | None = None

    @property
    def status(self) -> Status:
        """The status of the condition `Ready`."""
        if self.ready:
            return "True"
        return "Unknown" if self.reason == WORKER_LOST else "False"


class ClusterFacts(Record):
    """What a cluster reports of itself.

    Attributes:
        uid: UID of its namespace kube-system, which identifies the cluster whatever it is called.
        enablements_digest: of the list of APIs it serves; the list itself is in the run's input.
        resources: allocatable, allocated and allocating quantities by resource name.
    """

    uid: str = ""
    server: str = ""
    version: str = ""
    nodes: int | None = None
    ready_nodes: int | None = None
    resources: dict[str, dict[str, str]] = {}
    enablements_digest: str = ""
    enablements_complete: bool = True
    notes: tuple[str, ...] = ()


class Edit(Record):
    """A change to a cluster's settings; a value of None in `labels` removes the label.

    Attributes:
        taint: taints to add or replace, by key and effect.
        hold: whether copies stay whatever becomes of the cluster; None leaves that as it is.
        untaint: (key, effect) pairs to remove; an empty effect removes all effects of the key.
    """

    request_id: str
    requested_by: str = ""
    labels: dict[str, str | None] = {}
    taint: tuple[Taint, ...] = ()
    untaint: tuple[tuple[str, str], ...] = ()
    hold: bool | None = None


class Join(Record):
    """A request to join a cluster, or to re-join a known one with new settings."""

    request_id: str
    requested_by: str = ""
    settings: ClusterSettings


class Unjoin(Record):
    """A request to let a cluster go.

    Attributes:
        delete_workloads: delete what was propagated to it; otherwise it is left running, untouched.
        force: do not wait for propagations to let go of it.
    """

    request_id: str
    requested_by: str = ""
    delete_workloads: bool = False
    force: bool = False


class ClusterState(Record):
    """Everything a cluster's entity carries from run to run.

    Attributes:
        conditions: those beside `health`.
        failures: when it was confirmed to fail, lately.
        taints_asked, taints_answered: how often taint policies had to be looked at, and up to which they were.
        steps: the latest things that were asked or happened, oldest first.
        recovery: the request by which templates return to it now.
        patience: how long its monitor may be silent; longer in a large fleet.
    """

    name: str
    settings: ClusterSettings
    phase: ClusterPhase = ClusterPhase.JOINING
    health: Health = Health()
    facts: ClusterFacts = ClusterFacts()
    enablements: tuple[dict[str, Any], ...] = ()
    epoch: int = 0
    joined_at: datetime | None = None
    joined_by: str = ""
    requests: tuple[str, ...] = ()
    rejoin: Join | None = None
    last_request: str = ""
    last_refusal: str = ""
    leaving: Unjoin | None = None
    announce: str = ""
    conditions: tuple[ClusterCondition, ...] = ()
    failures: tuple[datetime, ...] = ()
    taints_asked: int = 0
    taints_answered: int = 0
    steps: tuple[Step, ...] = ()
    recovery: Steer | None = None
    patience: timedelta = MONITOR_PATIENCE


class ClusterInput(Record):
    """The argument of every run of a cluster's entity."""

    state: ClusterState


class ClusterStatus(Record):
    """What a cluster publishes in its memo: the facts that scheduling uses, compact.

    Attributes:
        last_request, last_refusal: the outcome of the latest asynchronous request; an empty refusal is success.
        steps: the latest few; all that are remembered are on the workflow's page in Temporal's UI.
    """

    name: str
    phase: ClusterPhase
    settings: ClusterSettings
    health: Health = Health()
    facts: ClusterFacts = ClusterFacts()
    epoch: int = 0
    joined_at: datetime | None = None
    last_request: str = ""
    last_refusal: str = ""
    purge: bool = False
    recovering: bool = False
    conditions: tuple[ClusterCondition, ...] = ()
    steps: tuple[Step, ...] = ()
