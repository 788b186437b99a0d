from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.api.cluster import Cluster
from argosy.api.documents import parse_cluster, parse_policy
from argosy.api.override import OverridePolicy
from argosy.api.parsing import Document, refuse_unmodelled
from argosy.api.policy import PropagationPolicy
from argosy.errors import InvalidInput

SELECTORS = [{"apiVersion": "apps/v1", "kind": "Deployment"}]


def _document(
    spec: Any, *, kind: str = "PropagationPolicy", version: str = "policy.karmada.io/v1alpha1"
) -> Document:
    manifest = {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": "web", "namespace": "default"},
        "spec": spec,
    }
    return Document(source="policy.yaml", index=2, line=7, manifest=manifest)


def _refusal(spec: Any, **more: str) -> str:
    with pytest.raises(InvalidInput) as refused:
        parse_policy(_document(spec, **more))
    head = f"policy.yaml, document 2 ({more.get('kind', 'PropagationPolicy')} default/web): "
    assert str(refused.value).startswith(head)
    return str(refused.value).removeprefix(head)


def test_policies_and_clusters_are_parsed_by_kind() -> None:
    overrides = [{"overriders": {"plaintext": [{"path": "/a", "operator": "remove"}]}}]

    assert isinstance(parse_policy(_document({"resourceSelectors": SELECTORS})), PropagationPolicy)
    assert isinstance(
        parse_policy(_document({"overrideRules": overrides}, kind="OverridePolicy")), OverridePolicy
    )
    cluster = _document({"syncMode": "Push"}, kind="Cluster", version="cluster.karmada.io/v1alpha1")
    assert isinstance(parse_cluster(cluster), Cluster)


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        (
            {"placement": {"clusterAfinity": {}}},
            "spec.placement.clusterAfinity is not a field; did you mean clusterAffinity?",
        ),
        (
            {"placement": {"cluster_affinity": {}}},
            "spec.placement.cluster_affinity is not a field; did you mean clusterAffinity?",
        ),
        (
            {"placement": {"clusterAffinity": {"fieldSelector": {"zzz": 1}}}},
            (
                "spec.placement.clusterAffinity.fieldSelector.zzz is not a field; remove it, or use one of "
                "matchExpressions."
            ),
        ),
        (
            {"resourceSelectors": [{"apiVersion": "v1", "kind": "A", "nam": "x"}]},
            "spec.resourceSelectors[0].nam is not a field; did you mean name?",
        ),
        (
            {"resourceSelectors": [{"apiVersion": "v1"}]},
            "spec.resourceSelectors[0].kind is missing; add it.",
        ),
        ({"resourceSelectors": None}, "spec.resourceSelectors is missing; add it."),
        ({"resourceSelectors": {}}, "spec.resourceSelectors should be a list, not a mapping; correct it."),
        (
            {"priority": "5"},
            'spec.priority should be a whole number, not "5"; remove the quotes, or correct it.',
        ),
        (
            {"priority": 2**40},
            "spec.priority is the number 1099511627776, out of range; write a smaller number.",
        ),
        (
            {"priority": -(2**40)},
            "spec.priority is the number -1099511627776, out of range; write a larger number.",
        ),
        (
            {"propagateDeps": "yes"},
            'spec.propagateDeps should be true or false, not "yes"; remove the quotes, or correct it.',
        ),
        ({"schedulerName": 5}, "spec.schedulerName should be text, not the number 5; quote it."),
        ({"placement": []}, "spec.placement should be a mapping, not a list; correct it."),
        ({"placement": "x"}, 'spec.placement should be a mapping, not "x"; correct it.'),
        (
            {"conflictResolution": "abort"},
            "spec.conflictResolution is \"abort\"; write 'Abort' or 'Overwrite'.",
        ),
        (
            {"placement": {"clusterAffinity": {"labelSelector": {"matchLabels": {"a": True}}}}},
            "spec.placement.clusterAffinity.labelSelector.matchLabels.a should be text, not true; quote it.",
        ),
    ],
)
def test_every_mistake_is_a_sentence_with_its_remedy(spec: dict[str, Any], sentence: str) -> None:
    assert _refusal({"resourceSelectors": SELECTORS, **spec}) == sentence


def test_several_mistakes_are_told_at_once_up_to_a_limit() -> None:
    wrong = {f"wrong{number}": 1 for number in range(8)}

    text = _refusal({"resourceSelectors": SELECTORS, **wrong})

    assert text.count("is not a field") == 5
    assert text.endswith("; and 3 more.")


def test_a_missing_spec_and_a_wrong_shape_are_told() -> None:
    assert _refusal(None) == "spec is missing; add it."
    assert _refusal([1]) == "spec should be a mapping, not a list; correct it."


def test_quantities_and_times_of_a_cluster_are_told() -> None:
    spec = {
        "syncMode": "Push",
        "taints": [{"key": "a", "effect": "NoExecute", "timeAdded": "yesterday"}],
        "resourceModels": [{"grade": 0, "ranges": [{"name": "cpu", "min": "lots", "max": "2"}]}],
    }
    with pytest.raises(InvalidInput) as refused:
        parse_cluster(_document(spec, kind="Cluster", version="cluster.karmada.io/v1alpha1"))

    assert "spec.taints[0].timeAdded is no time; write one such as 2025-01-31T12:00:00Z" in str(refused.value)
    assert "spec.resourceModels[0].ranges[0].min: 'lots' is not a quantity; write a number" in str(
        refused.value
    )


@pytest.mark.parametrize(
    ("kind", "version", "ending"),
    [
        ("FederatedHPA", "autoscaling.karmada.io/v1alpha1", "remove it from the input."),
        ("FederatedResourceQuota", "policy.karmada.io/v1alpha1", "remove it from the input."),
        ("Work", "work.karmada.io/v1alpha1", "remove it from the input."),
        ("PropagationPolicy", "policy.karmada.io/v1beta9", "write policy.karmada.io/v1alpha1."),
        ("Cluster", "cluster.karmada.io/v2", "write cluster.karmada.io/v1alpha1."),
    ],
)
def test_kinds_of_karmada_without_a_model_are_refused_by_name(kind: str, version: str, ending: str) -> None:
    with pytest.raises(InvalidInput, match=kind) as refused:
        refuse_unmodelled(_document({}, kind=kind, version=version))

    assert str(refused.value).endswith(ending)


def test_everything_else_is_a_template() -> None:
    document = _document({}, kind="CronTab", version="stable.example.com/v1")

    refuse_unmodelled(document)

    assert document.is_template
    with pytest.raises(InvalidInput, match="is not a policy"):
        parse_policy(document)
    with pytest.raises(InvalidInput, match="is not a cluster"):
        parse_cluster(document)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "resourceSelectors",
                    "placement",
                    "clusterAffinity",
                    "failover",
                    "x",
                    "overrideRules",
                    "overriders",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@given(values, st.sampled_from(["PropagationPolicy", "ClusterOverridePolicy"]))
def test_any_spec_parses_or_is_refused_in_one_sentence(spec: Any, kind: str) -> None:
    try:
        parse_policy(_document(spec, kind=kind))
    except InvalidInput as refused:
        assert str(refused).startswith("policy.yaml, document 2")  # noqa: PT017  either outcome is right
        assert str(refused)[-1] in ".?"  # noqa: PT017
