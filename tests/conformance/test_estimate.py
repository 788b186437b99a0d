from __future__ import annotations

from argosy.api.cluster import Cluster
from argosy.api.requirements import ReplicaRequirements
from argosy.scheduling.estimate import max_replicas
from tests.conformance.cases import Case, parametrize


@parametrize("estimate")
def test_the_same_room_is_found(case: Case) -> None:
    needed = case.input["replicaRequirements"]
    requirements = ReplicaRequirements.model_validate(needed) if needed is not None else None
    cluster = Cluster.model_validate(case.input["cluster"])
    assert max_replicas(cluster, requirements) == case.expect["maxReplicas"]
