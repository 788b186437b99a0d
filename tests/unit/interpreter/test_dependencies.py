from __future__ import annotations

from typing import Any

import pytest

from argosy.interpreter.dependencies import of_pod
from argosy.interpreter.registry import dependencies_of


def _found(spec: Any) -> set[tuple[str, str]]:
    return {(one.kind, one.name) for one in of_pod(spec, "apps")}


@pytest.mark.parametrize("field", ["containers", "initContainers", "ephemeralContainers"])
def test_of_containers(field: str) -> None:
    container = {
        "envFrom": [{"configMapRef": {"name": "a"}}, {"secretRef": {"name": "b"}}],
        "env": [
            {"name": "X", "value": "x"},
            {"name": "Y", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}},
            {"name": "Z", "valueFrom": {"secretKeyRef": {"name": "d", "key": "k"}}},
            {"name": "F", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        ],
    }
    assert _found({field: [container]}) == {
        ("ConfigMap", "a"),
        ("Secret", "b"),
        ("ConfigMap", "c"),
        ("Secret", "d"),
    }


@pytest.mark.parametrize(
    ("volume", "expected"),
    [
        ({"configMap": {"name": "x"}}, {("ConfigMap", "x")}),
        ({"secret": {"secretName": "x"}}, {("Secret", "x")}),
        ({"azureFile": {"secretName": "x"}}, {("Secret", "x")}),
        ({"csi": {"nodePublishSecretRef": {"name": "x"}}}, {("Secret", "x")}),
        *(
            ({kind: {"secretRef": {"name": "x"}}}, {("Secret", "x")})
            for kind in ("cephfs", "cinder", "flexVolume", "rbd", "scaleIO", "iscsi", "storageos")
        ),
        ({"persistentVolumeClaim": {"claimName": "x"}}, {("PersistentVolumeClaim", "x")}),
        (
            {"projected": {"sources": [{"configMap": {"name": "x"}}, {"secret": {"name": "y"}}]}},
            {("ConfigMap", "x"), ("Secret", "y")},
        ),
        ({"emptyDir": {}}, set()),
    ],
)
def test_of_volumes(volume: dict[str, Any], expected: set[tuple[str, str]]) -> None:
    assert _found({"volumes": [{"name": "v", **volume}]}) == expected


def test_of_the_pod_itself() -> None:
    assert _found({"imagePullSecrets": [{"name": "x"}], "serviceAccountName": "sa"}) == {
        ("Secret", "x"),
        ("ServiceAccount", "sa"),
    }
    assert _found({"serviceAccountName": "default"}) == set()
    assert _found({"serviceAccountName": ""}) == set()


def test_each_is_named_once_with_the_namespace() -> None:
    reference = {"configMapRef": {"name": "a"}}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "namespace": "apps"},
        "spec": {"containers": [{"envFrom": [reference, reference]}]},
    }
    (one,) = dependencies_of(pod) or ()
    assert (one.api_version, one.kind, one.namespace, one.name) == ("v1", "ConfigMap", "apps", "a")


@pytest.mark.parametrize("spec", [{}, {"containers": "x", "volumes": [1], "imagePullSecrets": {}}])
def test_what_is_no_pod_has_none(spec: Any) -> None:
    assert _found(spec) == set()
