"""The models read every object Karmada was asked about, and give it back unchanged."""

from __future__ import annotations

import re
from typing import Any

import pytest

from argosy.api.base import KubernetesObject, Model, to_manifest
from argosy.api.cluster import Cluster
from argosy.api.override import ClusterOverridePolicy, OverridePolicy
from argosy.api.placement import Placement
from argosy.api.policy import ClusterPropagationPolicy, PropagationPolicy
from argosy.api.quantity import Quantity
from argosy.api.requirements import ReplicaRequirements
from tests.conformance.cases import Case, cases

MODELS: dict[str, type[KubernetesObject]] = {
    model.__name__: model
    for model in (
        PropagationPolicy,
        ClusterPropagationPolicy,
        OverridePolicy,
        ClusterOverridePolicy,
        Cluster,
    )
}


def _leaves(value: Any, path: str = "") -> dict[str, Any]:
    """The scalars in `value` by path, without what Kubernetes does not tell from absent in a field."""
    if isinstance(value, dict):
        items = [(f"{path}.{key}", item) for key, item in value.items()]
    elif isinstance(value, list):
        items = [(f"{path}[{index}]", item) for index, item in enumerate(value)]
    elif value in (None, "", 0, False):
        return {}
    else:
        return {path: _by_value(path, value)}
    return {key: leaf for at, item in items for key, leaf in _leaves(item, at).items()}


def _by_value(path: str, value: Any) -> Any:
    quantity = re.search(r"allocat(able|ed|ing)\.|resourceRequest\.|ranges\[\d+\]\.(min|max)", path)
    return Quantity(value) if quantity else value


def _objects(case: Case) -> list[tuple[type[Model], dict[str, Any]]]:
    given = case.input
    whole = [*given.get("clusters", ()), *given.get("policies", ())]
    whole += [given[key] for key in ("policy", "cluster") if key in given]
    found: list[tuple[type[Model], dict[str, Any]]] = [(MODELS[one["kind"]], one) for one in whole]
    if "placement" in given:
        found.append((Placement, given["placement"]))
    if given.get("replicaRequirements"):
        found.append((ReplicaRequirements, given["replicaRequirements"]))
    return found


@pytest.mark.parametrize(
    "suite", ["validate", "default", "schedule", "failover", "estimate", "match", "override"]
)
def test_every_object_survives_reading_and_writing(suite: str) -> None:
    read = 0
    for case in cases(suite):
        for model, written in _objects(case):
            parsed = model.model_validate(written, by_alias=True, by_name=False)
            assert _leaves(to_manifest(parsed)) == _leaves(written), case
            assert model.model_validate(to_manifest(parsed), by_alias=True, by_name=False) == parsed, case
            assert model.model_validate_json(parsed.model_dump_json()) == parsed, case
            read += 1
    assert read > 0
