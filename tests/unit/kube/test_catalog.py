"""Discovery documents as data."""

from __future__ import annotations

from typing import Any

import pytest

from argosy.api.manifest import ResourceRef
from argosy.errors import InvalidInput
from argosy.kube.catalog import Catalog, Listing, Served, aggregated, group_versions, unaggregated


def resource(plural: str, kind: str, *verbs: str, scope: str = "Namespaced") -> dict[str, Any]:
    return {
        "resource": plural,
        "responseKind": {"group": "", "version": "", "kind": kind},
        "scope": scope,
        "verbs": list(verbs),
        "subresources": [{"subresource": "status", "responseKind": {"kind": kind}}],
    }


def group(name: str, **versions: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": name} if name else {},
        "versions": [{"version": version, **content} for version, content in versions.items()],
    }


DOCUMENT = {
    "kind": "APIGroupDiscoveryList",
    "items": [
        group(
            "", v1={"freshness": "Current", "resources": [resource("nodes", "Node", "list", scope="Cluster")]}
        ),
        group(
            "autoscaling",
            v2={"resources": [resource("horizontalpodautoscalers", "HorizontalPodAutoscaler", "patch")]},
            v1={"resources": [resource("horizontalpodautoscalers", "HorizontalPodAutoscaler", "patch")]},
        ),
        group(
            "template.example",
            v1={
                "resources": [
                    resource("processedtemplates", "Template", "create"),
                    resource("templates", "Template", "get", "patch"),
                    {"resource": "placeholder", "scope": "Namespaced", "verbs": [], "subresources": []},
                ]
            },
        ),
    ],
}


def catalog(*listings: Listing) -> Catalog:
    return Catalog(listings={str(number): listing for number, listing in enumerate(listings)}, read_at=0)


def test_enablements_are_sorted_and_without_subresources() -> None:
    assert catalog(aggregated(DOCUMENT)).enablements == (
        {
            "groupVersion": "autoscaling/v1",
            "resources": [{"name": "horizontalpodautoscalers", "kind": "HorizontalPodAutoscaler"}],
        },
        {
            "groupVersion": "autoscaling/v2",
            "resources": [{"name": "horizontalpodautoscalers", "kind": "HorizontalPodAutoscaler"}],
        },
        {
            "groupVersion": "template.example/v1",
            "resources": [
                {"name": "processedtemplates", "kind": "Template"},
                {"name": "templates", "kind": "Template"},
            ],
        },
        {"groupVersion": "v1", "resources": [{"name": "nodes", "kind": "Node"}]},
    )


def test_a_kind_is_the_resource_that_can_be_applied() -> None:
    assert catalog(aggregated(DOCUMENT)).served["template.example/v1", "Template"].plural == "templates"


def test_each_resource_is_swept_in_one_version() -> None:
    swept = [entry for entry in catalog(aggregated(DOCUMENT)).preferred() if entry.group == "autoscaling"]
    assert [entry.group_version for entry in swept] == ["autoscaling/v2"]


def test_a_stale_group_makes_the_catalog_incomplete_and_its_digest_another() -> None:
    stale = {"items": [*DOCUMENT["items"], group("metrics.k8s.io", v1beta1={"freshness": "Stale"})]}
    whole, partial = catalog(aggregated(DOCUMENT)), catalog(aggregated(stale))
    assert (whole.complete, partial.complete) == (True, False)
    assert whole.enablements == partial.enablements
    assert whole.digest != partial.digest


def test_both_forms_of_discovery_say_the_same() -> None:
    legacy = {
        "kind": "APIResourceList",
        "groupVersion": "v1",
        "resources": [
            {"name": "nodes", "kind": "Node", "namespaced": False, "verbs": ["list"]},
            {"name": "nodes/status", "kind": "Node", "namespaced": False, "verbs": ["get"]},
        ],
    }
    assert tuple(unaggregated(legacy)) == aggregated({"items": DOCUMENT["items"][:1]}).served


def test_group_versions_name_the_preferred_one_first() -> None:
    groups = {
        "kind": "APIGroupList",
        "groups": [
            {
                "versions": [{"groupVersion": "a/v1beta1"}, {"groupVersion": "a/v1"}],
                "preferredVersion": {"groupVersion": "a/v1"},
            }
        ],
    }
    assert group_versions(groups) == ["a/v1", "a/v1beta1"]
    assert group_versions({"kind": "APIVersions", "versions": ["v1"]}) == ["v1"]


@pytest.mark.parametrize(
    ("kind", "namespace", "name", "path"),
    [
        (
            Served("v1", "ConfigMap", "configmaps", namespaced=True),
            "a",
            "b",
            "/api/v1/namespaces/a/configmaps/b",
        ),
        (
            Served("apps/v1", "Deployment", "deployments", namespaced=True),
            "a",
            "b",
            "/apis/apps/v1/namespaces/a/deployments/b",
        ),
        (Served("v1", "Node", "nodes", namespaced=False), None, "b", "/api/v1/nodes/b"),
        (Served("v1", "Node", "nodes", namespaced=False), "ignored", "b", "/api/v1/nodes/b"),
        (
            Served("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles", namespaced=False),
            None,
            "system:a b?c#d",
            "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:a%20b%3Fc%23d",
        ),
    ],
)
def test_paths(kind: Served, namespace: str | None, name: str, path: str) -> None:
    ref = ResourceRef(api_version=kind.group_version, kind=kind.kind, namespace=namespace, name=name)
    assert kind.path(ref) == path


def test_a_namespaced_kind_needs_a_namespace() -> None:
    kind = Served("v1", "ConfigMap", "configmaps", namespaced=True)
    with pytest.raises(InvalidInput, match=r"set metadata\.namespace"):
        kind.path(ResourceRef(api_version="v1", kind="ConfigMap", name="b"))
