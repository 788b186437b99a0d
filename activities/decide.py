"""The decision about one template, as a pure function: match, place, render, and say why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from activities.alternatives import Departure, departure
from activities.evictions import Template, evictions, steered
from activities.placing import Occasion, Question, as_recorded, place
from activities.policies import Chosen, PolicyView
from activities.render import rendered_targets
from activities.successors import failed_in, kept_states, restored, returned_from, still_left
from argosy.api.behaviour import Behaviour, behaviour_of
from argosy.api.cluster import Cluster
from argosy.api.drift import DriftPolicy, drift_policy
from argosy.api.eviction import EvictionCause, moving
from argosy.api.ids import id_of
from argosy.api.manifest import ResourceRef, canonical_json
from argosy.api.messages import Required
from argosy.api.placement import Placement
from argosy.api.plan import Plan, PlannedTarget
from argosy.api.policy import AnyPropagationPolicy
from argosy.api.replacing import replacing
from argosy.interpreter.dependencies import Dependency
from argosy.interpreter.interpreted import Interpreted, natively
from argosy.scheduling.matching import is_propagated
from argosy.scheduling.request import Target

CONFLICT_ANNOTATION = "work.karmada.io/conflict-resolution"
"""On a template: `overwrite` takes over objects that are not Argosy's, whatever the policy says; `abort` never does."""
SCHEDULING_ANNOTATION = "argosy.dev/scheduling"
"""On a template or its policy, the template first: `Suspended` leaves what is placed where it is; the rest waits."""
ADOPT_ANNOTATION = "argosy.dev/adopt"
"""On a template: clusters, separated by spaces, in which an object by its name may be taken over."""
_EFFECTS = {
    "policy",
    "takeover",
    "preserve",
    "suspended",
    "waiting",
    "emptied",
    "drift",
    "replacing",
    "adopts",
    "keeps",
}


def decide(
    template: Mapping[str, Any],
    *,
    views: Mapping[str, PolicyView],
    chosen: Chosen | None,
    fleet: Mapping[str, Cluster],
    previous: Plan | None,
    occasion: Occasion,
) -> Plan:
    """What is to be done with a template.

    Args:
        views: policy set ID -> its policies; the template's namespace and the cluster scope.
        chosen: the policy that places it (`activities.policies.choose`).
        fleet: every cluster that may hold copies (`activities.fleet`); those in others are let go of.
        previous: the plan in force, whose targets stay where nothing new can be decided.
    """
    seen = {identifier: view.generation for identifier, view in sorted(views.items())}
    before = previous.targets if previous else ()
    released = tuple(target.cluster for target in before if target.cluster not in fleet)
    kept = tuple(target for target in before if target.cluster not in released)
    # Also where nothing fits or may be placed: whoever empties a cluster has asked for it.
    emptied = frozenset(name for name, cluster in fleet.items() if cluster.metadata.deletion_timestamp)
    staying = tuple(target for target in kept if target.cluster not in emptied)
    leaving_with = tuple(target.cluster for target in kept if target.cluster in emptied)
    overrides = [override for view in views.values() for override in view.overrides]
    required = [one for one in _required(occasion.required_by, fleet) if one.name not in emptied]
    if chosen is None:
        unplaced = Plan(
            targets=staying,
            seen=seen,
            released=released,
            emptied_clusters=leaving_with,
            drift=_drift(template),
            replacing=replacing(_annotations(template), policy={}),
        )
        if required or (previous is not None and previous.policy is None and previous.required_by):
            targets = rendered_targets(template, required, fleet, overrides)
            return _sealed(unplaced.model_copy(update=_as_dependency(occasion.required_by, targets)))
        message = (
            "no policy matches; it is picked up when one arrives"
            if is_propagated(template)
            else "templates of system namespaces, or claimed by another controller, are not propagated"
        )
        return _sealed(unplaced.model_copy(update={"message": message}))
    policy = chosen.policy
    behaviour = behaviour_of(policy.metadata.annotations, default=occasion.behaviour)
    known = occasion.interpreted or natively(template, behaviour)
    common: dict[str, Any] = {
        "policy": chosen.ref,
        "takeover": _takeover(template, policy) or any(one.takeover for one in occasion.required_by),
        "preserve": bool(policy.spec.preserve_resources_on_deletion)
        or any(one.preserve for one in occasion.required_by),
        "groups": occasion.groups,
        "priority": occasion.priority,
        "dependencies": _dependencies(known.dependencies) if policy.spec.propagate_deps else {},
        "required_by": tuple(sorted(one.by for one in occasion.required_by)),
        "suspended": _suspended(policy),
        "drift": _drift(template, policy.metadata.annotations),
        "replacing": replacing(_annotations(template), policy=policy.metadata.annotations),
        "adopts": tuple(sorted(_annotations(template).get(ADOPT_ANNOTATION, "").split())),
        "behaviour": behaviour,
        "seen": seen,
        "released": released,
        "emptied_clusters": leaving_with,
    }
    suspended = _scheduling_suspended(template, policy)
    placement, waiting = _in_effect(chosen, views, previous, edited=occasion.edited)
    if suspended and not (previous and previous.placement):
        placement, waiting = None, f"scheduling is suspended by the annotation {SCHEDULING_ANNOTATION}"
    if occasion.lacking:
        placement, waiting = None, occasion.lacking
    if placement is None:
        # Nobody tells of a priority class that arrives.
        retry = bool(occasion.lacking)
        return _sealed(Plan(targets=staying, waiting=waiting, message=waiting, retry=retry, **common))
    asked = _Asked(
        template, policy, placement, kept, steered(fleet, occasion.steering), previous, known, occasion
    )
    placed, record = _placed(asked, behaviour=behaviour, suspended=suspended)
    shares = [target for target in placed if target.name not in emptied]
    chosen_by_policy = {target.name for target in shares}
    extra = [target for target in required if target.name not in chosen_by_policy]
    labels: dict[str, dict[str, str]] = record["restored"]
    rendered = rendered_targets(template, [*shares, *extra], fleet, overrides, known, labels)
    return _sealed(Plan(targets=rendered, **common, **record))


@dataclass(frozen=True)
class _Asked:
    """A template that its policy places, with what is known for that."""

    template: Mapping[str, Any]
    policy: AnyPropagationPolicy
    placement: Placement
    kept: tuple[PlannedTarget, ...]
    fleet: Mapping[str, Cluster]
    previous: Plan | None
    known: Interpreted
    occasion: Occasion


def _placed(
    asked: _Asked, *, behaviour: Behaviour, suspended: bool
) -> tuple[tuple[Target, ...], dict[str, Any]]:
    """Where the template goes, without the clusters that it has to leave, and what the plan remembers of both."""
    occasion, previous, policy = asked.occasion, asked.previous, asked.policy
    subject = Template(
        manifest=asked.template,
        placement=asked.placement,
        replicas=asked.known.replicas,
        moving=moving(_annotations(asked.template), policy=policy.metadata.annotations),
        behaviour=behaviour,
        failover=policy.spec.failover,
        slot=occasion.slot,
    )
    leaving = evictions(
        subject,
        asked.kept,
        asked.fleet,
        facts=occasion.facts,
        held=(*occasion.held, *(name for name in asked.fleet if occasion.steering.holds(name))),
        terms=occasion.terms,
        now=occasion.now,
        returned=occasion.returned,
        doubted=occasion.doubted,
        rescheduled_at=occasion.rescheduled_at,
        steering=occasion.steering,
    )
    # Where a template returns from it may as well stay, should it have to.
    going = {name: one for name, one in leaving.evicting.items() if one.cause != EvictionCause.RETURN}
    left = still_left(
        subject,
        previous,
        going,
        asked.fleet,
        rescheduled_at=occasion.rescheduled_at,
        steering=occasion.steering,
        terms=occasion.terms,
        applied_placement=as_recorded(asked.placement),
    )
    returns = previous is not None and not subject.is_everywhere and bool(previous.left.keys() - left.keys())
    question = Question(
        template=asked.template,
        placement=asked.placement,
        previous=previous,
        kept=leaving.kept,
        evicting=tuple(sorted(going)),
        left=tuple(sorted(left.keys() - going.keys())),
        behaviour=behaviour,
        interpreted=asked.known,
        suspended=suspended,
        occasion=replace(occasion, rescheduled_at=occasion.now) if returns else occasion,
    )
    placed = place(question, tuple(asked.fleet.values()))
    if placed.record["unschedulable"]:
        instead = departure(
            subject,
            question,
            Departure(placed, going, left),
            asked.fleet,
            kept=asked.kept,
            known=occasion.facts.evicting,
            terms=occasion.terms,
        )
        placed, going, left = instead.placed, instead.going, instead.left
    chosen = [target.name for target in placed.targets]
    back = returned_from(
        subject,
        leaving,
        chosen,
        returns=returns,
        facts=occasion.facts,
        terms=occasion.terms,
        now=occasion.now,
    )
    application = policy.spec.failover.application if policy.spec.failover else None
    return placed.targets, {
        **placed.record,
        "evicting": {**back, **going},
        "evict_at": leaving.due,
        "held_back": leaving.note,
        "in_turn": leaving.in_turn,
        "slot": occasion.slot if leaving.paced else None,
        "left": left,
        "failed": tuple(sorted(left.keys() & failed_in(previous, going))),
        "moving": subject.moving,
        "watches_health": application is not None or bool(leaving.in_turn),
        "keeps": kept_states(policy.spec.failover),
        "restored": restored(previous, going, chosen),
    }


def _required(required_by: Iterable[Required], fleet: Mapping[str, Cluster]) -> list[Target]:
    """The clusters that workloads need the template in, as it is, without dividing anything."""
    names = {cluster for one in required_by for cluster in one.clusters}
    return [Target(name=name) for name in sorted(names & fleet.keys())]


def _as_dependency(required_by: Sequence[Required], targets: tuple[PlannedTarget, ...]) -> dict[str, Any]:
    """What a plan says of a template that only follows workloads."""
    names = ", ".join(sorted(one.by.partition("/")[2] for one in required_by)[:5])
    return {
        "targets": targets,
        "required_by": tuple(sorted(one.by for one in required_by)),
        "emptied": not required_by,
        "takeover": any(one.takeover for one in required_by),
        "preserve": any(one.preserve for one in required_by),
        "message": f"follows {names} to {len(targets)} clusters"
        if required_by
        else "nothing needs it any more",
    }


def _dependencies(needed: Iterable[Dependency]) -> dict[str, ResourceRef]:
    """Workflow ID -> what has to follow the template; objects that are meant by label are not followed."""
    found = {}
    for one in needed:
        if one.name:
            ref = ResourceRef(
                api_version=one.api_version, kind=one.kind, namespace=one.namespace or None, name=one.name
            )
            found[id_of(ref)] = ref
    return dict(sorted(found.items()))


def _scheduling_suspended(template: Mapping[str, Any], policy: AnyPropagationPolicy) -> bool:
    """Whether what is placed stays where it is, and the rest is not placed, by wish of the template or the policy."""
    annotations = {**policy.metadata.annotations, **(template["metadata"].get("annotations") or {})}
    return annotations.get(SCHEDULING_ANNOTATION) == "Suspended"


def _in_effect(
    chosen: Chosen, views: Mapping[str, PolicyView], previous: Plan | None, *, edited: bool
) -> tuple[Placement | None, str]:
    """The placement that counts now, or None and what it waits for."""
    missing = chosen.missing_overrides(views)
    if missing:
        return None, f"waiting for the override policies {', '.join(missing)}, which dependentOverrides names"
    if chosen.policy.spec.activation_preference != "Lazy" or edited:
        return chosen.policy.spec.placement, ""
    if previous is None or not previous.placement:
        return None, "the policy is lazy: it takes effect when the template is next changed"
    return Placement.model_validate_json(previous.placement), ""


def _annotations(template: Mapping[str, Any]) -> Mapping[str, str]:
    found: Mapping[str, str] = template["metadata"].get("annotations") or {}
    return found


def _drift(template: Mapping[str, Any], policy: Mapping[str, str] | None = None) -> DriftPolicy:
    metadata = template["metadata"]
    return drift_policy(
        metadata.get("annotations") or {}, policy=policy or {}, labels=metadata.get("labels") or {}
    )


def _takeover(template: Mapping[str, Any], policy: AnyPropagationPolicy) -> bool:
    wish = (template["metadata"].get("annotations") or {}).get(CONFLICT_ANNOTATION)
    if wish in {"overwrite", "abort"}:
        return bool(wish == "overwrite")
    return policy.spec.conflict_resolution == "Overwrite"


def _suspended(policy: AnyPropagationPolicy) -> tuple[str, ...]:
    suspension = policy.spec.suspension
    if suspension is None:
        return ()
    if suspension.dispatching:
        return ("*",)
    on = suspension.dispatching_on_clusters
    return tuple(sorted(on.cluster_names)) if on else ()


def _sealed(plan: Plan) -> Plan:
    """The plan with the digest of what has an effect: not its sentences, nor what was merely seen."""
    effects = plan.model_dump(mode="json", include=_EFFECTS)
    effects["evicting"] = sorted(plan.evicting)
    effects["unschedulable"] = bool(plan.unschedulable)
    effects["targets"] = [
        (target.cluster, target.replicas, target.digest, target.error) for target in plan.targets
    ]
    return plan.model_copy(update={"digest": sha256(canonical_json(effects)).hexdigest()[:16]})
