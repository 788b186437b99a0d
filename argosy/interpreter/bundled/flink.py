"""Flink deployments (`flink.apache.org`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from argosy.api.behaviour import Behaviour
from argosy.api.health import Assessment, ObjectHealth
from argosy.api.manifest import Manifest
from argosy.api.quantity import Quantity, ResourceList
from argosy.api.requirements import Component, ReplicaRequirements
from argosy.interpreter import requirements
from argosy.interpreter.bundled.components import component, count, quantity
from argosy.interpreter.bundled.reports import last, reflecting, statuses, with_status
from argosy.interpreter.kind import Item, Kind, Object
from argosy.interpreter.reading import section, text

_SLOTS = "taskmanager.numberOfTaskSlots"
_FIELDS = (
    "clusterInfo",
    "error",
    "jobManagerDeploymentStatus",
    "jobStatus",
    "lifecycleState",
    "observedGeneration",
    "reconciliationStatus",
    "taskManager",
)
# What a member cannot pull or start elsewhere would not start either: no reason to move the job.
_NOT_THE_CLUSTERS_FAULT = ("ErrImagePull", "ImagePullBackOff", "CrashLoopBackOff")
_STARTING = {"CREATED", "INITIALIZING", "RECONCILING"}
_SETTLED = {"RUNNING", "FINISHED", "CANCELED", "FAILED", "SUSPENDED"}


def _sizes(spec: Object) -> tuple[int, int]:
    """How many job managers and task managers there are."""
    managers = count(section(spec, "jobManager").get("replicas"), 1)
    tasks = section(spec, "taskManager").get("replicas")
    if tasks is not None:
        return managers, count(tasks, 1)
    parallelism = count(section(spec, "job").get("parallelism"), 0)
    slots = count(section(spec, "flinkConfiguration").get(_SLOTS), 0)
    return managers, -(-parallelism // slots) if parallelism and slots else 1


def _request(spec: Object, role: str) -> ResourceList:
    resource = section(spec, role, "resource")
    return {name: quantity(resource[name]) for name in ("cpu", "memory") if resource.get(name) is not None}


def _replicas(manifest: Object, behaviour: Behaviour) -> tuple[int, ReplicaRequirements | None]:
    """All pods; each is taken to need as much as the largest of them."""
    spec = section(manifest, "spec")
    pod = section(spec, "podTemplate", "spec")
    needs = requirements.of_pod(pod, behaviour=behaviour)
    request: dict[str, Quantity] = {}
    for role in ("jobManager", "taskManager"):
        for name, amount in _request(spec, role).items():
            request[name] = max(amount, request[name]) if name in request else amount
    return sum(_sizes(spec)), ReplicaRequirements(
        node_claim=needs.node_claim if needs else None,
        resource_request=request,
        namespace=text(manifest, "metadata", "namespace"),
        priority_class_name=text(pod, "priorityClassName"),
    )


def _components(manifest: Object, behaviour: Behaviour) -> tuple[Component, ...]:
    spec = section(manifest, "spec")
    pod = section(spec, "podTemplate", "spec")
    needs = requirements.of_pod(pod, behaviour=behaviour)
    managers, tasks = _sizes(spec)
    return tuple(
        component(
            role.lower(),
            replicas,
            claim=needs.node_claim if needs else None,
            request=_request(spec, role),
            priority=text(pod, "priorityClassName"),
        )
        for role, replicas in (("jobManager", managers), ("taskManager", tasks))
    )


def _aggregate(manifest: Object, items: Sequence[Item], _: Behaviour) -> Manifest:
    found: dict[str, Any] = last(statuses(items), _FIELDS)
    return with_status(manifest, **found) if found else dict(manifest)


def _health(manifest: Object, _: Behaviour) -> Assessment:
    state, error = text(manifest, "status", "jobStatus", "state"), text(manifest, "status", "error")
    if state in _SETTLED:
        return Assessment(health=ObjectHealth.HEALTHY, message=state.lower())
    if state in _STARTING and any(one in error for one in _NOT_THE_CLUSTERS_FAULT):
        return Assessment(health=ObjectHealth.HEALTHY, message=error)
    broken = bool(error) or text(manifest, "status", "jobManagerDeploymentStatus") == "ERROR"
    return Assessment(
        health=ObjectHealth.DEGRADED if broken else ObjectHealth.PROGRESSING,
        message=error[:200] or state.lower() or "not taken up yet",
    )


KINDS = (
    Kind(
        api_version="flink.apache.org/v1beta1",
        kind="FlinkDeployment",
        replicas=_replicas,
        components=_components,
        aggregate=_aggregate,
        reflect=reflecting(*_FIELDS),
        health=_health,
    ),
)
