"""What activities take and give: one model in, one model out; references, never manifests."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Self

from argosy.api.conditions import ClusterCondition
from argosy.api.eviction import CopyFacts, KeptState, Steering
from argosy.api.health import Assessment
from argosy.api.manifest import ResourceRef
from argosy.api.membership import MONITOR_PATIENCE, ClusterFacts, ClusterSettings, Health
from argosy.api.messages import Required, Steer
from argosy.api.meta import Taint
from argosy.api.plan import Plan, PlannedTarget, PolicyRef
from argosy.api.record import BriefRecord, Record
from argosy.api.replacing import Replacing


class PlanRequest(Record):
    """Decide for one template. A local activity's input is not recorded, so it may hold the template.

    Attributes:
        template: the manifest as canonical JSON.
        bound: the policy that placed it last; it keeps the template while it still matches.
        previous: the plan in force.
        required_by: workloads that need the template in clusters of theirs.
        stuck: cluster -> replicas that it finds no node for.
        edited: the template is new to this run; a lazy policy takes effect only then.
        rescheduled_at: when someone last asked for a new division of the replicas.
        facts: what is known of the copies there are.
        steering: what was asked for this template's copies alone.
        epochs: cluster -> epoch of its entity that the plan has to know at least.
        known: cluster -> UID of the copy there, empty where there are none yet; given only when the first apply
            may be fused into planning, because no crash could leave a copy behind that nobody looks for.
        asked_at: when the workflow task began that this is a part of.
    """

    workflow_id: str
    run_id: str
    ref: ResourceRef
    template: str
    revision: int
    pass_number: int
    bound: PolicyRef | None = None
    previous: Plan | None = None
    edited: bool = True
    rescheduled_at: datetime | None = None
    required_by: tuple[Required, ...] = ()
    stuck: dict[str, int] = {}
    facts: CopyFacts = CopyFacts()
    steering: Steering = Steering()
    epochs: dict[str, int] = {}
    known: dict[str, str] | None = None
    asked_at: datetime | None = None


class Applied(BriefRecord):
    """A copy as it now is in a cluster.

    Attributes:
        version, fields: the object's resource version, and the digest of Argosy's fields of it.
        assessment: how it fares, where it has only just been created and nobody has reported on it.
    """

    uid: str
    digest: str
    version: str = ""
    fields: str = ""
    assessment: Assessment | None = None


class Planned(Record):
    """The decision, and the copies that were applied along with it on the fast path.

    Attributes:
        repeated: an earlier attempt of the same activity may have applied copies that this one does not know.
    """

    plan: Plan
    applied: dict[str, Applied] = {}
    repeated: bool = False


class FindCopies(Record):
    """Look for the copies of a template in every cluster where an unrecorded plan may have put them.

    Attributes:
        predecessor: an installation whose copies count as well.
    """

    workflow_id: str
    ref: ResourceRef
    predecessor: str = ""


class FoundCopies(Record):
    """Cluster -> UID of the copy there; empty where the cluster would not say."""

    copies: dict[str, str] = {}


class ApplyRequest(BriefRecord):
    """Bring one cluster's copy to what the plan says.

    Attributes:
        template: where that costs nothing, because it is not recorded; otherwise it is read from event 1 of the run.
        expect_uid: the copy's UID where known; saves a read and detects a foreign replacement.
        digest: of the manifest that must come out of rendering.
        replacing: whether the copy may be deleted and created anew where a field cannot be changed.
        exceptions: JSON pointers to fields that are left to the member once somebody else has set them.
        keeps: what of the copy's status its successor is to get.
        predecessor: an installation whose copy of this template may be taken over.
        asked_at: when the workflow task began that this is a part of; None where it is an activity of its own.
    """

    workflow_id: str
    run_id: str
    cluster: str
    revision: int
    pass_number: int
    template: str = ""
    replicas: int | None = None
    patches: tuple[dict[str, object], ...] = ()
    digest: str = ""
    expect_uid: str = ""
    takeover: bool = False
    exceptions: tuple[str, ...] = ()
    replacing: Replacing = Replacing.NEVER
    keeps: tuple[KeptState, ...] = ()
    predecessor: str = ""
    asked_at: datetime | None = None

    @classmethod
    def of(
        cls,
        target: PlannedTarget,
        plan: Plan,
        *,
        workflow_id: str,
        run_id: str,
        revision: int,
        pass_number: int,
        expect_uid: str,
        predecessor: str = "",
        asked_at: datetime | None = None,
    ) -> Self:
        """What a plan wants of one cluster."""
        return cls(
            workflow_id=workflow_id,
            run_id=run_id,
            cluster=target.cluster,
            revision=revision,
            pass_number=pass_number,
            replicas=target.replicas,
            patches=target.patches,
            digest=target.digest,
            expect_uid=expect_uid,
            takeover=plan.takeover or target.cluster in plan.adopts,
            replacing=plan.replacing,
            exceptions=plan.drift.exceptions,
            keeps=plan.keeps,
            predecessor=predecessor,
            asked_at=asked_at,
        )


class ApplyTogether(Record):
    """Attempt several copies of one template once."""

    requests: tuple[ApplyRequest, ...]


class AppliedTogether(Record):
    """What came of joint attempts.

    Attributes:
        applied: cluster -> its copy; whatever failed or took too long is missing.
    """

    applied: dict[str, Applied] = {}


class CorrectRequest(Record):
    """Bring a copy back to what was applied, or only find out what was changed, and by whom."""

    apply: ApplyRequest
    report_only: bool = False


class Corrected(Record):
    """What somebody else had changed of a copy.

    Attributes:
        there: whether the object existed.
        fields: of Argosy's fields, as paths (bounded).
        by: who wrote them, as the API server has recorded it.
        applied: the copy as it now is; None where it was left as it is.
    """

    there: bool = False
    fields: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    applied: Applied | None = None


class RemoveRequest(Record):
    """Remove one cluster's copy, or release it: leave it running without Argosy's marks.

    Attributes:
        to_the_end: it is gone only when what it has made, such as pods, is gone as well.
    """

    workflow_id: str
    ref: ResourceRef
    cluster: str
    revision: int = 0
    pass_number: int = 0
    release: bool = False
    to_the_end: bool = False


class Removed(Record):
    """What became of a copy: deleted, absent, released, or not ours (and so left alone)."""

    outcome: str


class AwaitPolicy(Record):
    """Register a template that no policy matches with the policy sets it has read."""

    workflow_id: str
    namespace: str | None
    seen: dict[str, int]


class TellDependencies(Record):
    """Tell templates where a workload needs them; those that do not exist yet are begun, to wait for their content."""

    dependencies: dict[str, Required]
    refs: dict[str, ResourceRef]


class NotifyPropagations(Record):
    """Tell propagations of a new generation of a policy set.

    Attributes:
        namespace: only templates of this namespace; None is all of them.
        kinds: only templates of these kinds; None is all of them.
        waiters: propagations that asked to be told, whatever the lists show.
    """

    policy_set: str
    generation: int
    namespace: str | None = None
    kinds: tuple[str, ...] | None = None
    waiters: tuple[str, ...] = ()


class Notified(Record):
    """How many propagations were told."""

    count: int


class InspectRequest(Record):
    """Prove that a cluster can be reached and used, and read what it is."""

    name: str
    settings: ClusterSettings


class Inspected(Record):
    """What a cluster is; `enablements` is the full list of APIs it serves."""

    facts: ClusterFacts
    enablements: tuple[dict[str, object], ...] = ()


class ConfirmJoin(Record):
    """Wait until the lists show the cluster, and refuse a server that is joined under another name."""

    name: str
    uid: str
    epoch: int


class AnnounceCluster(Record):
    """Tell propagations of a change to a cluster, those with copies there first.

    Attributes:
        ready: whether the cluster answers.
        claimants_only: others are not concerned.
        evicts: copies may have to leave because of it, so that more are not told at once than may move.
    """

    name: str
    kind: str
    epoch: int
    gone: bool = False
    evicts: bool = False
    claimants_only: bool = False
    ready: bool | None = None


class FailBack(Record):
    """Let templates that were moved away from a cluster return to it, in waves.

    Attributes:
        wave: how many at once; the next ones follow when these are healthy.
    """

    name: str
    order: Steer
    wave: int = 10


class FailedBack(Record):
    """What became of a fail-back: how many returned, and why it ended early, if it did."""

    count: int
    stopped: str = ""


class DrainCluster(Record):
    """Wait until no propagation claims the cluster any more."""

    name: str
    gone: bool = True


class WatchCluster(Record):
    """Probe a cluster until a condition or its facts change.

    Attributes:
        conditions: those known, beside its health.
        failures: when it was confirmed to fail, lately.
        patience: how long the monitor may be silent until another one takes its place.
    """

    name: str
    settings: ClusterSettings
    health: Health
    facts: ClusterFacts
    epoch: int = 0
    conditions: tuple[ClusterCondition, ...] = ()
    failures: tuple[datetime, ...] = ()
    patience: timedelta = MONITOR_PATIENCE


class EvaluateTaints(Record):
    """Find out what taint policies make of a cluster's taints.

    Attributes:
        conditions: type -> status, `Ready` among them.
    """

    name: str
    settings: ClusterSettings
    conditions: dict[str, str]


class TaintedBy(Record):
    """A taint that a policy adds, or removes."""

    taint: Taint
    policy: str
    added: bool


class TaintVerdict(Record):
    """What taint policies change of a cluster's taints."""

    changes: tuple[TaintedBy, ...] = ()


class TellClusters(Record):
    """Tell every cluster of a new generation of taint policies."""

    generation: int


class Observation(Record):
    """A confirmed change: `inspected` is set when the facts changed, `conditions` holds those that were judged.

    Attributes:
        patience: how long the next monitor may be silent, where that is to change.
    """

    health: Health
    inspected: Inspected | None = None
    conditions: tuple[ClusterCondition, ...] = ()
    patience: timedelta | None = None
