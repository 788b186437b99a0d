from __future__ import annotations

import pytest

from argosy.api.names import KindName, is_namespaced, parse_kind, plural
from argosy.errors import InvalidInput

DEPLOYMENT = KindName("apps", "Deployment")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        *((text, DEPLOYMENT) for text in ("deploy", "deployment", "deployments", "Deployment", "DEPLOY")),
        *((text, DEPLOYMENT) for text in ("deploy.apps", "deployments.v1.apps", "Deployment.v1beta1.apps")),
        ("cm", KindName("", "ConfigMap")),
        ("pp", KindName("policy.karmada.io", "PropagationPolicy")),
        ("cpp", KindName("policy.karmada.io", "ClusterPropagationPolicy")),
        ("op", KindName("policy.karmada.io", "OverridePolicy")),
        ("cop", KindName("policy.karmada.io", "ClusterOverridePolicy")),
        ("netpol", KindName("networking.k8s.io", "NetworkPolicy")),
        ("endpoints", KindName("", "Endpoints")),
        ("CronTab", KindName(None, "CronTab")),
        ("CronTab.stable.example.com", KindName("stable.example.com", "CronTab")),
        ("Deployment.example.com", KindName("example.com", "Deployment")),
    ],
)
def test_what_people_call_kinds(text: str, name: KindName) -> None:
    assert parse_kind(text) == name


@pytest.mark.parametrize(
    ("text", "ending"),
    [
        ("deplyments", "write deployments, or a custom one in its exact spelling, such as CronTab."),
        ("", "write a custom one in its exact spelling, such as CronTab."),
        ("crontabs.example.com", "such as CronTab."),
        ("deployments.batch", "such as CronTab."),
    ],
)
def test_an_unknown_kind_is_refused_with_the_nearest(text: str, ending: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_kind(text)

    assert str(refused.value).endswith(ending)


def test_scope_and_plural_are_known_for_built_in_kinds_only() -> None:
    assert is_namespaced(DEPLOYMENT) is True
    assert is_namespaced(KindName("", "Namespace")) is False
    assert is_namespaced(KindName("example.com", "Foo")) is None
    assert plural(KindName("networking.k8s.io", "Ingress")) == "ingresses"
    assert plural(KindName("example.com", "Foo")) is None
