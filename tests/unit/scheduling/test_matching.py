from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.api.policy import (
    AnyPropagationPolicy,
    ClusterPropagationPolicy,
    PropagationPolicy,
    ResourceSelector,
)
from argosy.api.selectors import MatchLevel, highest_match, match_level
from argosy.scheduling.matching import PolicyIndex, is_propagated, still_matches


def template(**metadata: Any) -> dict[str, Any]:
    given_ = {"name": "web", "namespace": "default", **metadata}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": given_}


def policy(
    name: str, *selectors: dict[str, Any], namespace: str = "", priority: int = 0
) -> AnyPropagationPolicy:
    """A cluster policy, or one of a namespace."""
    model = PropagationPolicy if namespace else ClusterPropagationPolicy
    return model.model_validate(
        {
            "metadata": {"name": name, "namespace": namespace},
            "spec": {
                "priority": priority,
                "resourceSelectors": [
                    {"apiVersion": "apps/v1", "kind": "Deployment", **selector} for selector in selectors
                ],
            },
        }
    )


def one_by_one(policies: list[AnyPropagationPolicy], manifest: dict[str, Any]) -> str | None:
    """The definition itself: every policy is asked, the matching ones are ranked."""
    namespace = manifest["metadata"].get("namespace") or ""
    ranked = sorted(
        (not one.namespaced, -one.spec.priority, -level, one.metadata.name)
        for one in policies
        if (not one.namespaced or one.metadata.namespace == namespace != "")
        and (level := highest_match(one.spec.resource_selectors, manifest))
    )
    return ranked[0][3] if ranked else None


names = st.sampled_from(["web", "api"])
labels = st.dictionaries(st.sampled_from(["app", "env"]), st.sampled_from(["a", "b"]), max_size=2)
expressions = st.lists(
    st.one_of(
        st.builds(
            lambda key, values, operator: {"key": key, "operator": operator, "values": values},
            st.sampled_from(["app", "env"]),
            st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=2),
            st.sampled_from(["In", "NotIn"]),
        ),
        st.builds(
            lambda key, operator: {"key": key, "operator": operator},
            st.sampled_from(["app", "env"]),
            st.sampled_from(["Exists", "DoesNotExist"]),
        ),
    ),
    max_size=2,
)
selectors = st.fixed_dictionaries(
    {},
    optional={
        "name": names,
        "namespace": st.sampled_from(["default", "other"]),
        "labelSelector": st.builds(
            lambda exact, more: {"matchLabels": exact, "matchExpressions": more}, labels, expressions
        ),
    },
)
policies = st.lists(
    st.builds(
        lambda name, found, namespace, priority: policy(name, *found, namespace=namespace, priority=priority),
        st.sampled_from(["p1", "p2", "p3", "p4"]),
        st.lists(selectors, min_size=1, max_size=3),
        st.sampled_from(["", "default", "other"]),
        st.integers(-1, 1),
    ),
    max_size=8,
    unique_by=lambda one: (one.kind, one.metadata.namespace, one.metadata.name),
)


@given(policies, names, labels, st.sampled_from(["", "default", "other"]))
def test_the_index_finds_what_asking_everybody_finds(
    given_policies: list[AnyPropagationPolicy], name: str, given_labels: dict[str, str], namespace: str
) -> None:
    manifest = template(name=name, labels=given_labels, namespace=namespace)
    found = PolicyIndex(given_policies).best(manifest)
    assert (found and found.metadata.name) == one_by_one(given_policies, manifest)
    assert found is None or still_matches(found, manifest)


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        (template(), True),
        (template(namespace="kube-system"), False),
        (template(labels={"resourcetemplate.karmada.io/claimed-by": "other"}), False),
        (template() | {"apiVersion": "policy.karmada.io/v1alpha1"}, False),
        (template() | {"apiVersion": "search.karmada.io/v1alpha1"}, True),
        (template() | {"apiVersion": "events.k8s.io/v1"}, False),
        (template() | {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease"}, False),
        (template() | {"apiVersion": "v1", "kind": "Event"}, False),
        (template() | {"apiVersion": "v1", "kind": "ConfigMap"}, True),
    ],
)
def test_what_is_never_propagated(manifest: dict[str, Any], expected: bool) -> None:
    everything = PolicyIndex(
        [
            ClusterPropagationPolicy.model_validate(
                {
                    "metadata": {"name": "all"},
                    "spec": {
                        "resourceSelectors": [
                            {"apiVersion": manifest["apiVersion"], "kind": manifest["kind"]}
                        ]
                    },
                }
            )
        ]
    )
    assert is_propagated(manifest) is expected
    assert (everything.best(manifest) is not None) is expected


def test_a_policy_lets_go_of_what_it_no_longer_means() -> None:
    mine = policy("mine", {"labelSelector": {"matchLabels": {"app": "a"}}}, namespace="default")
    assert still_matches(mine, template(labels={"app": "a"}))
    assert not still_matches(mine, template(labels={"app": "b"}))
    assert not still_matches(mine, template(labels={"app": "a"}, namespace="other"))
    assert not still_matches(mine, template(labels={"app": "a"}, namespace=""))


def test_few_of_many_policies_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    many = [
        policy(f"p{i}", {"labelSelector": {"matchLabels": {"team": "a", "app": f"app-{i}"}}})
        for i in range(500)
    ]
    many += [policy(f"q{i}", {"namespace": f"ns-{i}"}) for i in range(500)]
    many += [policy(f"r{i}", {"name": f"app-{i}"}, namespace="default") for i in range(500)]
    index = PolicyIndex(many)
    asked: list[ResourceSelector] = []

    def counting(selector: ResourceSelector, manifest: dict[str, Any]) -> MatchLevel:
        asked.append(selector)
        return match_level(selector, manifest)

    monkeypatch.setattr("argosy.scheduling.matching.match_level", counting)
    found = index.best(template(labels={"team": "a", "app": "app-7"}))
    assert found is not None
    assert found.metadata.name == "p7"
    assert len(asked) == 1
