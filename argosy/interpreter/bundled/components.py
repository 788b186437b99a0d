"""Workloads that consist of several pod templates: which they are, and what each needs.

Rules of our own for kinds that Karmada knows as well; what each kind means by its fields is its own API's business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from argosy.api.behaviour import Behaviour
from argosy.api.requirements import Component, ComponentRequirements
from argosy.interpreter import requirements

Spec = Mapping[str, Any]


class _Part(NamedTuple):
    """One pod template of a workload, and how many pods it makes."""

    name: str
    replicas: int
    pod: Spec


def components_of(manifest: Mapping[str, Any], *, behaviour: Behaviour = "argosy") -> tuple[Component, ...]:
    """The components of a workload, in the order of its fields; empty for kinds that have one pod template or none."""
    key = (str(manifest.get("apiVersion") or "").rpartition("/")[0], str(manifest.get("kind") or ""))
    parts = _PARTS.get(key)
    if parts is None:
        return ()
    return tuple(_component(part, behaviour) for part in parts(_mapping(manifest.get("spec"))))


def _component(part: _Part, behaviour: Behaviour) -> Component:
    needs = requirements.of_pod(part.pod, behaviour=behaviour)
    return Component(
        name=part.name,
        replicas=part.replicas,
        replica_requirements=ComponentRequirements(
            node_claim=needs.node_claim if needs else None,
            resource_request=needs.resource_request if needs else {},
            priority_class_name=str(part.pod.get("priorityClassName") or ""),
        ),
    )


def _volcano(spec: Spec) -> Iterator[_Part]:
    for index, task in enumerate(_items(spec.get("tasks"))):
        wanted = task.get("minAvailable")
        name = str(task.get("name") or f"task-{index}")
        yield _Part(name, _count(task.get("replicas") if wanted is None else wanted, 1), _pod(task))


def _kubeflow(field: str, roles: Mapping[str, int], *, lower: bool) -> Callable[[Spec], Iterator[_Part]]:
    """A kind that keeps a pod template for each role, with so many pods where it does not say."""

    def parts(spec: Spec) -> Iterator[_Part]:
        replicas = _mapping(spec.get(field))
        for role, default in roles.items():
            if role in replicas:
                written = _mapping(replicas[role])
                name = role.lower() if lower else role
                yield _Part(name, _count(written.get("replicas"), default), _pod(written))

    return parts


def _ray_cluster(spec: Spec) -> Iterator[_Part]:
    if "headGroupSpec" in spec:
        yield _Part("ray-head", 1, _pod(_mapping(spec["headGroupSpec"])))
    for index, group in enumerate(_items(spec.get("workerGroupSpecs")), start=1):
        name = str(group.get("groupName") or f"worker-{index}")
        yield _Part(name, _count(group.get("replicas"), 1), _pod(group))


def _ray_job(spec: Spec) -> Iterator[_Part]:
    return _ray_cluster(_mapping(spec.get("rayClusterSpec")))


_PARTS: Mapping[tuple[str, str], Callable[[Spec], Iterator[_Part]]] = {
    ("batch.volcano.sh", "Job"): _volcano,
    ("kubeflow.org", "PyTorchJob"): _kubeflow("pytorchReplicaSpecs", {"Master": 1, "Worker": 1}, lower=True),
    ("kubeflow.org", "TFJob"): _kubeflow(
        "tfReplicaSpecs", {"PS": 1, "Worker": 1, "Chief": 1, "Master": 1, "Evaluator": 1}, lower=True
    ),
    ("kubeflow.org", "MPIJob"): _kubeflow("mpiReplicaSpecs", {"Launcher": 1, "Worker": 0}, lower=False),
    ("ray.io", "RayCluster"): _ray_cluster,
    ("ray.io", "RayJob"): _ray_job,
}


KINDS = frozenset(_PARTS)
"""(group, kind) of every workload whose components are known."""


def _pod(written: Spec) -> Spec:
    return _mapping(_mapping(written.get("template")).get("spec"))


def _count(value: Any, default: int) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def _mapping(value: Any) -> Spec:
    return value if isinstance(value, Mapping) else {}


def _items(value: Any) -> list[Spec]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
