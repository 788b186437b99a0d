from __future__ import annotations

from typing import Any

import pytest

from argosy.errors import InterpreterError
from argosy.interpreter.registry import components_of

NEEDS = {"resources": {"requests": {"cpu": "1", "memory": "2Gi"}}}


def template() -> dict[str, Any]:
    return {"template": {"spec": {"containers": [{"name": "c", **NEEDS}]}}}


def found(api_version: str, kind: str, spec: Any) -> dict[str, int]:
    manifest = {"apiVersion": api_version, "kind": kind, "metadata": {"name": "x"}, "spec": spec}
    components = components_of(manifest) or ()
    for one in components:
        assert one.replica_requirements is not None
        assert {name: str(q) for name, q in one.replica_requirements.resource_request.items()} == {
            "cpu": "1",
            "memory": "2Gi",
        }
    return {one.name: one.replicas for one in components}


def test_each_kind_says_how_many_pods_of_each_template() -> None:
    ray = {
        "headGroupSpec": template(),
        "workerGroupSpecs": [{"groupName": "gpu", "replicas": 3, **template()}, template()],
    }
    assert found("ray.io/v1", "RayCluster", ray) == {"ray-head": 1, "gpu": 3, "worker-2": 1}
    assert found("ray.io/v1", "RayJob", {"rayClusterSpec": ray}) == {"ray-head": 1, "gpu": 3, "worker-2": 1}
    tasks = [
        {"name": "master", "minAvailable": 1, "replicas": 2, **template()},
        {"replicas": 4, **template()},
    ]
    assert found("batch.volcano.sh/v1alpha1", "Job", {"tasks": tasks}) == {"master": 1, "task-1": 4}
    roles = {"Worker": {"replicas": 2, **template()}, "PS": template()}
    assert found("kubeflow.org/v1", "TFJob", {"tfReplicaSpecs": roles}) == {"ps": 1, "worker": 2}
    assert found("kubeflow.org/v1", "PyTorchJob", {"pytorchReplicaSpecs": {"Master": template()}}) == {
        "master": 1
    }
    assert found("kubeflow.org/v2beta1", "MPIJob", {"mpiReplicaSpecs": {"Worker": template()}}) == {
        "Worker": 0
    }


def test_other_kinds_have_none() -> None:
    assert found("apps/v1", "Deployment", template()) == {}
    assert found("batch/v1", "Job", template()) == {}


@pytest.mark.parametrize("spec", [[], "x", {"workerGroupSpecs": "x"}, {"workerGroupSpecs": [1, None]}])
def test_malformed_workloads_are_errors(spec: Any) -> None:
    with pytest.raises(InterpreterError, match=r"spec|workerGroupSpecs"):
        found("ray.io/v1", "RayCluster", spec)
