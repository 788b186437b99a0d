"""How long deciding takes: the pure scheduler over growing fleets, matching against many policies, and fitting
replicas onto the nodes of one cluster.

python -m benchmarks.bench_scheduler [--json FILE]
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from argosy.api.cluster import APIEnablement, APIResource, Cluster
from argosy.api.manifest import ResourceRef
from argosy.api.meta import Taint
from argosy.api.placement import Placement
from argosy.api.policy import AnyPropagationPolicy, ClusterPropagationPolicy, PropagationPolicy
from argosy.api.quantity import Quantity
from argosy.api.requirements import ReplicaRequirements
from argosy.scheduling.fitting import replicas_that_fit
from argosy.scheduling.matching import PolicyIndex
from argosy.scheduling.request import ScheduleRequest
from argosy.scheduling.room import NodeRoom
from argosy.scheduling.schedule import schedule

FLEETS = {100: 5.0, 1_000: 30.0, 5_000: 150.0}  # clusters -> milliseconds that one decision may take
POLICIES = 10_000
MATCHING_GOAL = 50.0  # microseconds
NODES = {1_000: 10.0, 5_000: 50.0}  # nodes -> milliseconds that fitting one workload onto them may take
AFFINITY = {
    "labelSelector": {
        "matchLabels": {"env": "prod"},
        "matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["bronze"]}],
    },
    "fieldSelector": {"matchExpressions": [{"key": "provider", "operator": "In", "values": ["aws", "gcp"]}]},
}
DYNAMIC = {
    "replicaSchedulingType": "Divided",
    "replicaDivisionPreference": "Weighted",
    "weightPreference": {"dynamicWeight": "AvailableReplicas"},
}
STATIC = {
    "replicaSchedulingType": "Divided",
    "replicaDivisionPreference": "Weighted",
    "weightPreference": {
        "staticWeightList": [
            {"targetCluster": {"labelSelector": {"matchLabels": {"tier": tier}}}, "weight": weight}
            for weight, tier in enumerate(("silver", "gold", "platinum"), start=1)
        ]
    },
}
AGGREGATED = {"replicaSchedulingType": "Divided", "replicaDivisionPreference": "Aggregated"}
BY_REGION = [
    {"spreadByField": "region", "minGroups": 3, "maxGroups": 5},
    {"spreadByField": "cluster", "minGroups": 10, "maxGroups": 40},
]
PLACEMENTS: dict[str, dict[str, Any]] = {
    "Duplicated, all clusters": {},
    "Duplicated, by label and field": {"clusterAffinity": AFFINITY},
    "static weights, by label and field": {"clusterAffinity": AFFINITY, "replicaScheduling": STATIC},
    "dynamic weights, all clusters": {"replicaScheduling": DYNAMIC},
    "Aggregated, all clusters": {"replicaScheduling": AGGREGATED},
    "dynamic weights, 3-5 of 20 regions": {"replicaScheduling": DYNAMIC, "spreadConstraints": BY_REGION},
}
CLAIM = {
    "nodeSelector": {"kubernetes.io/arch": "amd64"},
    "tolerations": [{"key": "dedicated", "operator": "Exists"}],
    "hardNodeAffinity": {
        "nodeSelectorTerms": [
            {
                "matchExpressions": [
                    {"key": "zone", "operator": "In", "values": ["zone-1", "zone-2"]},
                    {"key": "cores", "operator": "Gt", "values": ["8"]},
                ]
            }
        ]
    },
}
TEMPLATE = ResourceRef(api_version="apps/v1", kind="Deployment", namespace="default", name="web")


def fleet(size: int) -> list[Cluster]:
    """Clusters such as a company has: 20 regions, 30 served API groups, room that differs."""
    groups = [f"group{number}.example.com/v1" for number in range(29)]
    served = tuple(
        APIEnablement(group_version=version, resources=(APIResource(name="deployments", kind="Deployment"),))
        for version in (*groups, "apps/v1")
    )
    return [
        Cluster.model_validate(
            {
                "metadata": {
                    "name": f"member-{number:05}",
                    "labels": {
                        "env": "prod" if number % 4 else "dev",
                        "tier": ("bronze", "silver", "gold", "platinum")[number % 5 % 4],
                    },
                },
                "spec": {
                    "provider": ("aws", "gcp", "azure")[number % 3],
                    "region": f"region-{number % 20}",
                    "zones": [f"zone-{number % 20}-{number % 3}"],
                    "taints": [{"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}]
                    if number % 10 == 0
                    else [],
                },
                "status": {
                    "apiEnablements": served,
                    "resourceSummary": {
                        "allocatable": {"cpu": str(8 + number % 57), "memory": "256Gi", "pods": "500"},
                        "allocated": {"cpu": "2500m", "memory": "8Gi", "pods": "20"},
                        "allocating": {"cpu": "500m", "memory": "1Gi", "pods": "2"},
                    },
                },
            }
        )
        for number in range(size)
    ]


def request(placement: dict[str, Any]) -> ScheduleRequest:
    return ScheduleRequest(
        template=TEMPLATE,
        uid="5bc8fbbc-bde5-4099-8164-d8399f767c45",
        placement=Placement.model_validate(placement),
        replicas=300,
        requirements=ReplicaRequirements.model_validate(
            {"resourceRequest": {"cpu": "500m", "memory": "512Mi"}}
        ),
    )


def policies(count: int) -> list[AnyPropagationPolicy]:
    """All for one kind and namespace, the worst case: by name, by labels, and for every namespace."""

    def spec(selector: dict[str, Any]) -> dict[str, Any]:
        return {"resourceSelectors": [{"apiVersion": "apps/v1", "kind": "Deployment", **selector}]}

    found: list[AnyPropagationPolicy] = []
    for number in range(count):
        metadata = {"name": f"policy-{number:05}", "namespace": "default"}
        match number % 4:
            case 0:
                selector: dict[str, Any] = {"name": f"app-{number}"}
            case 1:
                selector = {"labelSelector": {"matchLabels": {"team": "a", "app": f"app-{number}"}}}
            case 2:
                values = [f"app-{number}", f"app-{number + 1}"]
                expression = {"key": "app", "operator": "In", "values": values}
                selector = {"labelSelector": {"matchExpressions": [expression]}}
            case _:
                found.append(
                    ClusterPropagationPolicy.model_validate(
                        {
                            "metadata": {"name": f"policy-{number:05}"},
                            "spec": spec({"namespace": f"namespace-{number}"}),
                        }
                    )
                )
                continue
        found.append(PropagationPolicy.model_validate({"metadata": metadata, "spec": spec(selector)}))
    return found


def nodes(count: int) -> list[NodeRoom]:
    """Nodes such as a large cluster has: three zones, every tenth set apart, every hundredth cordoned."""
    return [
        NodeRoom(
            name=f"node-{number:05}",
            labels={"kubernetes.io/arch": "amd64", "zone": f"zone-{number % 3}", "cores": "64"},
            taints=(Taint(key="dedicated", effect="NoSchedule"),) if number % 10 == 0 else (),
            unschedulable=number % 100 == 0,
            free={"cpu": Quantity(f"{number % 64}"), "memory": Quantity(f"{number % 256}Gi")},
            free_pods=number % 110,
        )
        for number in range(count)
    ]


def timed(action: Callable[[], object], *, at_least: float = 0.3) -> tuple[float, float]:
    """Median and shortest seconds of one call; they differ where others use the machine too."""
    taken: list[float] = []
    gc.collect()
    while sum(taken) < at_least or len(taken) < 5:
        started = time.perf_counter()
        action()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken), min(taken)


def measure() -> list[dict[str, Any]]:
    """One row for each question, with its goal in the same unit."""
    rows = []
    for size, goal in FLEETS.items():
        clusters = fleet(size)
        for name, placement in PLACEMENTS.items():
            asked = request(placement)
            assert schedule(asked, clusters).error is None
            took = timed(partial(schedule, asked, clusters))
            rows.append(row(f"{size} clusters: {name}", took, goal=goal, unit="ms", scale=1e3))
    index = PolicyIndex(policies(POLICIES))
    for name, app in (("the last by label", f"app-{POLICIES - 3}"), ("none", "nobody")):
        template = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web", "namespace": "default", "labels": {"team": "a", "app": app}},
        }
        assert (index.best(template) is None) == (name == "none")
        took = timed(partial(index.best, template))
        what = f"{POLICIES} policies of one kind: {name} matches"
        rows.append(row(what, took, goal=MATCHING_GOAL, unit="us", scale=1e6))
    return rows + fitting_rows()


def fitting_rows() -> list[dict[str, Any]]:
    """What reading the nodes takes is not part of it."""
    resources = {"cpu": "500m", "memory": "512Mi"}
    rows = []
    for count, goal in NODES.items():
        room = nodes(count)
        for name, claim in (("any node", None), ("by selector, affinity and tolerations", CLAIM)):
            asked = ReplicaRequirements.model_validate({"resourceRequest": resources, "nodeClaim": claim})
            assert replicas_that_fit(asked, room) > 0
            took = timed(partial(replicas_that_fit, asked, room))
            rows.append(row(f"{count} nodes: {name}", took, goal=goal, unit="ms", scale=1e3))
    return rows


def row(what: str, took: tuple[float, float], *, goal: float, unit: str, scale: float) -> dict[str, Any]:
    median, best = (seconds * scale for seconds in took)
    return {"what": what, "median": median, "best": best, "goal": goal, "unit": unit, "ratio": median / goal}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="also write the rows to this file")
    arguments = parser.parse_args()
    rows = measure()
    width = max(len(one["what"]) for one in rows)
    print(f"{'':{width}}  {'best':>7}  {'median':>7}  {'goal':>5}      ratio")
    for one in rows:
        print(
            f"{one['what']:{width}}  {one['best']:7.2f}  {one['median']:7.2f}  {one['goal']:5.0f} {one['unit']}"
            f"  {one['ratio']:6.2f}"
        )
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
