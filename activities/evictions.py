"""Which copies have to leave their clusters, now or soon, and what holds that up."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from argosy.api.behaviour import Behaviour
from argosy.api.cluster import Cluster
from argosy.api.eviction import CopyFacts, Eviction, EvictionCause, Moving, PurgeMode, Steering
from argosy.api.manifest import ref_of
from argosy.api.membership import FAILOVER_NOW_TAINT, FAILOVER_TAINT, NOT_READY_TAINT
from argosy.api.meta import Taint
from argosy.api.placement import Placement
from argosy.api.plan import PlannedTarget
from argosy.api.policy import Failover, StatePreservation
from argosy.api.replacing import HOLDING_DATA
from argosy.interpreter.patience import moves_freely, runs_pods
from argosy.scheduling.eviction import is_outage, leaves_at
from argosy.scheduling.filters import untolerated
from argosy.scheduling.strategy import Strategy, strategy_of

_LOOK_AGAIN = timedelta(seconds=1)
_MARKS = {
    NOT_READY_TAINT: "it does not answer",
    FAILOVER_TAINT: "its failover was asked for",
    FAILOVER_NOW_TAINT: "its failover was asked for at once",
}


@dataclass(frozen=True)
class FailoverTerms:
    """How long copies stay on a cluster that fails, and when nothing is moved at all.

    Attributes:
        freely: for workloads of which two copies at once do no harm.
        carefully: for all others.
        share: of the fleet that may fail at once before the observer is suspected.
        grace: how long a copy that is to go waits for healthy ones elsewhere, where its policy says nothing.
        guard_lasts: how long a cluster that is back still counts as one of those that failed together.
    """

    freely: timedelta = timedelta(seconds=3)
    carefully: timedelta = timedelta(seconds=300)
    share: float = 0.5
    grace: timedelta = timedelta(seconds=600)
    guard_lasts: timedelta = timedelta(seconds=60)


@dataclass(frozen=True)
class Template:
    """What of a template decides how its copies move.

    Attributes:
        replicas: None where its kind has none.
        failover: as its policy has it.
        slot: when it may move, where many templates do; None where it may at any time.
    """

    manifest: Mapping[str, Any]
    placement: Placement
    replicas: int | None
    moving: Moving
    behaviour: Behaviour = "argosy"
    failover: Failover | None = None
    slot: datetime | None = None

    @property
    def is_everywhere(self) -> bool:
        """Whether every cluster that fits has a whole copy, so that none takes over from another."""
        strategy = strategy_of(self.placement.replica_scheduling)
        selects = self.placement.cluster_affinities or self.placement.spread_constraints
        return not selects and (self.replicas is None or strategy is Strategy.DUPLICATED)


@dataclass(frozen=True)
class Evictions:
    """What is to be done about copies on clusters that repel them, or where they do not fare well.

    Attributes:
        kept: the targets that stay, for now.
        evicting: cluster -> why and how its copy has to go.
        due: cluster -> when its copy will have to.
        note: what holds evictions up, as a sentence; empty where nothing does.
        in_turn: clusters whose copies wait until fewer others are unavailable.
        paced: copies wait for the template's slot.
    """

    kept: tuple[PlannedTarget, ...]
    evicting: dict[str, Eviction] = field(default_factory=dict)
    due: dict[str, datetime] = field(default_factory=dict)
    note: str = ""
    in_turn: tuple[str, ...] = ()
    paced: bool = False


class _Due(NamedTuple):
    """When a copy has to go, and why."""

    at: datetime
    cause: EvictionCause
    why: str


def evictions(
    template: Template,
    kept: Sequence[PlannedTarget],
    fleet: Mapping[str, Cluster],
    *,
    facts: CopyFacts,
    held: Iterable[str],
    terms: FailoverTerms,
    now: datetime,
    returned: Mapping[str, datetime] | None = None,
    doubted: Collection[str] = (),
    rescheduled_at: datetime | None = None,
    steering: Steering | None = None,
) -> Evictions:
    """Look at every cluster that has a copy.

    Args:
        fleet: with the taints that only this template sees.
        held: clusters whose copies nobody may move, by a person's wish.
        returned: cluster that is well again -> since when.
        doubted: clusters that count as well, and may be about to fail.
        rescheduled_at: when someone last asked for a new division, over all clusters that are well.
        steering: what was asked for this template's copies alone.
    """
    wanted = _wanted_back(facts, steering or Steering(), rescheduled_at=rescheduled_at)
    guard = _guard(fleet, returned, doubted, terms=terms, now=now)
    leaving = {name: _leaving(template, fleet[name], terms) for name in fleet}
    evicting = {
        name: known.model_copy(update={"answers": not _is_failing(fleet[name])})
        for name, known in facts.evicting.items()
        if name in fleet
        and not (leaving[name] is None and (name in wanted or _is_welcome_back(known, template)))
    }
    before = tuple(target.cluster for target in kept)
    lacking = set(facts.lacking) & set(before)
    spare = template.moving.may_lack(len(before)) - len(lacking)
    stay, due, notes, in_turn, paced = [], {}, [], [], False
    for target in kept:
        name = target.cluster
        found = min((one for one in (leaving[name], _failed(template, name, facts)) if one), default=None)
        held_by = found and _held_by(found, fleet[name], held, suspected=guard is not None)
        if found is None or name in evicting:
            stay += [target] if name not in evicting else []
        elif found.at > now:
            due[name] = found.at
            stay.append(target)
        elif held_by:
            notes.append(f"{name} is {held_by}")
            stay.append(target)
            if guard is not None and guard > now and name not in set(held):
                due[name] = guard
        elif name not in lacking and spare <= 0:
            in_turn.append(name)
            stay.append(target)
        elif template.slot is not None and template.slot > now:
            due[name], paced = template.slot, True
            stay.append(target)
        else:
            spare -= name not in lacking
            eviction = _eviction(template, name, found, facts, before=before, terms=terms, now=now)
            evicting[name] = eviction.model_copy(update={"answers": not _is_failing(fleet[name])})
    if in_turn:
        limit = template.moving.max_unavailable
        notes.append(f"{', '.join(in_turn)}: moves when fewer copies are unavailable (at most {limit})")
    return Evictions(tuple(stay), evicting, due, "; ".join(notes), tuple(in_turn), paced)


def return_from(
    template: Template, name: str, *, why: str, facts: CopyFacts, terms: FailoverTerms, now: datetime
) -> Eviction:
    """How a copy goes from where it only was for as long as it could not be elsewhere."""
    found = _Due(now, EvictionCause.RETURN, why)
    eviction = _eviction(template, name, found, facts, before=(), terms=terms, now=now)
    return eviction.model_copy(update={"answers": True})


def steered(fleet: Mapping[str, Cluster], steering: Steering) -> Mapping[str, Cluster]:
    """The fleet as one template sees it: with the failovers that were asked for it alone."""
    forced = {name: taint for name, taint in steering.forced.items() if name in fleet}
    if not forced:
        return fleet
    marked = {
        name: fleet[name].model_copy(
            update={"spec": fleet[name].spec.model_copy(update={"taints": (*fleet[name].spec.taints, taint)})}
        )
        for name, taint in forced.items()
    }
    return {**fleet, **marked}


def is_well(template: Template, cluster: Cluster, terms: FailoverTerms) -> bool:
    """Whether copies may stay on a cluster for ever, and new ones come."""
    repelled = untolerated(cluster.spec.taints, template.placement.cluster_tolerations)
    return _leaving(template, cluster, terms) is None and repelled is None


def _leaving(template: Template, cluster: Cluster, terms: FailoverTerms) -> _Due | None:
    """When the taints of a cluster make its copy go, and which one does."""
    free = moves_freely(template.manifest, replicas=template.replicas)
    patience = terms.freely if free else terms.carefully
    by_default = {NOT_READY_TAINT: patience, FAILOVER_TAINT: patience, FAILOVER_NOW_TAINT: timedelta(0)}
    found = []
    for taint in cluster.spec.taints:
        evicting = _evicting(taint, template.behaviour)
        at = leaves_at([evicting], template.placement.cluster_tolerations, by_default=by_default)
        if at is not None:
            why = _MARKS.get(taint.key, f"its taint {taint.key}:{taint.effect} is not tolerated")
            found.append(_Due(at, EvictionCause.TAINT, why))
    return min(found, default=None)


def _failed(template: Template, name: str, facts: CopyFacts) -> _Due | None:
    """When a copy that is not healthy is given up, where its policy says so."""
    application = template.failover.application if template.failover else None
    since = facts.unwell.get(name)
    if application is None or since is None:
        return None
    conditions = application.decision_conditions
    seconds = conditions.toleration_seconds if conditions else None
    tolerated = 300 if seconds is None else seconds
    why = f"the workload there was not healthy for {tolerated} s"
    return _Due(since + timedelta(seconds=tolerated), EvictionCause.APPLICATION, why)


def _eviction(
    template: Template,
    name: str,
    found: _Due,
    facts: CopyFacts,
    *,
    before: tuple[str, ...],
    terms: FailoverTerms,
    now: datetime,
) -> Eviction:
    """How a copy goes: as the part of the policy says that is about its cause."""
    failover, purge, grace = template.failover, None, None
    preservation: StatePreservation | None = None
    if failover is not None and found.cause == EvictionCause.APPLICATION and failover.application:
        purge, grace = failover.application.purge_mode, failover.application.grace_period_seconds
        preservation = failover.application.state_preservation
    elif failover is not None and found.cause != EvictionCause.APPLICATION and failover.cluster:
        purge, preservation = failover.cluster.purge_mode, failover.cluster.state_preservation
    ref = ref_of(template.manifest)
    if (ref.group, ref.kind) in HOLDING_DATA:
        # With a namespace all that is in it would go, whatever becomes of that elsewhere.
        purge = "Never"
    labels = {rule.alias_label_name for rule in preservation.rules} if preservation else set()
    known = facts.state.get(name, {})
    return Eviction(
        since=now,
        cause=found.cause,
        purge=PurgeMode(purge or PurgeMode.GRACEFULLY),
        grace_seconds=int(terms.grace.total_seconds()) if grace is None else grace,
        why=found.why,
        state={label: known[label] for label in sorted(labels & known.keys())},
        serves_others=not runs_pods(template.manifest, replicas=template.replicas),
        before=before if found.cause == EvictionCause.APPLICATION else (),
    )


def _is_welcome_back(eviction: Eviction, template: Template) -> bool:
    """Whether a copy may stay where its cluster is well again, because nobody has taken its share over."""
    return eviction.cause == EvictionCause.TAINT and template.is_everywhere


def _wanted_back(facts: CopyFacts, steering: Steering, *, rescheduled_at: datetime | None) -> set[str]:
    """The clusters that a template was moved away from, and that somebody has let it return to since then."""
    return {
        name
        for name, known in facts.evicting.items()
        # It leaves where it was because it is wanted elsewhere; that it is wanted does not keep it here.
        if known.cause != EvictionCause.RETURN
        and (
            (rescheduled_at is not None and rescheduled_at > known.since)
            or steering.lets_return(name, since=known.since)
        )
    }


def _evicting(taint: Taint, behaviour: Behaviour) -> Taint:
    """A cluster that does not answer evicts as well as repels; in Karmada it only repels."""
    if taint.key == NOT_READY_TAINT and behaviour == "argosy":
        return taint.model_copy(update={"effect": "NoExecute"})
    return taint


def _is_failing(cluster: Cluster) -> bool:
    return any(taint.key == NOT_READY_TAINT for taint in cluster.spec.taints)


def _guard(
    fleet: Mapping[str, Cluster],
    returned: Mapping[str, datetime] | None,
    doubted: Collection[str],
    *,
    terms: FailoverTerms,
    now: datetime,
) -> datetime | None:
    """Until when the observer is suspected rather than the clusters; None where it is not.

    Clusters that were cut off together do not come back in the same moment. Those that are back already are counted
    for a while, so that the last ones are not given up because they are few. Nor are they confirmed to fail in the same
    moment: those that may be about to are counted, too, and looked at again soon.
    """
    failing = {name for name, cluster in fleet.items() if _is_failing(cluster)}
    lately = {
        name: since + terms.guard_lasts
        for name, since in (returned or {}).items()
        if name in fleet and name not in failing and since + terms.guard_lasts > now
    }
    if is_outage(fleet.values(), failing=failing, share=terms.share):
        return now
    if failing and is_outage(fleet.values(), failing={*failing, *lately}, share=terms.share):
        return min(lately.values())
    if failing and is_outage(fleet.values(), failing={*failing, *lately, *doubted}, share=terms.share):
        return now + _LOOK_AGAIN
    return None


def _held_by(found: _Due, cluster: Cluster, held: Iterable[str], *, suspected: bool) -> str:
    if cluster.name in set(held):
        return "held: its copies stay until `argosy cluster resume`"
    if suspected and _is_failing(cluster) and found.why == _MARKS[NOT_READY_TAINT]:
        return "not given up: too many clusters fail at once, and it may be the observer that is cut off"
    return ""
