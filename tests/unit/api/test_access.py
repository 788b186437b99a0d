from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from argosy.api.access import AccessRules, Identity, Touched, _matches, identity_for, parse_access
from argosy.errors import Forbidden, InvalidInput

DEPLOYMENT = Touched("apps", "Deployment", "web", "team-a")
SECRET = Touched("", "Secret", "key", "team-a")
NAMESPACE = Touched("", "Namespace", "team-a")
CLUSTER_ROLE = Touched("rbac.authorization.k8s.io", "ClusterRole", "admin")
BASE = {"apiVersion": "argosy.dev/v1alpha1", "kind": "AccessRules"}


def rules(*given: dict[str, Any]) -> AccessRules:
    named = [{"name": f"r{number}", "clusters": ["*"], **rule} for number, rule in enumerate(given)]
    return parse_access(yaml.safe_dump({**BASE, "rules": named}), source="access.yaml")


def allowed(allow: list[dict[str, Any]], touched: Touched) -> bool:
    try:
        identity_for(rules({"allow": allow}), "paris", touched)
    except Forbidden:
        return False
    return True


def acting(impersonate: list[dict[str, Any]], touched: Touched) -> Identity | None:
    try:
        return identity_for(rules({"impersonate": impersonate}), "paris", touched)
    except Forbidden:
        return None


@pytest.mark.parametrize(
    ("entry", "touched", "expected"),
    [
        ({"namespaces": ["team-*"], "kinds": ["apps/*"]}, DEPLOYMENT, True),
        ({"namespaces": ["team-a"], "kinds": ["apps/Deployment"]}, DEPLOYMENT, True),
        ({"namespaces": ["*"], "kinds": ["*"]}, DEPLOYMENT, True),
        ({"namespaces": ["*"], "kinds": ["*/*"]}, DEPLOYMENT, True),
        ({"namespaces": ["team"], "kinds": ["apps/*"]}, DEPLOYMENT, False),
        ({"namespaces": ["*-b"], "kinds": ["apps/*"]}, DEPLOYMENT, False),
        ({"namespaces": ["team-*"], "kinds": ["apps/StatefulSet"]}, DEPLOYMENT, False),
        ({"namespaces": ["team-*"], "kinds": ["apps/deployment"]}, DEPLOYMENT, False),
        ({"namespaces": ["team-*"], "kinds": ["v1/*"]}, DEPLOYMENT, False),
        ({"namespaces": ["team-*"], "kinds": ["v1/ConfigMap"]}, SECRET, False),
        ({"namespaces": ["team-*"], "kinds": ["v1/Secret"]}, SECRET, True),
        # What lives in no namespace has to be meant.
        ({"namespaces": ["*"], "kinds": ["*"]}, CLUSTER_ROLE, False),
        ({"namespaces": ["*"], "kinds": ["*"]}, NAMESPACE, False),
        ({"clusterScoped": True, "kinds": ["*"]}, CLUSTER_ROLE, True),
        ({"clusterScoped": True, "kinds": ["*.k8s.io/*"]}, CLUSTER_ROLE, True),
        ({"clusterScoped": True, "kinds": ["*"]}, DEPLOYMENT, False),
        ({"clusterScoped": True, "kinds": ["*"]}, NAMESPACE, False),
        ({"clusterScoped": True, "namespaces": ["team-*"], "kinds": ["v1/Namespace"]}, NAMESPACE, True),
        ({"clusterScoped": True, "namespaces": ["kube-*"], "kinds": ["v1/Namespace"]}, NAMESPACE, False),
    ],
)
def test_the_allow_list(entry: dict[str, Any], touched: Touched, expected: bool) -> None:
    assert allowed([entry], touched) is expected


@pytest.mark.parametrize(
    ("entry", "touched", "expected"),
    [
        (
            {"namespaces": ["team-*"], "serviceAccount": "robots/deployer"},
            DEPLOYMENT,
            Identity("system:serviceaccount:robots:deployer"),
        ),
        (
            {"namespaces": ["team-*"], "serviceAccount": "deployer"},
            DEPLOYMENT,
            Identity("system:serviceaccount:team-a:deployer"),
        ),
        (
            {"namespaces": ["team-*"], "serviceAccount": "deployer"},
            NAMESPACE,
            Identity("system:serviceaccount:team-a:deployer"),
        ),
        (
            {"namespaces": ["team-*"], "user": "ann", "groups": ["dev", "ops"]},
            DEPLOYMENT,
            Identity("ann", ("dev", "ops")),
        ),
        ({"namespaces": ["team-*"], "worker": True}, DEPLOYMENT, Identity()),
        ({"namespaces": ["*"], "user": "ann"}, CLUSTER_ROLE, None),
        ({"clusterScoped": True, "user": "ann"}, CLUSTER_ROLE, Identity("ann")),
        ({"clusterScoped": True, "user": "ann"}, DEPLOYMENT, None),
    ],
)
def test_whom_an_entry_means(entry: dict[str, Any], touched: Touched, expected: Identity | None) -> None:
    assert acting([entry], touched) == expected


def test_the_first_entry_that_covers_an_object_counts() -> None:
    entries = [{"namespaces": ["team-a"], "user": "ann"}, {"namespaces": ["*"], "user": "bob"}]
    assert acting(entries, DEPLOYMENT) == Identity("ann")
    assert acting(entries[::-1], DEPLOYMENT) == Identity("bob")


def test_rules_about_a_cluster_count_together() -> None:
    both = rules(
        {"allow": [{"namespaces": ["team-a"], "kinds": ["apps/*"]}]},
        {"impersonate": [{"namespaces": ["*"], "user": "ann"}]},
        {"clusters": ["rome"], "allow": [{"namespaces": ["*"], "kinds": ["*"]}]},
    )
    assert identity_for(both, "paris", DEPLOYMENT) == Identity("ann")
    assert identity_for(both, "rome", SECRET) == Identity("ann")
    with pytest.raises(Forbidden, match=r'rule "r0" does not have v1/Secret in namespace team-a; add it'):
        identity_for(both, "paris", SECRET)


def test_a_cluster_that_no_rule_is_about_is_refused() -> None:
    with pytest.raises(Forbidden, match="no access rule is about cluster paris; add one"):
        identity_for(rules({"clusters": ["rome"]}), "paris", DEPLOYMENT)


def test_a_rule_without_lists_permits_everything() -> None:
    assert identity_for(rules({}), "paris", CLUSTER_ROLE) == Identity()


def test_who_is_not_impersonated_is_not_the_worker() -> None:
    with pytest.raises(Forbidden, match='rule "r0" impersonates nobody for v1/Secret in namespace team-a'):
        identity_for(rules({"impersonate": [{"namespaces": ["b"], "user": "ann"}]}), "paris", SECRET)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"allow": None}, "allow is empty"),
        ({"impersonate": None}, "impersonate is empty"),
        ({"allows": []}, "allows"),
        ({"clusters": []}, "clusters"),
        ({"clusters": ["Paris!"]}, "cannot be the name of a cluster"),
        ({"allow": [{"kinds": ["*"]}]}, "counts nowhere"),
        ({"allow": [{"namespaces": ["a"], "kinds": []}]}, "kinds"),
        ({"allow": [{"namespaces": ["a"], "kinds": ["Deployment"]}]}, "GROUP/KIND"),
        ({"allow": [{"namespaces": ["a"], "kinds": ["apps/v1/Deployment"]}]}, "GROUP/KIND"),
        ({"allow": [{"namespaces": ["a"], "kinds": ["v1beta1/Thing"]}]}, "begins with a version"),
        ({"allow": [{"namespaces": ["a b"], "kinds": ["*"]}]}, "no name of a namespace"),
        ({"allow": [{"namespaces": ["a"], "kinds": ["*"], "clusterScoped": "yes"}]}, "clusterScoped"),
        ({"impersonate": [{"namespaces": ["a"]}]}, "no single identity"),
        (
            {"impersonate": [{"namespaces": ["a"], "user": "x", "serviceAccount": "y/z"}]},
            "no single identity",
        ),
        (
            {"impersonate": [{"namespaces": ["a"], "serviceAccount": "y/z", "groups": ["g"]}]},
            "groups go with",
        ),
        ({"impersonate": [{"namespaces": ["a"], "serviceAccount": "a/b/c"}]}, "no service account"),
        ({"impersonate": [{"clusterScoped": True, "serviceAccount": "b"}]}, "no account of its own"),
        ({"impersonate": [{"namespaces": ["a"], "user": "x\r\nImpersonate-Group: y"}]}, "plain ASCII"),
    ],
)
def test_what_is_wrong_is_said(rule: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words) as caught:
        rules(rule)
    assert str(caught.value).startswith("access.yaml")


@pytest.mark.parametrize(
    "text", ["", "[]", "rules: [", "apiVersion: argosy.dev/v1\nkind: AccessRules\nrules: []\n"]
)
def test_what_is_no_file_of_rules_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"access\.yaml"):
        parse_access(text, source="access.yaml")


def test_names_of_rules_are_apart() -> None:
    with pytest.raises(InvalidInput, match='two rules are called "r"'):
        rules({"name": "r"}, {"name": "r"})


# -- whatever the rules -----------------------------------------------------------------------------------

_WORDS = st.text("ab-", min_size=1, max_size=4)
_PATTERNS = st.text("ab-*", min_size=1, max_size=6)


@given(_PATTERNS, st.text("ab-", max_size=8))
def test_patterns_match_as_regular_expressions_would(pattern: str, value: str) -> None:
    expected = re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), value) is not None
    assert _matches(pattern, value) is expected


_TOUCHED = st.builds(
    Touched,
    group=st.sampled_from(["", "apps", "batch"]),
    kind=st.sampled_from(["Namespace", "Secret", "Deployment"]),
    name=_WORDS,
    namespace=st.none() | _WORDS,
)
_ENTRIES = st.fixed_dictionaries(
    {
        "namespaces": st.lists(_PATTERNS, min_size=1, max_size=3),
        "kinds": st.lists(st.sampled_from(["*", "apps/*", "v1/*", "v1/Secret", "*/Namespace"]), min_size=1),
        "clusterScoped": st.booleans(),
    }
)


@given(st.lists(_ENTRIES, max_size=3), _ENTRIES, _TOUCHED)
def test_another_entry_never_forbids(
    entries: list[dict[str, Any]], more: dict[str, Any], touched: Touched
) -> None:
    assert allowed([*entries, more], touched) is (allowed(entries, touched) or allowed([more], touched))


@given(st.lists(_ENTRIES, max_size=3), _TOUCHED)
def test_without_cluster_scope_nothing_outside_namespaces_is_touched(
    entries: list[dict[str, Any]], touched: Touched
) -> None:
    inside = [{**entry, "clusterScoped": False} for entry in entries]
    if touched.namespace is None:
        assert not allowed(inside, touched)


@given(st.lists(st.tuples(_PATTERNS, _WORDS), min_size=1, max_size=3), _TOUCHED)
def test_where_somebody_is_impersonated_the_worker_never_acts_as_itself(
    entries: list[tuple[str, str]], touched: Touched
) -> None:
    found = acting([{"namespaces": [pattern], "user": user} for pattern, user in entries], touched)
    assert found is None or found.user in {user for _, user in entries}
