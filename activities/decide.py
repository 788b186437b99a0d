"""The decision about one template, as a pure function: match, place, render, and say why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from activities.placing import Question, place
from activities.policies import Chosen, PolicyView
from activities.render import base
from argosy.api.behaviour import Behaviour, behaviour_of
from argosy.api.cluster import Cluster
from argosy.api.manifest import canonical_json, digest
from argosy.api.override import AnyOverridePolicy
from argosy.api.placement import Placement
from argosy.api.policy import AnyPropagationPolicy
from argosy.api.propagation import Plan, PlannedTarget
from argosy.errors import OverrideError
from argosy.overrides.render import difference, render
from argosy.scheduling.matching import is_propagated
from argosy.scheduling.request import Target

CONFLICT_ANNOTATION = "work.karmada.io/conflict-resolution"


@dataclass(frozen=True)
class Occasion:
    """Under which circumstances a decision is asked for.

    Attributes:
        now: when.
        behaviour: whose answer counts where a policy does not say.
        edited: the template itself is new; only then a lazy policy takes effect.
        rescheduled_at: when someone last asked for a new division of the replicas.
        estimates: cluster -> replicas that fit, from a closer look at its nodes.
    """

    now: datetime
    behaviour: Behaviour = "argosy"
    edited: bool = True
    rescheduled_at: datetime | None = None
    estimates: Mapping[str, int] | None = None


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
    if chosen is None:
        message = (
            "no policy matches; it is picked up when one arrives"
            if is_propagated(template)
            else "templates of system namespaces, or claimed by another controller, are not propagated"
        )
        return _sealed(Plan(targets=kept, message=message, seen=seen, released=released))
    policy = chosen.policy
    common: dict[str, Any] = {
        "policy": chosen.ref,
        "takeover": _takeover(template, policy),
        "preserve": bool(policy.spec.preserve_resources_on_deletion),
        "suspended": _suspended(policy),
        "behaviour": behaviour_of(policy.metadata.annotations, default=occasion.behaviour),
        "seen": seen,
        "released": released,
    }
    placement, waiting = _in_effect(chosen, views, previous, edited=occasion.edited)
    if placement is None:
        return _sealed(Plan(targets=kept, waiting=waiting, message=waiting, **common))
    question = Question(
        template=template,
        placement=placement,
        previous=previous,
        kept=kept,
        now=occasion.now,
        behaviour=common["behaviour"],
        rescheduled_at=occasion.rescheduled_at,
        estimates=occasion.estimates,
    )
    placed = place(question, tuple(fleet.values()))
    overrides = [override for view in views.values() for override in view.overrides]
    targets = _rendered_targets(template, placed.targets, fleet, overrides)
    return _sealed(Plan(targets=targets, **common, **placed.record))


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


def _rendered_targets(
    template: Mapping[str, Any],
    shares: Iterable[Target],
    clusters: Mapping[str, Cluster],
    overrides: list[AnyOverridePolicy],
) -> tuple[PlannedTarget, ...]:
    bases: dict[int | None, dict[str, Any]] = {}
    digests: dict[tuple[int | None, bytes], str] = {}
    targets = []
    for share in shares:
        if share.replicas not in bases:
            bases[share.replicas] = base(dict(template), replicas=share.replicas)
        start = bases[share.replicas]
        try:
            manifest, applied = render(start, clusters[share.name], overrides) if overrides else (start, ())
        except OverrideError as error:
            targets.append(PlannedTarget(cluster=share.name, replicas=share.replicas, error=str(error)))
            continue
        patches = difference(start, manifest) if applied else ()
        # Most clusters of a large fleet get the same manifest.
        key = (share.replicas, canonical_json({"patches": patches}))
        if key not in digests:
            digests[key] = digest(manifest)
        targets.append(
            PlannedTarget(
                cluster=share.name,
                replicas=share.replicas,
                patches=patches,
                digest=digests[key],
                overrides=tuple(str(rule) for rule in applied),
            )
        )
    return tuple(targets)


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
    effects = plan.model_dump(mode="json", include={"policy", "takeover", "preserve", "suspended", "waiting"})
    effects["unschedulable"] = bool(plan.unschedulable)
    effects["targets"] = [
        (target.cluster, target.replicas, target.digest, target.error) for target in plan.targets
    ]
    return plan.model_copy(update={"digest": sha256(canonical_json(effects)).hexdigest()[:16]})
