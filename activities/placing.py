"""Placing one template: whether it needs placing at all, where it goes, and what is in force if it goes nowhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from activities.evictions import FailoverTerms
from argosy.api.behaviour import Behaviour
from argosy.api.cluster import Cluster
from argosy.api.eviction import CopyFacts, Steering
from argosy.api.manifest import canonical_json, ref_of
from argosy.api.messages import Required
from argosy.api.placement import Placement
from argosy.api.plan import Groups, Plan, PlannedTarget
from argosy.api.reasons import AffinityReasons
from argosy.interpreter.interpreted import Interpreted
from argosy.scheduling.outcome import Outcome, settle
from argosy.scheduling.request import ScheduleRequest, Target
from argosy.scheduling.result import ScheduleResult
from argosy.scheduling.schedule import schedule
from argosy.scheduling.standing import Standing
from argosy.scheduling.strategy import Strategy, strategy_of
from argosy.scheduling.trigger import verdict

# What of the reasons is recorded: all chosen clusters, and of the others as many as make this number.
RECORDED_CLUSTERS = 200
# What of the rejections is published; the memo is copied into the lists.
PUBLISHED_REJECTIONS = 50


@dataclass(frozen=True)
class Occasion:
    """Under which circumstances a decision is asked for.

    Attributes:
        now: when.
        behaviour: whose answer counts where a policy does not say.
        edited: the template itself is new; only then a lazy policy takes effect.
        rescheduled_at: when someone last asked for a new division of the replicas.
        estimates: cluster -> replicas that fit, from a closer look at its nodes.
        required_by: workloads that need the template in clusters of theirs.
        stuck: cluster -> replicas that it finds no node for.
        facts: what is known of the copies there are.
        steering: what was asked for this template's copies alone.
        held: clusters whose copies nobody may move.
        returned: cluster that has failed and is well again -> since when.
        doubted: clusters that count as well, and may be about to fail.
        slot: when the template may move, where many do; None where it may at any time.
        terms: how long copies stay on a cluster that fails.
        interpreted: what is known of the template; None means by Argosy's own rules.
        priority: of the template, by its policy's priority class.
        lacking: what has to be submitted before the template can be placed, as a sentence.
        groups: the workloads that it keeps together with, and apart from.
        together_with, apart_from: the clusters of each of those that are placed.
    """

    now: datetime
    behaviour: Behaviour = "argosy"
    edited: bool = True
    rescheduled_at: datetime | None = None
    estimates: Mapping[str, int] = field(default_factory=dict)
    required_by: tuple[Required, ...] = ()
    stuck: Mapping[str, int] = field(default_factory=dict)
    facts: CopyFacts = field(default_factory=CopyFacts)
    steering: Steering = field(default_factory=Steering)
    returned: Mapping[str, datetime] = field(default_factory=dict)
    doubted: tuple[str, ...] = ()
    slot: datetime | None = None
    held: tuple[str, ...] = ()
    terms: FailoverTerms = field(default_factory=FailoverTerms)
    interpreted: Interpreted | None = None
    priority: int = 0
    lacking: str = ""
    groups: Groups = field(default_factory=Groups)
    together_with: tuple[tuple[str, ...], ...] = ()
    apart_from: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class Question:
    """What is asked about one template.

    Attributes:
        placement: as the policy has it.
        previous: the plan in force.
        kept: its targets, without those in clusters that have left.
        suspended: what was placed before stays as it is.
        evicting: clusters that the template is being moved away from.
        left: clusters that it was moved away from, and stays away from.
    """

    template: Mapping[str, Any]
    placement: Placement
    previous: Plan | None
    kept: tuple[PlannedTarget, ...]
    behaviour: Behaviour
    interpreted: Interpreted
    suspended: bool
    evicting: tuple[str, ...]
    occasion: Occasion
    left: tuple[str, ...] = ()

    @property
    def standing(self) -> Standing:
        """The question as the scheduler puts it."""
        previous, known = self.previous, self.interpreted
        request = ScheduleRequest(
            template=ref_of(self.template),
            placement=self.placement,
            replicas=known.replicas,
            requirements=known.requirements,
            components=known.components,
            uid=str(self.template["metadata"].get("uid") or ""),
            previous=tuple(
                Target(
                    name=one.cluster, replicas=_without(one.replicas, self.occasion.stuck.get(one.cluster, 0))
                )
                for one in self.kept
            ),
            observed_affinity=previous.affinity if previous else "",
            evicting=self.evicting,
            staying_away=self.left,
            estimates=dict(self.occasion.estimates),
            together_with=self.occasion.together_with,
            apart_from=self.occasion.apart_from,
            behaviour=self.behaviour,
        )
        return Standing(
            request=request,
            applied_placement=(previous.placement or None) if previous else None,
            rescheduled_at=self.occasion.rescheduled_at,
            scheduled_at=previous.scheduled_at if previous else None,
        )


@dataclass(frozen=True)
class Placed:
    """Attributes: `targets` are in force from now on; `record` is what the plan remembers of how they came about."""

    targets: tuple[Target, ...]
    record: dict[str, Any]


def asks_for_room(placement: Placement) -> bool:
    """Whether the answer depends on how many replicas fit where."""
    return strategy_of(placement.replica_scheduling) in {Strategy.DYNAMIC_WEIGHT, Strategy.AGGREGATED} or (
        bool(placement.spread_constraints)
    )


def place(question: Question, clusters: Sequence[Cluster]) -> Placed:
    """Decide anew where something calls for it, and leave everything where it is otherwise."""
    if question.suspended:
        return _stays(question, why="scheduling is suspended")
    standing = question.standing
    decision = verdict(standing, clusters)
    if not decision.schedule:
        return _stays(question, why="")
    request = standing.request.model_copy(update={"fresh": decision.fresh})
    result = schedule(request, clusters)
    if result.error and question.occasion.stuck:
        return _stays(
            question,
            why=f"replicas find no node in {', '.join(sorted(question.occasion.stuck))}, nor elsewhere",
        )
    outcome = settle(request, result)
    return Placed(
        outcome.targets, _record(question, outcome, result, why=decision.reason, total=len(clusters))
    )


def as_recorded(placement: Placement) -> str:
    """A placement as plans remember it."""
    return canonical_json(placement.model_dump(mode="json", by_alias=True)).decode()


def _without(replicas: int | None, stuck: int) -> int | None:
    return None if replicas is None else max(0, replicas - stuck)


def _stays(question: Question, *, why: str) -> Placed:
    previous = question.previous
    if previous is None:
        raise ValueError("what was never placed needs placing")
    targets = tuple(Target(name=one.cluster, replicas=one.replicas) for one in question.kept)
    kept = {
        name: getattr(previous, name)
        for name in (
            "affinity", "placement", "scheduled_at", "strategy", "reasons", "omitted", "mends",
            "unschedulable", "retry", "message", "rejected",
        )
    }  # fmt: skip
    # What is in force still has the cause that it had.
    return Placed(targets, {**kept, "trigger": why or previous.trigger})


def _record(
    question: Question, outcome: Outcome, result: ScheduleResult, *, why: str, total: int
) -> dict[str, Any]:
    previous = question.previous
    reasons, omitted = recorded(result.reasons)
    applied = as_recorded(question.placement)
    return {
        "affinity": outcome.observed_affinity,
        # A placement that failed is tried again at the next event, whatever that is.
        "placement": applied if outcome.scheduled else (previous.placement if previous else ""),
        "scheduled_at": question.occasion.now
        if outcome.scheduled
        else (previous.scheduled_at if previous else None),
        "strategy": result.strategy,
        "reasons": reasons,
        "omitted": omitted,
        "mends": result.mends,
        "trigger": why,
        "unschedulable": "" if outcome.scheduled else outcome.message,
        "retry": outcome.retry,
        "message": _sentence(result, total) if outcome.scheduled else outcome.message,
        "rejected": dict(sorted(result.rejected().items())[:PUBLISHED_REJECTIONS]),
    }


def recorded(reasons: Iterable[AffinityReasons]) -> tuple[tuple[AffinityReasons, ...], int]:
    """The reasons in a size that can be recorded, and how many clusters were left out."""
    kept, omitted = [], 0
    for tried in reasons:
        chosen = [one for one in tried.clusters if one.share is not None]
        others = [one for one in tried.clusters if one.share is None]
        room = max(0, RECORDED_CLUSTERS - len(chosen))
        omitted += max(0, len(others) - room)
        shown = sorted([*chosen, *others[:room]], key=lambda one: one.cluster)
        kept.append(tried.model_copy(update={"clusters": tuple(shown)}))
    return tuple(kept), omitted


def _sentence(result: ScheduleResult, total: int) -> str:
    chosen = f"{len(result.targets)} of {total} clusters"
    group = f" of group {result.observed_affinity}" if result.observed_affinity else ""
    if not any(target.replicas for target in result.targets):
        return f"{chosen}{group} ({result.strategy})"
    shares = ", ".join(f"{target.name}: {target.replicas}" for target in result.targets[:10])
    more = ", …" if len(result.targets) > 10 else ""
    return f"{chosen}{group} ({result.strategy}: {shares}{more})"
