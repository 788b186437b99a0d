from __future__ import annotations

from argosy.api.cluster import Cluster
from argosy.api.manifest import ResourceRef
from argosy.api.placement import Placement
from argosy.api.quantity import Quantity
from argosy.api.requirements import Component, ComponentRequirements, NodeClaim
from argosy.scheduling.component_sets import sets_by_facts, sets_on_nodes
from argosy.scheduling.request import ScheduleRequest
from argosy.scheduling.room import NodeRoom
from argosy.scheduling.schedule import schedule

GPU = "nvidia.com/gpu"
RAY = ResourceRef(api_version="ray.io/v1", kind="RayCluster", namespace="default", name="r")


def component(name: str, replicas: int, claim: NodeClaim | None = None, **requests: str) -> Component:
    amounts = {key.replace("gpu", GPU): Quantity(text) for key, text in requests.items()}
    return Component(
        name=name,
        replicas=replicas,
        replica_requirements=ComponentRequirements(resource_request=amounts, node_claim=claim),
    )


def cluster(name: str, *, models: bool = False, **allocatable: str) -> Cluster:
    manifest: dict[str, object] = {"metadata": {"name": name}}
    summary: dict[str, object] = {"allocatable": {"pods": "100", **allocatable}}
    if models:
        sizes = [("1", "2Gi", "0", 4), ("2", "4Gi", "1", 3), ("4", "8Gi", "2", 2)]
        manifest["spec"] = {
            "syncMode": "Push",
            "resourceModels": [
                {
                    "grade": grade,
                    "ranges": [
                        {"name": "cpu", "min": cpu, "max": "100"},
                        {"name": "memory", "min": memory, "max": "100Gi"},
                        {"name": GPU, "min": gpu, "max": "100"},
                    ],
                }
                for grade, (cpu, memory, gpu, _) in enumerate(sizes)
            ],
        }
        summary["allocatableModelings"] = [
            {"grade": grade, "count": count} for grade, (_, _, _, count) in enumerate(sizes)
        ]
    manifest["status"] = {"resourceSummary": summary}
    return Cluster.model_validate(manifest)


def test_an_instance_needs_room_for_all_of_its_pods() -> None:
    parts = (component("head", 1, cpu="1"), component("worker", 4, cpu="500m", memory="1Gi"))
    fits = sets_by_facts(parts)
    assert fits(cluster("a", cpu="9", memory="100Gi")) == 3
    assert fits(cluster("a", cpu="100", memory="9Gi")) == 2
    assert fits(cluster("a", cpu="100", memory="100Gi", pods="9")) == 1
    assert fits(cluster("a", cpu="100")) == 0


def test_models_are_filled_node_by_node() -> None:
    pair = component("set", 2, cpu="2", memory="4Gi", gpu="1")
    assert sets_by_facts((pair,))(cluster("a", models=True)) == 3


def test_nodes_are_filled_first_fit_by_those_that_may_run_there() -> None:
    def node(name: str, cpu: str, **labels: str) -> NodeRoom:
        return NodeRoom(name=name, labels=labels, free={"cpu": Quantity(cpu)}, free_pods=10)

    gpu_only = NodeClaim(node_selector={"kind": "gpu"})
    parts = (component("head", 1, cpu="1"), component("worker", 1, gpu_only, cpu="2"))
    nodes = [node("plain", "3"), node("fast", "5", kind="gpu")]
    assert sets_on_nodes(parts, nodes) == 2
    assert sets_on_nodes(parts, [node("plain", "30")]) == 0


def test_a_workload_of_components_is_placed_whole_where_it_fits() -> None:
    placement = Placement.model_validate(
        {
            "spreadConstraints": [{"spreadByField": "cluster", "minGroups": 1, "maxGroups": 1}],
            "replicaScheduling": {
                "replicaSchedulingType": "Divided",
                "replicaDivisionPreference": "Aggregated",
            },
        }
    )
    parts = (component("head", 1, cpu="2"), component("worker", 3, cpu="2"))
    asked = ScheduleRequest(template=RAY, placement=placement, components=parts)
    small, large = cluster("a", cpu="7"), cluster("b", cpu="9")
    asked = asked.without_filter("APIEnablement")
    result = schedule(asked, [small, large])
    assert [(target.name, target.replicas) for target in result.targets] == [("b", None)]
    full = schedule(asked, [small])
    assert full.error is not None
    assert "room" in full.error.message
