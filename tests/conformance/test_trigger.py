from __future__ import annotations

from typing import Any

from argosy.api.behaviour import Behaviour
from argosy.api.cluster import Cluster
from argosy.api.manifest import ResourceRef
from argosy.api.placement import Placement
from argosy.scheduling.behaviour import SCHEDULING, SETTLING, TRIGGERING
from argosy.scheduling.outcome import settle
from argosy.scheduling.request import ScheduleRequest, Target
from argosy.scheduling.schedule import schedule
from argosy.scheduling.standing import Standing
from argosy.scheduling.trigger import verdict
from tests.conformance.cases import Case, parametrize
from tests.conformance.requests import by_name, clusters_of, requirements_of, time_of


def standing_of(binding: dict[str, Any], behaviour: Behaviour) -> Standing:
    """What a ResourceBinding says about its template and its last placement."""
    metadata, spec, status = binding["metadata"], binding["spec"], binding.get("status") or {}
    resource = spec["resource"]
    request = ScheduleRequest(
        template=ResourceRef(
            api_version=resource["apiVersion"],
            kind=resource["kind"],
            namespace=resource.get("namespace"),
            name=resource["name"],
        ),
        uid=resource.get("uid", ""),
        placement=Placement.model_validate(spec["placement"]),
        replicas=spec.get("replicas"),
        requirements=requirements_of(spec.get("replicaRequirements")),
        previous=tuple(Target.model_validate(target) for target in spec.get("clusters") or ()),
        evicting=tuple(task["fromCluster"] for task in spec.get("gracefulEvictionTasks") or ()),
        observed_affinity=status.get("schedulerObservingAffinityName") or "",
        behaviour=behaviour,
    )
    return Standing(
        request=request,
        applied_placement=(metadata.get("annotations") or {}).get("policy.karmada.io/applied-placement"),
        deleting=metadata.get("deletionTimestamp") is not None,
        rescheduled_at=time_of(spec.get("rescheduleTriggeredAt")),
        scheduled_at=time_of(status.get("lastScheduledTime")),
    )


def answer(standing: Standing, clusters: list[Cluster], binding: dict[str, Any]) -> dict[str, Any]:
    """What a run of the scheduler leaves in the binding, in the shape of the vectors."""
    decision, request = verdict(standing, clusters), standing.request
    metadata = binding["metadata"]
    if not decision.schedule:
        return {
            "scheduled": False,
            "retry": False,
            "targets": by_name(request.previous),
            "schedulerObservedAffinityName": request.observed_affinity,
            "schedulerObservedGeneration": metadata["generation"],
        }
    request = request.model_copy(update={"fresh": decision.fresh})
    outcome = settle(request, schedule(request, clusters))
    seen = metadata["generation"] if outcome.scheduled else binding["status"]["schedulerObservedGeneration"]
    return {
        "scheduled": True,
        "retry": outcome.retry,
        "targets": by_name(outcome.targets),
        "schedulerObservedAffinityName": outcome.observed_affinity,
        "schedulerObservedGeneration": seen,
        "condition": {"type": "Scheduled", "status": str(outcome.scheduled), "reason": outcome.reason},
    }


def expected(case: Case) -> dict[str, Any]:
    return {**case.expect, "targets": by_name(case.expect["targets"])}


@parametrize("trigger")
def test_karmada_is_followed_exactly(case: Case) -> None:
    binding = case.input["binding"]
    assert answer(standing_of(binding, "karmada"), clusters_of(case.input), binding) == expected(case)


@parametrize("trigger")
def test_argosy_differs_by_rule_only(case: Case) -> None:
    binding, clusters = case.input["binding"], clusters_of(case.input)
    standing = standing_of(binding, "argosy")
    applying = [rule.name for rule in TRIGGERING if rule.applies(standing, clusters)]
    applying += [r.name for r in (*SCHEDULING, *SETTLING) if r.applies(standing.request, clusters)]
    assert applying or answer(standing, clusters, binding) == expected(case)
