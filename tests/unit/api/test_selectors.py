from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.api.cluster import Cluster
from argosy.api.meta import LabelSelector
from argosy.api.placement import ClusterAffinity
from argosy.api.policy import ResourceSelector
from argosy.api.selectors import (
    MatchLevel,
    cluster_matches,
    highest_match,
    labels_match,
    match_level,
    selector_problem,
)

LABELS = {"app": "web", "tier": "front"}


@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        ({}, True),
        ({"matchLabels": {"app": "web"}}, True),
        ({"matchLabels": {"app": "web", "tier": "back"}}, False),
        ({"matchLabels": {"absent": ""}}, False),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["api", "web"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": []}]}, False),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}, False),
        ({"matchExpressions": [{"key": "absent", "operator": "NotIn", "values": ["web"]}]}, True),
        ({"matchExpressions": [{"key": "tier", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "tier", "operator": "Exists", "values": ["x"]}]}, False),
        ({"matchExpressions": [{"key": "absent", "operator": "DoesNotExist"}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "Like", "values": ["w"]}]}, False),
        ({"matchExpressions": [{"key": "not a key", "operator": "DoesNotExist"}]}, False),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["not ok!"]}]}, False),
    ],
)
def test_label_selectors(selector: dict[str, Any], *, matches: bool) -> None:
    assert labels_match(LabelSelector.model_validate(selector), LABELS) is matches


def test_a_broken_selector_says_what_is_wrong() -> None:
    selector = LabelSelector.model_validate({"matchExpressions": [{"key": "app", "operator": "In"}]})

    assert selector_problem(selector) == "operator In of app needs at least one value"
    assert selector_problem(LabelSelector()) is None


def _manifest(**metadata: Any) -> dict[str, Any]:
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata}


@pytest.mark.parametrize(
    ("selector", "level"),
    [
        ({}, MatchLevel.ALL),
        ({"apiVersion": "apps/v1beta1"}, MatchLevel.NONE),
        ({"kind": "StatefulSet"}, MatchLevel.NONE),
        ({"namespace": "default"}, MatchLevel.ALL),
        ({"namespace": "other"}, MatchLevel.NONE),
        ({"name": "web"}, MatchLevel.NAME),
        ({"name": "web", "labelSelector": {"matchLabels": {"app": "other"}}}, MatchLevel.NAME),
        ({"name": "api", "labelSelector": {}}, MatchLevel.NONE),
        ({"labelSelector": {}}, MatchLevel.LABEL),
        ({"labelSelector": {"matchLabels": {"app": "web"}}}, MatchLevel.LABEL),
        ({"labelSelector": {"matchLabels": {"app": "api"}}}, MatchLevel.NONE),
    ],
)
def test_levels_of_resource_selectors(selector: dict[str, Any], level: MatchLevel) -> None:
    parsed = ResourceSelector.model_validate({"apiVersion": "apps/v1", "kind": "Deployment"} | selector)

    assert match_level(parsed, _manifest(name="web", namespace="default", labels=LABELS)) is level


def test_the_narrowest_of_several_selectors_counts() -> None:
    kinds = {"apiVersion": "apps/v1", "kind": "Deployment"}
    selectors = [
        ResourceSelector.model_validate(kinds | more) for more in ({}, {"name": "web"}, {"name": "x"})
    ]

    assert highest_match(selectors, _manifest(name="web")) is MatchLevel.NAME
    assert highest_match([], _manifest(name="web")) is MatchLevel.NONE


def test_a_manifest_without_metadata_is_no_error() -> None:
    selector = ResourceSelector(api_version="apps/v1", kind="Deployment", label_selector=LabelSelector())

    assert match_level(selector, {"apiVersion": "apps/v1", "kind": "Deployment"}) is MatchLevel.LABEL


def _cluster(**spec: Any) -> Cluster:
    return Cluster.model_validate({"metadata": {"name": "member1", "labels": {"env": "prod"}}, "spec": spec})


@pytest.mark.parametrize(
    ("affinity", "matches"),
    [
        ({}, True),
        ({"clusterNames": ["member1"]}, True),
        ({"clusterNames": ["member2"]}, False),
        ({"clusterNames": ["member1"], "exclude": ["member1"]}, False),
        ({"labelSelector": {"matchLabels": {"env": "prod"}}}, True),
        ({"labelSelector": {"matchLabels": {"env": "prod"}}, "clusterNames": ["member2"]}, False),
        ({"labelSelector": {"matchExpressions": [{"key": "env", "operator": "?"}]}}, False),
    ],
)
def test_affinity_by_name_and_label(affinity: dict[str, Any], *, matches: bool) -> None:
    assert cluster_matches(ClusterAffinity.model_validate(affinity), _cluster()) is matches


@pytest.mark.parametrize(
    ("key", "operator", "values", "set_", "unset"),
    [
        ("provider", "In", ["aws"], True, False),
        ("provider", "NotIn", ["aws"], False, True),
        ("provider", "Exists", [], True, False),
        ("region", "DoesNotExist", [], False, True),
        ("region", "In", ["eu"], True, False),
        ("region", "NotIn", ["us"], True, True),
        ("zone", "In", ["z2", "z9"], True, False),
        ("zone", "NotIn", ["z2"], False, True),
        ("zone", "Exists", [], True, False),
        ("zone", "Gt", ["z0"], False, False),
        ("name", "In", ["member1"], False, False),
    ],
)
def test_affinity_by_field(key: str, operator: str, values: list[str], *, set_: bool, unset: bool) -> None:
    affinity = ClusterAffinity.model_validate(
        {"fieldSelector": {"matchExpressions": [{"key": key, "operator": operator, "values": values}]}}
    )

    assert cluster_matches(affinity, _cluster(provider="aws", region="eu", zones=["z1", "z2"])) is set_
    assert cluster_matches(affinity, _cluster()) is unset


def test_the_deprecated_zone_counts_as_a_zone() -> None:
    assert _cluster(zone="z1").zones == ("z1",)
    assert _cluster().zones == ()


words = st.sampled_from(["a", "b", "c"])


@given(st.dictionaries(words, words), st.dictionaries(words, words))
def test_match_labels_is_inclusion(wanted: dict[str, str], labels: dict[str, str]) -> None:
    assert labels_match(LabelSelector(match_labels=wanted), labels) == (wanted.items() <= labels.items())


@given(words, st.lists(words, min_size=1), st.dictionaries(words, words))
def test_not_in_is_the_opposite_of_in(key: str, values: list[str], labels: dict[str, str]) -> None:
    inside, outside = (
        LabelSelector.model_validate({"matchExpressions": [{"key": key, "operator": op, "values": values}]})
        for op in ("In", "NotIn")
    )

    assert labels_match(inside, labels) is not labels_match(outside, labels)
