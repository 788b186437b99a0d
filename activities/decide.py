"""The decision about one template, as a pure function: match, schedule, render, and say why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from pydantic import TypeAdapter

from activities.render import base
from argosy.api.cluster import Cluster, ClusterSpec
from argosy.api.manifest import canonical_json, digest, ref_of
from argosy.api.membership import NOT_READY_TAINT, ClusterPhase, ClusterStatus
from argosy.api.meta import ObjectMeta, Taint
from argosy.api.override import AnyOverridePolicy
from argosy.api.policy import AnyPropagationPolicy, PropagationPolicy
from argosy.api.policyset import PROPAGATION_KINDS, PolicySetState, StoredPolicy
from argosy.api.propagation import Plan, PlannedTarget, PolicyRef
from argosy.errors import OverrideError
from argosy.interpreter.registry import replicas_of
from argosy.overrides.render import difference, render
from argosy.scheduling.matching import PolicyIndex, is_propagated, still_matches
from argosy.scheduling.request import ScheduleRequest, SchedulerOptions, Target
from argosy.scheduling.result import ScheduleResult
from argosy.scheduling.schedule import schedule

CONFLICT_ANNOTATION = "work.karmada.io/conflict-resolution"
MAX_REJECTED = 50
# The snapshot of clusters does not hold what each of them serves; applying finds out.
OPTIONS = SchedulerOptions(without_filters=("APIEnablement",))

_PROPAGATION: TypeAdapter[AnyPropagationPolicy] = TypeAdapter(AnyPropagationPolicy)
_OVERRIDE: TypeAdapter[AnyOverridePolicy] = TypeAdapter(AnyOverridePolicy)


@dataclass(frozen=True)
class PolicyView:
    """The policies of one policy set's run, ready for matching."""

    generation: int
    index: PolicyIndex
    placing: Mapping[tuple[str, str], AnyPropagationPolicy]
    uids: Mapping[tuple[str, str], str]
    overrides: tuple[AnyOverridePolicy, ...]

    @classmethod
    def of(cls, state: PolicySetState) -> PolicyView:
        """The view of a stored set; the policies were checked before they were stored."""
        placing = [p for p in state.policies if p.kind in PROPAGATION_KINDS]
        parsed = {(p.kind, p.name): _PROPAGATION.validate_python(p.manifest) for p in placing}
        return cls(
            generation=state.generation,
            index=PolicyIndex(parsed.values()),
            placing=parsed,
            uids={(p.kind, p.name): p.uid for p in placing},
            overrides=tuple(_override(p) for p in state.policies if p.kind not in PROPAGATION_KINDS),
        )


EMPTY = PolicyView.of(PolicySetState())


def decide(
    template: Mapping[str, Any],
    *,
    views: Mapping[str, PolicyView],
    clusters: Iterable[ClusterStatus],
    bound: PolicyRef | None,
    previous: Plan | None,
) -> Plan:
    """What is to be done with a template.

    Args:
        views: policy set ID -> its policies; the template's namespace and the cluster scope.
        bound: the policy that placed it last; it keeps the template while it still matches.
        previous: the plan in force, whose targets stay where nothing new can be decided.
    """
    seen = {identifier: view.generation for identifier, view in sorted(views.items())}
    known = {status.name: status for status in clusters}
    before = previous.targets if previous else ()
    released = tuple(target.cluster for target in before if _has_left(known.get(target.cluster)))
    kept = tuple(target for target in before if target.cluster not in released)
    found = _bound_policy(template, views, bound) or _best_policy(template, views)
    if found is None:
        message = (
            "no policy matches; it is picked up when one arrives"
            if is_propagated(template)
            else "templates of system namespaces, or claimed by another controller, are not propagated"
        )
        return _sealed(Plan(targets=kept, message=message, seen=seen, released=released))
    policy, ref = found
    members = [as_cluster(status) for status in known.values() if is_candidate(status)]
    placement = policy.spec.placement
    result = schedule(
        ScheduleRequest(
            template=ref_of(template),
            placement=placement,
            replicas=replicas_of(template),
            uid=str(template["metadata"].get("uid") or ""),
            previous=tuple(Target(name=target.cluster, replicas=target.replicas) for target in kept),
            options=OPTIONS,
        ),
        members,
    )
    common: dict[str, Any] = {
        "policy": ref,
        "takeover": _takeover(template, policy),
        "preserve": bool(policy.spec.preserve_resources_on_deletion),
        "suspended": _suspended(policy),
        "rejected": dict(sorted(result.rejected().items())[:MAX_REJECTED]),
        "seen": seen,
        "released": released,
    }
    if result.error:
        message = result.error.message
        return _sealed(Plan(targets=kept, unschedulable=message, message=message, **common))
    overrides = [override for view in views.values() for override in view.overrides]
    targets = _rendered_targets(template, result.targets, {c.name: c for c in members}, overrides)
    return _sealed(Plan(targets=targets, message=_sentence(result, len(members)), **common))


def is_candidate(status: ClusterStatus) -> bool:
    """Whether a cluster may be considered at all; one that is leaving or not quite here may not."""
    return status.phase in {ClusterPhase.READY, ClusterPhase.NOT_READY}


def _has_left(status: ClusterStatus | None) -> bool:
    """Whether a cluster's copies are no longer Argosy's to touch: it left, or leaves without their deletion."""
    return status is None or (not is_candidate(status) and not status.purge)


def as_cluster(status: ClusterStatus) -> Cluster:
    """A cluster as scheduling sees it; one that is not ready repels new copies."""
    settings = status.settings
    taints = settings.taints
    if not status.health.ready:
        taints = (*taints, Taint(key=NOT_READY_TAINT, effect="NoSchedule"))
    return Cluster(
        metadata=ObjectMeta(name=status.name, labels=settings.labels),
        spec=ClusterSpec(
            provider=settings.provider,
            region=settings.region,
            zones=settings.zones,
            taints=taints,
        ),
    )


def _bound_policy(
    template: Mapping[str, Any], views: Mapping[str, PolicyView], bound: PolicyRef | None
) -> tuple[AnyPropagationPolicy, PolicyRef] | None:
    if bound is None or not is_propagated(template):
        return None
    key = ("PropagationPolicy" if bound.namespace else "ClusterPropagationPolicy", bound.name)
    for view in views.values():
        policy = view.placing.get(key)
        if policy and view.uids[key] == bound.uid and still_matches(policy, template):
            return policy, bound
    return None


def _best_policy(
    template: Mapping[str, Any], views: Mapping[str, PolicyView]
) -> tuple[AnyPropagationPolicy, PolicyRef] | None:
    found = [(view, policy) for view in views.values() if (policy := view.index.best(template))]
    # A namespace's own policy wins over every cluster policy.
    found.sort(key=lambda entry: not isinstance(entry[1], PropagationPolicy))
    if not found:
        return None
    view, policy = found[0]
    ref = PolicyRef(
        namespace=policy.metadata.namespace if isinstance(policy, PropagationPolicy) else None,
        name=policy.metadata.name,
        uid=view.uids[policy.kind, policy.metadata.name],
    )
    return policy, ref


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


def _sentence(result: ScheduleResult, total: int) -> str:
    chosen = f"{len(result.targets)} of {total} clusters"
    if not any(target.replicas for target in result.targets):
        return f"{chosen} ({result.strategy})"
    shares = ", ".join(f"{target.name}: {target.replicas}" for target in result.targets[:10])
    more = ", …" if len(result.targets) > 10 else ""
    return f"{chosen} ({result.strategy}: {shares}{more})"


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


def _override(stored: StoredPolicy) -> AnyOverridePolicy:
    return _OVERRIDE.validate_python(stored.manifest)


def _sealed(plan: Plan) -> Plan:
    """The plan with the digest of what has an effect: not its sentences, nor what was merely seen."""
    effects = plan.model_dump(mode="json", include={"policy", "takeover", "preserve", "suspended"})
    effects["unschedulable"] = bool(plan.unschedulable)
    effects["targets"] = [
        (target.cluster, target.replicas, target.digest, target.error) for target in plan.targets
    ]
    return plan.model_copy(update={"digest": sha256(canonical_json(effects)).hexdigest()[:16]})
