"""The plan: what is decided about one template, written down before anything is touched."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import field_validator

from argosy.api.drift import DriftPolicy
from argosy.api.eviction import Eviction, KeptState, Moving
from argosy.api.manifest import ResourceRef
from argosy.api.reasons import AffinityReasons
from argosy.api.record import Record
from argosy.api.replacing import Replacing


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
        emptied_clusters: clusters that are leaving and whose copies go, whatever else is decided.
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
        failed: of `left`, the clusters in which the template failed itself, so that it returns only when asked to.
        moving: the conditions under which copies move.
        watches_health: whether it matters how long a copy is not healthy.
        keeps: what of a copy's status its successor is to get.
        pulls: clusters with copies, or to get some, that only a worker inside them reaches.
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
    emptied_clusters: tuple[str, ...] = ()
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
    failed: tuple[str, ...] = ()
    moving: Moving = Moving()
    watches_health: bool = False
    keeps: tuple[KeptState, ...] = ()
    restored: dict[str, dict[str, str]] = {}
    pulls: tuple[str, ...] = ()
    digest: str = ""

    @field_validator("evicting", mode="before")
    @classmethod
    def _with_reasons(cls, written: Any) -> Any:
        """Plans of earlier builds have only the moment."""
        if not isinstance(written, dict):
            return written
        return {name: {"since": one} if isinstance(one, str) else one for name, one in written.items()}

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
