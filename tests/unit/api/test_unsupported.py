from __future__ import annotations

from typing import Any

import pytest

from argosy.api.defaults import default_policy
from argosy.api.override import OverridePolicy
from argosy.api.placement import Placement
from argosy.api.policy import PropagationPolicy, PropagationSpec
from argosy.api.unsupported import OVERRIDE, PROPAGATION, unsupported

SELECTORS = [{"apiVersion": "apps/v1", "kind": "Deployment"}]
ACTED_UPON: dict[str, Any] = {
    "resourceSelectors": SELECTORS,
    "priority": 5,
    "propagateDeps": True,
    "schedulePriority": {"priorityClassSource": "KubePriorityClass", "priorityClassName": "a"},
    "preemption": "Always",
    "dependentOverrides": ["a"],
    "activationPreference": "Lazy",
    "conflictResolution": "Overwrite",
    "preserveResourcesOnDeletion": True,
    "suspension": {"dispatching": False, "dispatchingOnClusters": {"clusterNames": ["a"]}},
    "placement": {
        "clusterAffinity": {
            "labelSelector": {"matchLabels": {"a": "b"}},
            "fieldSelector": {"matchExpressions": [{"key": "region", "operator": "In", "values": ["eu"]}]},
            "clusterNames": ["a"],
            "exclude": ["b"],
        },
        "clusterAffinities": [{"affinityName": "a"}],
        "spreadConstraints": [{"spreadByField": "zone", "minGroups": 2}],
        "workloadAffinity": {"affinity": {"groupByLabelKey": "a"}},
        "clusterTolerations": [{"operator": "Exists"}],
        "replicaScheduling": {
            "replicaSchedulingType": "Divided",
            "replicaDivisionPreference": "Weighted",
            "weightPreference": {"staticWeightList": [{"targetCluster": {}, "weight": 1}]},
        },
    },
    "failover": {"cluster": {"purgeMode": "Directly"}, "application": {"purgeMode": "Never"}},
}
SET: dict[str, Any] = {
    "spec.association": True,
    "spec.schedulerName": "mine",
    "spec.placement.spreadConstraints[].spreadByLabel": "rack",
}


def _policy(spec: dict[str, Any]) -> PropagationPolicy:
    return PropagationPolicy.model_validate({"metadata": {"name": "p", "namespace": "default"}, "spec": spec})


def test_what_is_acted_upon_is_accepted_with_and_without_defaults() -> None:
    policy = _policy(ACTED_UPON)

    assert unsupported(policy) == []
    assert unsupported(default_policy(policy)) == []


@pytest.mark.parametrize("row", PROPAGATION, ids=lambda row: row.path)
def test_every_row_refuses_its_field_and_only_that(row: Any) -> None:
    spec: dict[str, Any] = {"resourceSelectors": SELECTORS}
    *parents, last = row.path.split(".")[1:]
    place = spec
    for parent in parents:
        below = place.setdefault(parent.removesuffix("[]"), [{}] if parent.endswith("[]") else {})
        place = below[0] if isinstance(below, list) else below
    place[last] = SET[row.path]

    (problem,) = unsupported(_policy(spec))

    assert str(problem) == f"{row.path.replace('[]', '[0]')} {row.message}; {row.remedy}"


def test_every_field_is_either_acted_upon_or_refused() -> None:
    """A field added to the models must be placed in one of the two tables."""
    refused = {row.path.removeprefix("spec.") for row in PROPAGATION if "[" not in row.path}
    fields = {one.alias for one in PropagationSpec.model_fields.values()}
    placement_fields = {one.alias for one in Placement.model_fields.values()}

    assert fields == refused | ACTED_UPON.keys()
    assert placement_fields == ACTED_UPON["placement"].keys()


def test_override_policies_are_acted_upon_whole() -> None:
    written = {"metadata": {"name": "p"}, "spec": {"overrideRules": [{"overriders": {}}]}}

    assert OVERRIDE == ()
    assert unsupported(OverridePolicy.model_validate(written)) == []
