"""The record of one propagation: its template's identity, plan, per-cluster status, and ledger."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Self

from argosy.api.drift import Drift
from argosy.api.eviction import Eviction, Steering
from argosy.api.health import Assessment, ObjectHealth
from argosy.api.manifest import ResourceRef
from argosy.api.messages import Deletion, Required, Submission, Submitted
from argosy.api.observation import NOT_SEEN, CopyObservation, newer, worst
from argosy.api.plan import Groups, Plan, PolicyRef
from argosy.api.record import Record
from argosy.api.steering import Step

LEDGER_LENGTH = 10
LEDGER_TEMPLATE_BYTES = 96 * 1024
REMEMBERED_REQUESTS = 20


class Phase(StrEnum):
    """Where a propagation stands, in one word; the order is from resting to worrying."""

    DELETED = "Deleted"
    APPLIED = "Applied"
    SUSPENDED = "Suspended"
    APPLYING = "Applying"
    PENDING = "Pending"
    DELETING = "Deleting"
    WAITING = "Waiting"
    UNSCHEDULABLE = "Unschedulable"
    FAILED = "Failed"


class TargetPhase(StrEnum):
    """Where one cluster's copy stands."""

    PENDING = "Pending"
    APPLIED = "Applied"
    FAILED = "Failed"
    SUSPENDED = "Suspended"
    REMOVING = "Removing"
    EVICTING = "Evicting"


class Reason(StrEnum):
    """Why a pass was made."""

    SUBMITTED = "Submitted"
    POLICY_CHANGED = "PolicyChanged"
    CLUSTER_CHANGED = "ClusterChanged"
    RETRY = "Retry"
    RESCHEDULE = "Reschedule"
    REQUIRED = "Required"
    DESCHEDULED = "Descheduled"
    EVICTED = "Evicted"
    HEALTH_CHANGED = "HealthChanged"
    STEERED = "Steered"
    RECOVERED = "Recovered"
    COMPACTED = "Compacted"


class Target(Record):
    """One cluster's copy as last known.

    Attributes:
        uid: the object's UID in the cluster; empty until it was applied once, and where it is known to be gone.
        digest: of the manifest that was applied last.
        revision, pass_number: the stamp that the copy carries.
        version, fields: the object's resource version, and the digest of Argosy's fields of it, when it was applied
            last; what is seen later and differs is drift.
        seen: the latest observation of it.
        changed_at: when how it fares was last seen to change.
        drift: the last change by somebody else.
        drifts: how many there have been.
        fought: how many of them in quick succession; the more, the longer the next one waits.
        eviction: why and how it has to go, while it does.
        grows: what is to be applied has more replicas than what is there, or nothing is there yet.
        grown: it was applied with more replicas than have been seen there since.
        unwell_since: since when it has been seen not to be healthy.
    """

    phase: TargetPhase = TargetPhase.PENDING
    replicas: int | None = None
    uid: str = ""
    digest: str = ""
    revision: int = 0
    pass_number: int = 0
    category: str = ""
    message: str = ""
    since: datetime | None = None
    version: str = ""
    fields: str = ""
    seen: CopyObservation | None = None
    changed_at: datetime | None = None
    drift: Drift | None = None
    drifts: int = 0
    fought: int = 0
    eviction: Eviction | None = None
    grows: bool = False
    grown: bool = False
    unwell_since: datetime | None = None

    @property
    def stamp(self) -> tuple[int, int]:
        """Which apply it is from."""
        return self.revision, self.pass_number

    @property
    def assessment(self) -> Assessment:
        """How it fares, as far as anything was seen of it."""
        return self.seen.assessment if self.seen else NOT_SEEN

    @property
    def is_well(self) -> bool:
        """Whether it was seen to be healthy with all the replicas that it is to have."""
        return self.assessment.is_healthy and not self.grown

    @property
    def drifted(self) -> str:
        """How the copy differs from what was applied, by what was seen since; empty where it does not."""
        seen = self.seen
        if self.phase != TargetPhase.APPLIED or seen is None or not newer(seen.version, self.version):
            return ""
        if seen.gone:
            return "deleted" if self.uid else ""
        if seen.uid != self.uid:
            return "replaced"
        if seen.stamp < self.stamp:
            return "set back"
        return "changed" if seen.fields != self.fields else ""


class LedgerEntry(Record):
    """One revision in the ledger; `template` is dropped from old entries when the budget is spent."""

    revision: int
    digest: str
    submitted_by: str = ""
    submitted_at: datetime | None = None
    reason: str = ""
    result: str = ""
    placement: dict[str, int | None] = {}
    passes: int = 0
    template: str | None = None


class PropagationState(Record):
    """Everything a propagation carries from run to run.

    Attributes:
        rescheduled_at: when someone last asked for a new division of the replicas.
        attempts: how often placing has failed in a row.
        required_by: workload -> where it needs this template.
        stuck: cluster -> replicas that it finds no node for, until the next plan has looked at them.
        told: dependency -> what it was last told about this template's clusters.
        unrecorded: an attempt to plan that never reported may have left copies that `targets` does not name.
        health, health_since: of all copies together, and when that word changed last.
        steering: what was asked for this propagation's copies alone.
        events: cluster -> epoch of its latest change that the next plan has to know.
        acknowledged: cluster -> epoch of its latest change that a plan has looked at.
        steps: what has become of copies, and why; the oldest are forgotten.
        predecessor: the installation whose copies of this template are taken over; empty where there was none.
    """

    ref: ResourceRef
    revision: int = 1
    pass_number: int = 0
    digest: str = ""
    reason: str = Reason.SUBMITTED
    submitted_by: str = ""
    submitted_at: datetime | None = None
    policy: PolicyRef | None = None
    plan: Plan | None = None
    targets: dict[str, Target] = {}
    phase: Phase = Phase.PENDING
    message: str = ""
    trouble: str = ""
    ledger: tuple[LedgerEntry, ...] = ()
    requests: tuple[str, ...] = ()
    answers: dict[str, Submitted] = {}
    pending: Submission | None = None
    pending_revision: int = 0
    deletion: Deletion | None = None
    replan: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    retry: tuple[str, ...] = ()
    waiting: dict[str, int] = {}
    unrecorded: bool = False
    rescheduled_at: datetime | None = None
    attempts: int = 0
    required_by: dict[str, Required] = {}
    told: dict[str, Required] = {}
    stuck: dict[str, int] = {}
    health: ObjectHealth | None = None
    health_since: datetime | None = None
    steering: Steering = Steering()
    events: dict[str, int] = {}
    acknowledged: dict[str, int] = {}
    steps: tuple[Step, ...] = ()
    predecessor: str = ""

    def overall_health(self) -> Assessment | None:
        """All copies that are to stay, as one; None where there are none."""
        staying = {
            name: target.assessment
            for name, target in self.targets.items()
            if target.phase not in {TargetPhase.REMOVING, TargetPhase.EVICTING}
        }
        return worst(staying) if staying else None


class PropagationInput(Record):
    """The argument of every run of a propagation: event 1 of the run is where appliers read the template.

    The template is empty where a workload needs one that nobody has submitted yet: then the entity waits for it.

    Attributes:
        at_once: the plan's first attempts belong to the run's first task; runs begun by earlier releases have none.
        together: first attempts of many copies go together; not in runs begun by earlier releases.
    """

    template: str
    state: PropagationState
    plan: Plan | None = None
    at_once: bool = False
    together: bool = False


class PropagationStatus(Record):
    """What a propagation publishes in its memo: small, and readable without a worker.

    Attributes:
        counts: copies by phase.
        evict_at: cluster -> when its copy will have to go, if everything stays as it is.
        left: cluster -> since when the template stays away from it.
        awaited: clusters in which an old copy has to be gone, or approved, before copies elsewhere begin.
        steering: what was asked for this propagation's copies alone.
        acknowledged: cluster -> epoch of its latest change that a plan has looked at.
        steps: the latest of what has become of copies.
        health: all copies together, with the sums of their replicas; None where there are none.
        health_since: when the word of it changed last.
        drifts: how often somebody else has changed a copy.
        clusters: the copies, the worst first when there are too many for the budget.
    """

    ref: ResourceRef
    revision: int
    pass_number: int
    phase: Phase
    reason: str = ""
    message: str = ""
    policy: PolicyRef | None = None
    submitted_by: str = ""
    submitted_at: datetime | None = None
    updated_at: datetime | None = None
    counts: dict[str, int] = {}
    evict_at: dict[str, datetime] = {}
    left: dict[str, datetime] = {}
    awaited: tuple[str, ...] = ()
    steering: Steering = Steering()
    acknowledged: dict[str, int] = {}
    steps: tuple[Step, ...] = ()
    health: Assessment | None = None
    health_since: datetime | None = None
    drifts: int = 0
    clusters: dict[str, Target] = {}
    rejected: dict[str, str] = {}
    decision: str = ""
    overrides: dict[str, tuple[str, ...]] = {}
    digest: str = ""
    waiting_for: tuple[str, ...] = ()
    groups: Groups = Groups()
    priority: int = 0

    @classmethod
    def at_first(cls, state: PropagationState, *, message: str) -> Self:
        """What is published together with an entity's start, so that there is no moment without a status."""
        return cls(
            ref=state.ref,
            revision=state.revision,
            pass_number=state.pass_number,
            phase=state.phase,
            reason=state.reason,
            message=message,
            submitted_by=state.submitted_by,
            submitted_at=state.submitted_at,
            digest=state.digest,
        )
