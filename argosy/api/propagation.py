"""The record of one propagation: its template's identity, plan, per-cluster status, and ledger."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from argosy.api.drift import Drift, DriftPolicy
from argosy.api.eviction import Eviction, KeptState, Moving, Steering
from argosy.api.health import Assessment, ObjectHealth
from argosy.api.manifest import ResourceRef
from argosy.api.messages import Deletion, Required, Submission, Submitted
from argosy.api.observation import NOT_SEEN, CopyObservation, newer, worst
from argosy.api.reasons import AffinityReasons
from argosy.api.record import Record
from argosy.api.replacing import Replacing
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


class PolicyRef(Record):
    """Which policy placed it; `namespace` is None for cluster policies."""

    namespace: str | None = None
    name: str
    uid: str = ""

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


class Groups(Record):
    """The groups of workloads, as `label=value`, that a template keeps together with or apart from."""

    affinity: str = ""
    anti_affinity: str = ""


class PlannedTarget(Record):
    """What one cluster is to get.

    Attributes:
        replicas: the cluster's share, or None where the kind has no replicas.
        patches: RFC 6902 operations that make this cluster's manifest out of the template.
        digest: SHA-256 of the rendered manifest before stamping; applying proves that it renders the same.
        error: why this cluster's manifest cannot be rendered; the other clusters are not affected.
    """

    cluster: str
    replicas: int | None = None
    patches: tuple[dict[str, Any], ...] = ()
    digest: str = ""
    error: str = ""
    overrides: tuple[str, ...] = ()


class Plan(Record):
    """A recorded decision, written down before anything is touched.

    Attributes:
        policy: the policy that places the template, or None when none matches.
        targets: what each cluster gets, sorted by cluster name.
        message: the decision in one sentence.
        rejected: cluster -> why it was not chosen (bounded).
        unschedulable: why no placement could be made; the previous one is then kept in `targets`.
        takeover: whether objects that Argosy does not own may be taken over.
        preserve: whether copies stay in the clusters when they are no longer wanted.
        suspended: clusters that must not be written to; `("*",)` is all of them.
        released: clusters that have left or are leaving, whose copies are let go of without being touched.
        seen: policy set -> the generation that was read.
        waiting: what has to come before the policy takes effect; until then copies stay as they are.
        trigger: what called for placing, or why nothing did.
        placement: the placement that the targets were chosen by, as canonical JSON.
        scheduled_at: when they were chosen.
        affinity: the affinity group they came from, where groups have names.
        strategy: how replicas were divided.
        behaviour: whose answer counted, Argosy's or Karmada's.
        mends: the named rules by which the answer may differ from Karmada's.
        reasons: why each cluster was chosen or not, one entry for each affinity group tried.
        omitted: clusters whose reasons were left out, for size.
        groups: the workloads that it keeps together with, and apart from.
        priority: where a change concerns many, those with more of it are placed first.
        dependencies: what has to follow the template into its clusters, by workflow ID.
        required_by: workloads that need the template in clusters of theirs, by workflow ID.
        emptied: nothing needs the template any more, and no policy places it: its copies go.
        retry: whether placing is worth trying again although nothing has happened.
        drift: what is done where a copy is changed by somebody else.
        replacing: whether copies may be deleted and created anew where a field cannot be changed.
        evicting: cluster -> why and how its copy has to go; what becomes of it then is the propagation's to order.
        evict_at: cluster -> when its copy will have to go, if everything stays as it is.
        held_back: why copies stay that would have to go; empty where none does.
        in_turn: clusters whose copies wait until fewer others are unavailable.
        slot: when this template's next copy may move, where many do; None where nothing waits for that.
        left: cluster -> since when the template stays away from it, although it may be well again.
        moving: the conditions under which copies move.
        watches_health: whether it matters how long a copy is not healthy.
        keeps: what of a copy's status its successor is to get.
        restored: cluster -> label -> value, of the state that its copy was given.
        adopts: clusters in which an object that Argosy does not own may be taken over, whatever `takeover` says.
        digest: of everything that has an effect.
    """

    policy: PolicyRef | None = None
    targets: tuple[PlannedTarget, ...] = ()
    message: str = ""
    rejected: dict[str, str] = {}
    unschedulable: str = ""
    takeover: bool = False
    preserve: bool = False
    suspended: tuple[str, ...] = ()
    released: tuple[str, ...] = ()
    seen: dict[str, int] = {}
    waiting: str = ""
    trigger: str = ""
    placement: str = ""
    scheduled_at: datetime | None = None
    affinity: str = ""
    strategy: str = ""
    behaviour: str = "argosy"
    mends: tuple[str, ...] = ()
    reasons: tuple[AffinityReasons, ...] = ()
    omitted: int = 0
    groups: Groups = Groups()
    priority: int = 0
    dependencies: dict[str, ResourceRef] = {}
    required_by: tuple[str, ...] = ()
    emptied: bool = False
    retry: bool = False
    drift: DriftPolicy = DriftPolicy()
    replacing: Replacing = Replacing.NEVER
    adopts: tuple[str, ...] = ()
    evicting: dict[str, Eviction] = {}
    evict_at: dict[str, datetime] = {}
    held_back: str = ""
    in_turn: tuple[str, ...] = ()
    slot: datetime | None = None
    left: dict[str, datetime] = {}
    moving: Moving = Moving()
    watches_health: bool = False
    keeps: tuple[KeptState, ...] = ()
    restored: dict[str, dict[str, str]] = {}
    digest: str = ""

    @property
    def is_placed(self) -> bool:
        """Whether the targets are what is wanted; otherwise copies stay as they are, without being touched."""
        return not self.waiting and (self.policy is not None or bool(self.required_by) or self.emptied)

    @property
    def divides_by_room(self) -> bool:
        """Whether each cluster's share depends on how many replicas fit there."""
        return self.strategy in {"DynamicWeight", "Aggregated"}

    def target(self, cluster: str) -> PlannedTarget | None:
        """The planned target of `cluster`, or None."""
        return next((target for target in self.targets if target.cluster == cluster), None)

    def is_suspended(self, cluster: str) -> bool:
        """Whether writing to `cluster` is suspended by the policy."""
        return self.suspended == ("*",) or cluster in self.suspended


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
    """

    template: str
    state: PropagationState
    plan: Plan | None = None


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
