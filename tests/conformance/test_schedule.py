"""The cases of the scheduler that today's policies can ask for; what they cannot is refused by name."""

from __future__ import annotations

import pytest

from argosy.api.cluster import Cluster
from argosy.api.placement import Placement
from argosy.scheduling.result import ScheduleRequest
from argosy.scheduling.schedule import schedule
from tests.conformance.cases import Case, cases


def acted_upon(case: Case) -> bool:
    """Whether every field of the placement is acted upon, and every cluster serves the kind."""
    placement = Placement.model_validate(case.input["placement"])
    scheduling = placement.replica_scheduling
    weights = scheduling.weight_preference if scheduling else None
    serving = all(
        any(
            enabled["groupVersion"] == case.input["template"]["apiVersion"]
            and any(r["kind"] == case.input["template"]["kind"] for r in enabled.get("resources") or ())
            for enabled in (cluster.get("status") or {}).get("apiEnablements") or ()
        )
        for cluster in case.input["clusters"]
    )
    return (
        serving
        and not placement.spread_constraints
        and not placement.cluster_affinities
        and not placement.workload_affinity
        and not case.input.get("gracefulEvictionTasks")
        and not any(cluster["metadata"].get("deletionTimestamp") for cluster in case.input["clusters"])
        and not (scheduling and scheduling.replica_division_preference == "Aggregated")
        and not (weights and weights.dynamic_weight)
    )


# An object scaled to nothing stays where it is; Karmada takes it away from its clusters.
SCALED_TO_ZERO = {"schedule-basic-0042"}
COVERED = [case for case in cases("schedule") if acted_upon(case)]


def test_enough_is_covered() -> None:
    assert len(COVERED) > 300


@pytest.mark.parametrize("case", COVERED, ids=[case.id for case in COVERED])
def test_the_same_clusters_get_the_same_replicas(case: Case) -> None:
    replicas = case.input["replicas"]
    is_workload = replicas > 0 or case.input.get("replicaRequirements") is not None
    result = schedule(
        ScheduleRequest(
            placement=Placement.model_validate(case.input["placement"]),
            replicas=replicas if is_workload else None,
            uid=case.input["template"]["metadata"].get("uid", ""),
            previous=tuple(target["name"] for target in case.input.get("previous") or ()),
        ),
        [Cluster.model_validate(cluster) for cluster in case.input["clusters"]],
    )
    if "error" in case.expect:
        assert result.error
        return
    targets = {target.cluster: target.replicas or 0 for target in result.targets}
    if case.id in SCALED_TO_ZERO:
        assert set(targets.values()) == {0}
    else:
        assert targets == {t["name"]: t.get("replicas") or 0 for t in case.expect["targets"]}
