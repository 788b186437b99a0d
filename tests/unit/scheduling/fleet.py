"""Clusters and requests in one line each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from argosy.api.cluster import Cluster
from argosy.api.manifest import ResourceRef
from argosy.api.placement import Placement
from argosy.api.requirements import ReplicaRequirements
from argosy.scheduling.request import ScheduleRequest, Target
from argosy.scheduling.result import ScheduleResult

WEB = ResourceRef(api_version="apps/v1", kind="Deployment", namespace="default", name="web")
ONE_CPU = ReplicaRequirements.model_validate({"resourceRequest": {"cpu": "1"}})
STATIC = {"replicaSchedulingType": "Divided", "replicaDivisionPreference": "Weighted"}
DYNAMIC = {**STATIC, "weightPreference": {"dynamicWeight": "AvailableReplicas"}}
AGGREGATED = {"replicaSchedulingType": "Divided", "replicaDivisionPreference": "Aggregated"}
DUPLICATED = {"replicaSchedulingType": "Duplicated"}


def cluster(
    name: str,
    *,
    cpu: int | None = 100,
    labels: Mapping[str, str] | None = None,
    leaving: bool = False,
    created: str | None = None,
    serves: tuple[str, str] = ("apps/v1", "Deployment"),
    **spec: Any,
) -> Cluster:
    """A cluster with room for `cpu` replicas of one CPU; None reports nothing."""
    resources = {"cpu": str(cpu), "memory": "1Ti", "pods": "100000"}
    return Cluster.model_validate(
        {
            "metadata": {
                "name": name,
                "labels": dict(labels or {}),
                "deletionTimestamp": "2025-01-01T00:00:00Z" if leaving else None,
                "creationTimestamp": created,
            },
            "spec": spec,
            "status": {
                "apiEnablements": [
                    {"groupVersion": serves[0], "resources": [{"name": "any", "kind": serves[1]}]}
                ],
                "resourceSummary": None if cpu is None else {"allocatable": resources},
            },
        }
    )


def request(placement: Mapping[str, Any] | None = None, **fields: Any) -> ScheduleRequest:
    """A request for a Deployment whose replicas need one CPU each; `previous` is given as a mapping."""
    previous = tuple(Target(name=name, replicas=n) for name, n in fields.pop("previous", {}).items())
    given = {"replicas": 1, "requirements": ONE_CPU, "behaviour": "karmada", **fields}
    return ScheduleRequest(
        template=WEB, placement=Placement.model_validate(placement or {}), previous=previous, **given
    )


def spread(**groups: tuple[int, int]) -> list[dict[str, Any]]:
    """Spread constraints by field, each (minGroups, maxGroups)."""
    return [
        {"spreadByField": name, "minGroups": least, "maxGroups": most}
        for name, (least, most) in groups.items()
    ]


def placed(result: ScheduleResult) -> dict[str, int | None]:
    assert result.error is None, result.error
    return {target.name: target.replicas for target in result.targets}
