"""Reading the scheduler's cases: what Karmada was asked, as Argosy is asked."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from argosy.api.behaviour import Behaviour
from argosy.api.cluster import Cluster
from argosy.api.manifest import ref_of
from argosy.api.placement import Placement
from argosy.api.requirements import ReplicaRequirements
from argosy.scheduling.request import ScheduleRequest, SchedulerOptions, Target
from argosy.scheduling.trigger import reschedule_requested


def request_of(given: dict[str, Any], behaviour: Behaviour) -> ScheduleRequest:
    """The request in the input of a case of `schedule` or `failover`."""
    template = given["template"]
    options = given.get("options") or {}
    return ScheduleRequest(
        template=ref_of(template),
        uid=template["metadata"].get("uid", ""),
        placement=Placement.model_validate(given["placement"]),
        replicas=given["replicas"],
        requirements=requirements_of(given["replicaRequirements"]),
        previous=tuple(Target.model_validate(target) for target in given["previous"] or ()),
        evicting=tuple(task["fromCluster"] for task in given.get("gracefulEvictionTasks") or ()),
        observed_affinity=given.get("schedulerObservedAffinityName") or "",
        fresh=reschedule_requested(
            time_of(given.get("rescheduleTriggeredAt")), time_of(given.get("lastScheduledTime"))
        ),
        behaviour=behaviour,
        options=SchedulerOptions(
            empty_workload_propagation=bool(options.get("enableEmptyWorkloadPropagation"))
        ),
    )


def requirements_of(given: dict[str, Any] | None) -> ReplicaRequirements | None:
    return None if given is None else ReplicaRequirements.model_validate(given)


def clusters_of(given: dict[str, Any]) -> list[Cluster]:
    return [Cluster.model_validate(cluster) for cluster in given["clusters"]]


def time_of(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def by_name(targets: Any) -> dict[str, int]:
    """Targets as the comparison wants them: a set of (name, replicas), where absent and 0 are one."""
    return {
        (target["name"] if isinstance(target, dict) else target.name): (
            (target.get("replicas") if isinstance(target, dict) else target.replicas) or 0
        )
        for target in targets or ()
    }
