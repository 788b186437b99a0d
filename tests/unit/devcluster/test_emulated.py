"""Emulated clusters say that they are emulated, and name what they lack; how they answer otherwise is in
`tests/integration/emulated`."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Iterator
from typing import Any

import pytest

from devcluster.emulated.fleet import NOTICE, EmulatedClusters, names

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"


@pytest.fixture(scope="module")
def clusters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatedClusters]:
    found = EmulatedClusters(tmp_path_factory.mktemp("emulated"), count=3)
    found.start()
    yield found
    found.stop()


def asked(
    clusters: EmulatedClusters, method: str, path: str, body: Any = None, **others: Any
) -> tuple[int, Any]:
    status, answer = clusters.request(clusters.names[0], method, path, body, **others)
    return status, json.loads(answer)


def test_every_version_says_so(clusters: EmulatedClusters) -> None:
    assert asked(clusters, "GET", "/version")[1]["gitVersion"].endswith("-emulated")


def test_every_answer_says_so(clusters: EmulatedClusters) -> None:
    port = int(clusters.server("x").split(":")[2].partition("/")[0])
    context = ssl.create_default_context(cafile=str(clusters.directory / "pki" / "ca.crt"))
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=context)
    connection.request("GET", f"/clusters/{clusters.names[0]}/readyz")
    response = connection.getresponse()
    # Nobody gets in without the token either.
    assert (response.status, response.headers["Emulated"]) == (401, "true")
    connection.close()


def test_so_does_the_process(clusters: EmulatedClusters) -> None:
    assert NOTICE in clusters.log.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("method", "path", "body", "content", "names_it"),
    [
        ("PUT", f"{CONFIG_MAPS}/x", {}, "application/json", "PUT of an object"),
        ("DELETE", CONFIG_MAPS, None, "application/json", "DELETE of a collection"),
        (
            "PATCH",
            f"{CONFIG_MAPS}/x",
            {},
            "application/json-patch+json",
            "patches of type application/json-patch+json",
        ),
        (
            "GET",
            f"{CONFIG_MAPS}?fieldSelector=data.x=1",
            None,
            "application/json",
            "field selectors by data.x",
        ),
        ("GET", f"{CONFIG_MAPS}?watch=true", None, "application/json", "watches without a resourceVersion"),
        (
            "POST",
            CONFIG_MAPS,
            {"metadata": {"generateName": "x-"}},
            "application/json",
            "names that the server makes up",
        ),
        (
            "GET",
            "/apis/apps/v1/namespaces/default/deployments/x/scale",
            None,
            "application/json",
            "GET of deployments/scale",
        ),
        ("GET", "/openapi/v3", None, "application/json", "OpenAPI documents"),
    ],
)  # fmt: skip - one line a case
def test_what_is_missing_is_named(
    clusters: EmulatedClusters, method: str, path: str, body: Any, content: str, names_it: str
) -> None:
    status, answer = asked(clusters, method, path, body, content=content)
    assert (status, answer["kind"], answer["reason"]) == (501, "Status", "NotImplemented")
    assert names_it in answer["message"]
    assert "emulated" in answer["message"]


def test_a_watch_from_what_is_forgotten_is_refused(clusters: EmulatedClusters) -> None:
    for number in range(200):
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": f"s{number}"}}
        assert asked(clusters, "POST", "/api/v1/namespaces/default/secrets", body)[0] == 201
    path = "/api/v1/namespaces/default/secrets?watch=true&resourceVersion=1"
    status, answer = asked(clusters, "GET", path)
    assert (status, answer["reason"]) == (410, "Expired")


def test_a_namespace_takes_its_objects_along(clusters: EmulatedClusters) -> None:
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "short"}}
    asked(clusters, "POST", "/api/v1/namespaces", body)
    inside = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "x", "finalizers": ["example.com/held"]},
    }
    asked(clusters, "POST", "/api/v1/namespaces/short/configmaps", inside)
    asked(clusters, "DELETE", "/api/v1/namespaces/short")
    assert asked(clusters, "GET", "/api/v1/namespaces/short")[1]["status"]["phase"] == "Terminating"
    status, answer = asked(
        clusters, "POST", "/api/v1/namespaces/short/configmaps", {"metadata": {"name": "y"}}
    )
    assert (status, answer["details"]["causes"][0]["reason"]) == (403, "NamespaceTerminating")
    patch = {"metadata": {"finalizers": None}}
    asked(
        clusters,
        "PATCH",
        "/api/v1/namespaces/short/configmaps/x",
        patch,
        content="application/merge-patch+json",
    )
    assert asked(clusters, "GET", "/api/v1/namespaces/short")[0] == 404


def test_the_same_cluster_comes_back_without_its_objects(clusters: EmulatedClusters) -> None:
    path = "/api/v1/namespaces/kube-system"
    before = asked(clusters, "GET", path)[1]["metadata"]["uid"]
    asked(clusters, "POST", CONFIG_MAPS, {"metadata": {"name": "lost"}})
    clusters.stop()
    clusters.start()
    assert asked(clusters, "GET", path)[1]["metadata"]["uid"] == before
    assert asked(clusters, "GET", f"{CONFIG_MAPS}/lost")[0] == 404


def test_clusters_are_apart(clusters: EmulatedClusters) -> None:
    assert names(2) == ["emulated-0001", "emulated-0002"]
    asked(clusters, "POST", CONFIG_MAPS, {"metadata": {"name": "only-here"}})
    other = clusters.request(clusters.names[1], "GET", f"{CONFIG_MAPS}/only-here")[0]
    uids = {
        json.loads(clusters.request(name, "GET", "/api/v1/namespaces/kube-system")[1])["metadata"]["uid"]
        for name in clusters.names
    }
    assert (other, len(uids)) == (404, 3)
