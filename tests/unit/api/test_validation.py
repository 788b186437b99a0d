"""What the conformance cases do not ask: the rest of the rules, and clusters."""

from __future__ import annotations

from typing import Any

import pytest

from argosy.api.cluster import Cluster
from argosy.api.override import ClusterOverridePolicy, OverridePolicy
from argosy.api.policy import ClusterPropagationPolicy, PropagationPolicy
from argosy.api.validation import validate

SELECTOR = {"apiVersion": "apps/v1", "kind": "Deployment", "namespace": "default"}
METADATA = {"name": "web", "namespace": "default"}
DYNAMIC = {
    "replicaSchedulingType": "Divided",
    "replicaDivisionPreference": "Weighted",
    "weightPreference": {"dynamicWeight": "AvailableReplicas"},
}


def _paths(model: Any, spec: dict[str, Any], metadata: dict[str, str] | None = None) -> list[str]:
    problems = validate(model.model_validate({"metadata": metadata or METADATA, "spec": spec}))
    assert all(problem.message and problem.remedy for problem in problems)
    return [problem.path for problem in problems]


def _term(name: str, **more: Any) -> dict[str, Any]:
    return {"affinityName": name, "clusterNames": ["a"], **more}


@pytest.mark.parametrize(
    ("spec", "paths"),
    [
        ({}, []),
        ({"resourceSelectors": []}, ["spec.resourceSelectors"]),
        ({"preemption": "Always"}, ["spec.resourceSelectors[0].name"]),
        (
            {"placement": {"clusterAffinities": [_term("x"), _term("x")]}},
            ["spec.placement.clusterAffinities"],
        ),
        (
            {"placement": {"clusterAffinities": [_term("x" * 33)]}},
            ["spec.placement.clusterAffinities[0].affinityName"],
        ),
        ({"placement": {"clusterAffinities": [_term("")]}}, ["spec.placement.clusterAffinities[0]"]),
        (
            {"placement": {"clusterAffinities": [_term("x", overflowAffinities=[_term("y")])]}},
            ["spec.placement.clusterAffinities[0].overflowAffinities"],
        ),
        (
            {
                "placement": {
                    "clusterAffinities": [_term("x", overflowAffinities=[_term("y")])],
                    "replicaScheduling": DYNAMIC,
                }
            },
            [],
        ),
        (
            {
                "placement": {
                    "clusterAffinities": [_term("x", overflowAffinities=[_term("x"), _term("bad name")])],
                    "replicaScheduling": DYNAMIC,
                }
            },
            [
                "spec.placement.clusterAffinities[0].overflowAffinities[0].affinityName",
                "spec.placement.clusterAffinities[0].overflowAffinities[1]",
            ],
        ),
        (
            {"placement": {"spreadConstraints": [{"spreadByField": "cluster", "minGroups": -1}]}},
            ["spec.placement.spreadConstraints[0]"],
        ),
        (
            {"placement": {"spreadConstraints": [{"spreadByField": "cluster", "maxGroups": -1}]}},
            ["spec.placement.spreadConstraints[0]"],
        ),
        ({"placement": {"spreadConstraints": [{"spreadByField": "cluster", "minGroups": 3}]}}, []),
        (
            {
                "placement": {
                    "replicaScheduling": {
                        "weightPreference": {"staticWeightList": [{"targetCluster": {}, "weight": 0}]}
                    }
                }
            },
            ["spec.placement.replicaScheduling.weightPreference.staticWeightList[0].weight"],
        ),
        (
            {"placement": {"workloadAffinity": {"affinity": {"groupByLabelKey": "a b"}}}},
            ["spec.placement.workloadAffinity.affinity.groupByLabelKey"],
        ),
        (
            {"suspension": {"dispatching": True, "dispatchingOnClusters": {"clusterNames": ["a"]}}},
            ["spec.suspension"],
        ),
        ({"suspension": {"dispatching": True, "dispatchingOnClusters": {}}}, []),
        (
            {"propagateDeps": True, "failover": {"application": {"purgeMode": "Gracefully"}}},
            ["spec.failover.application.gracePeriodSeconds"],
        ),
        (
            {
                "propagateDeps": True,
                "failover": {"application": {"purgeMode": "Never", "gracePeriodSeconds": 5}},
            },
            ["spec.failover.application.gracePeriodSeconds"],
        ),
        (
            {
                "propagateDeps": True,
                "failover": {"application": {"decisionConditions": {"tolerationSeconds": -1}}},
            },
            ["spec.failover.application.decisionConditions.tolerationSeconds"],
        ),
        (
            {
                "failover": {
                    "cluster": {"statePreservation": {"rules": [{"aliasLabelName": "a b", "jsonPath": "x"}]}}
                }
            },
            ["spec.failover.cluster.statePreservation.rules[0].aliasLabelName"],
        ),
    ],
)
def test_propagation_policies(spec: dict[str, Any], paths: list[str]) -> None:
    assert _paths(PropagationPolicy, {"resourceSelectors": [SELECTOR], **spec}) == paths


@pytest.mark.parametrize(
    ("overriders", "paths"),
    [
        ({}, []),
        ({"imageOverrider": [{"component": "Tag", "operator": "remove", "predicate": {"path": ""}}]}, []),
        ({"labelsOverrider": [{"operator": "remove", "value": {"a b": ""}}]}, ["labelsOverrider[0].value"]),
        ({"annotationsOverrider": [{"operator": "add", "value": {"Example.com/a": "x"}}]}, []),
        (
            {"annotationsOverrider": [{"operator": "add", "value": {"a": "x" * 2**18}}]},
            ["annotationsOverrider[0].value"],
        ),
        (
            {
                "fieldOverrider": [
                    {
                        "fieldPath": "x",
                        "json": [{"subPath": "", "operator": "remove"}],
                        "yaml": [{"subPath": "/a", "operator": "add", "value": False}],
                    }
                ]
            },
            ["fieldOverrider[0].fieldPath", "fieldOverrider[0]"],
        ),
    ],
)
def test_overriders(overriders: dict[str, Any], paths: list[str]) -> None:
    rules = [{"overriders": overriders}]

    assert _paths(ClusterOverridePolicy, {"overrideRules": rules}) == [
        f"spec.overrideRules[0].overriders.{path}" for path in paths
    ]


def test_the_deprecated_rule_cannot_stand_beside_rules() -> None:
    rules: list[dict[str, Any]] = [{"overriders": {}}]
    labels = {"labelsOverrider": [{"operator": "add", "value": {"a": "b"}}]}
    fields = {"fieldOverrider": [{"fieldPath": "/a", "json": [{"subPath": "/a", "operator": "remove"}]}]}

    assert _paths(OverridePolicy, {"overriders": labels, "targetCluster": {}}) == []
    assert _paths(OverridePolicy, {"overrideRules": rules, "overriders": labels}) == ["spec.overriders"]
    assert _paths(OverridePolicy, {"overrideRules": rules, "overriders": fields}) == []


def test_an_override_policy_stays_in_its_namespace() -> None:
    selectors = [SELECTOR, {**SELECTOR, "namespace": "other"}]

    assert _paths(OverridePolicy, {"resourceSelectors": selectors}) == ["spec.resourceSelectors[1].namespace"]
    assert _paths(ClusterOverridePolicy, {"resourceSelectors": selectors}) == []
    assert _paths(ClusterPropagationPolicy, {"resourceSelectors": selectors}) == []


def _grade(grade: int, low: str, high: str, name: str = "cpu") -> dict[str, Any]:
    return {"grade": grade, "ranges": [{"name": name, "min": low, "max": high}]}


INFINITE = "9223372036854775807"


@pytest.mark.parametrize(
    ("spec", "paths"),
    [
        ({}, []),
        ({"syncMode": None}, ["spec.syncMode"]),
        ({"id": "x" * 128_001}, ["spec.id"]),
        ({"apiEndpoint": "https://10.0.0.1:6443"}, []),
        ({"apiEndpoint": "10.0.0.1"}, ["spec.apiEndpoint"]),
        ({"apiEndpoint": "https://user@10.0.0.1"}, ["spec.apiEndpoint"]),
        ({"apiEndpoint": "https://[::1"}, ["spec.apiEndpoint"]),
        ({"proxyURL": "socks5://proxy"}, []),
        ({"proxyURL": "ftp://proxy"}, ["spec.proxyURL"]),
        ({"proxyURL": "https://[::1"}, ["spec.proxyURL"]),
        ({"secretRef": {"namespace": "", "name": "a"}}, ["spec.secretRef"]),
        ({"provider": "not ok!", "zones": ["a", "b c"]}, ["spec.provider", "spec.zones[1]"]),
        ({"zone": "a", "zones": ["a"]}, ["spec.zone"]),
        ({"taints": [{"key": "a", "effect": "PreferNoSchedule"}]}, ["spec.taints[0].effect"]),
        (
            {
                "taints": [
                    {"key": "a", "effect": "NoExecute"},
                    {"key": "a", "effect": "NoExecute", "value": "x"},
                ]
            },
            ["spec.taints[1]"],
        ),
        ({"resourceModels": [_grade(0, "0", "1"), _grade(1, "1", INFINITE)]}, []),
        ({"resourceModels": [_grade(0, "0", "1"), _grade(0, "1", INFINITE)]}, ["spec.resourceModels"]),
        ({"resourceModels": [_grade(0, "0", "1"), _grade(1, "2", INFINITE)]}, ["spec.resourceModels"]),
        (
            {"resourceModels": [_grade(0, "0", "1"), _grade(1, "1", INFINITE, "memory")]},
            ["spec.resourceModels"],
        ),
        ({"resourceModels": [_grade(0, "1", INFINITE)]}, ["spec.resourceModels"]),
        ({"resourceModels": [_grade(0, "0", "0")]}, ["spec.resourceModels"] * 2),
    ],
)
def test_clusters(spec: dict[str, Any], paths: list[str]) -> None:
    assert _paths(Cluster, {"syncMode": "Push", **spec}, {"name": "member1"}) == paths


@pytest.mark.parametrize("name", ["", "A", "a.b", "x" * 49, "-a"])
def test_names_of_clusters(name: str) -> None:
    assert _paths(Cluster, {"syncMode": "Push"}, {"name": name}) == ["metadata.name"]


def test_a_problem_reads_as_a_sentence() -> None:
    (problem,) = validate(Cluster.model_validate({"metadata": {"name": "a"}, "spec": {}}))

    assert str(problem) == "spec.syncMode is missing; write Push"
