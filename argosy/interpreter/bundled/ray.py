"""Ray: clusters, jobs and services (`ray.io`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from argosy.api.behaviour import Behaviour
from argosy.api.health import Assessment, ObjectHealth
from argosy.api.manifest import Manifest
from argosy.api.quantity import Quantity
from argosy.api.requirements import ReplicaRequirements
from argosy.interpreter import requirements
from argosy.interpreter.bundled.components import Part, count, from_parts, pod_of, quantity
from argosy.interpreter.bundled.reports import latest, statuses, sums, with_status
from argosy.interpreter.dependencies import Dependency, of_pod
from argosy.interpreter.kind import Dependencies, Item, Kind, Object
from argosy.interpreter.reading import conditions, entries, holds, integer, reason_of, section, text

_VERSION = "ray.io/v1"
_WORKERS = (
    "availableWorkerReplicas",
    "readyWorkerReplicas",
    "desiredWorkerReplicas",
    "minWorkerReplicas",
    "maxWorkerReplicas",
)
_JOBS = ("FAILED", "STOPPED", "RUNNING", "PENDING", "SUCCEEDED")
_DEPLOYMENTS = (
    "Failed",
    "ValidationFailed",
    "Retrying",
    "Suspending",
    "Suspended",
    "Waiting",
    "Initializing",
    "Running",
    "Complete",
)
_AMOUNTS = ("desiredCPU", "desiredMemory", "desiredGPU", "desiredTPU")


def _groups(spec: Object) -> Iterator[Part]:
    if "headGroupSpec" in spec:
        yield Part("ray-head", 1, pod_of(section(spec, "headGroupSpec")))
    for index, group in enumerate(entries(spec, "workerGroupSpecs"), start=1):
        name = str(group.get("groupName") or f"worker-{index}")
        yield Part(name, count(group.get("replicas"), 1), pod_of(group))


def _job_groups(spec: Object) -> Iterator[Part]:
    return _groups(section(spec, "rayClusterSpec"))


def _dependencies(*field: str, submitter: bool = False) -> Dependencies:
    def dependencies(manifest: Object, _: Behaviour) -> tuple[Dependency, ...]:
        namespace = text(manifest, "metadata", "namespace")
        pods = [part.pod for part in _groups(section(manifest, "spec", *field))]
        if submitter:
            pods.append(pod_of({"template": section(manifest, "spec", "submitterPodTemplate")}))
        return tuple(dict.fromkeys(one for pod in pods for one in of_pod(pod, namespace)))

    return dependencies


def _only(manifest: Object, items: Sequence[Item]) -> Manifest | None:
    """The answer where there is nothing to add up: one report as it is, or none."""
    reports = statuses(items)
    if len(items) == 1 and reports:
        return {**manifest, "status": dict(reports[0])}
    return None if reports or not items else dict(manifest)


def _cluster_aggregate(manifest: Object, items: Sequence[Item], _: Behaviour) -> Manifest:
    only = _only(manifest, items)
    if only is not None:
        return only
    reports = statuses(items)
    status: dict[str, Any] = {**sums(reports, _WORKERS), **latest(reports, "lastUpdateTime")}
    for name in _AMOUNTS:
        amounts = [quantity(one[name]) for one in reports if one.get(name) is not None]
        if amounts:
            status[name] = str(sum(amounts[1:], amounts[0]))
    for name in ("head", "endpoints", "state"):
        found = [one[name] for one in reports if one.get(name)]
        if found:
            status[name] = found[0]
    said = [one for report in reports for one in entries(report, "conditions")]
    if said:
        status["conditions"] = said
    return with_status(manifest, **status)


def _cluster_health(manifest: Object, _: Behaviour) -> Assessment:
    found = conditions(manifest)
    ready, desired = (
        integer(manifest, "status", name) for name in ("readyWorkerReplicas", "desiredWorkerReplicas")
    )
    counts = {"ready": ready, "desired": desired}
    if holds(found, "RayClusterReplicaFailure"):
        said = reason_of(found["RayClusterReplicaFailure"])
        return Assessment(health=ObjectHealth.DEGRADED, message=f"pods cannot be made: {said}", **counts)
    if holds(found, "HeadPodReady") and holds(found, "RayClusterProvisioned"):
        return Assessment(
            health=ObjectHealth.HEALTHY, message=f"{ready} of {desired} workers are ready", **counts
        )
    lacking = next((found[name] for name in ("HeadPodReady", "RayClusterProvisioned") if name in found), {})
    failed = text(manifest, "status", "state").lower() in {"failed", "unhealthy"}
    return Assessment(
        health=ObjectHealth.DEGRADED if failed else ObjectHealth.PROGRESSING,
        message=reason_of(lacking) or "not provisioned yet",
        **counts,
    )


def _job_aggregate(manifest: Object, items: Sequence[Item], _: Behaviour) -> Manifest:
    only = _only(manifest, items)
    if only is not None:
        return only
    reports = statuses(items)
    if not reports:
        return dict(manifest)
    status: dict[str, Any] = sums(reports, ("succeeded", "failed"))
    status["jobStatus"] = text(_worst(reports, "jobStatus", _JOBS), "jobStatus")
    worst = _worst(reports, "jobDeploymentStatus", _DEPLOYMENTS)
    status |= {name: worst[name] for name in ("jobDeploymentStatus", "reason", "message") if name in worst}
    return with_status(manifest, **status)


def _worst(reports: Sequence[Object], name: str, worst_first: Sequence[str]) -> Object:
    ranks = {state: rank for rank, state in enumerate(worst_first)}
    return min(reports, key=lambda one: ranks.get(text(one, name), len(ranks)))


def _job_health(manifest: Object, _: Behaviour) -> Assessment:
    status, deployment = (text(manifest, "status", name) for name in ("jobStatus", "jobDeploymentStatus"))
    said = ": ".join(
        str(section(manifest, "status")[name])
        for name in ("reason", "message")
        if section(manifest, "status").get(name)
    )
    message = " ".join(filter(None, (status.lower(), said))) or deployment.lower() or "not taken up yet"
    if status in {"RUNNING", "SUCCEEDED"} and deployment in {"Running", "Complete"}:
        return Assessment(health=ObjectHealth.HEALTHY, message=message)
    failed = status in {"FAILED", "STOPPED"} or deployment in {"Failed", "ValidationFailed"}
    return Assessment(health=ObjectHealth.DEGRADED if failed else ObjectHealth.PROGRESSING, message=message)


def _service_replicas(manifest: Object, behaviour: Behaviour) -> tuple[int, ReplicaRequirements | None]:
    """All pods; each is taken to need as much as the largest of them."""
    parts = list(_groups(section(manifest, "spec", "rayClusterConfig")))
    needs = [
        found
        for part in parts
        if part.replicas and (found := requirements.of_pod(part.pod, behaviour=behaviour)) is not None
    ]
    request: dict[str, Quantity] = {}
    for one in needs:
        for name, amount in one.resource_request.items():
            request[name] = max(amount, request[name]) if name in request else amount
    claims = [one.node_claim for one in needs if one.node_claim is not None]
    total = sum(part.replicas for part in parts)
    if not request and not claims:
        return total, None
    return total, ReplicaRequirements(node_claim=claims[0] if claims else None, resource_request=request)


def _service_revise(manifest: Object, replicas: int, _: Behaviour) -> Manifest:
    """The head stays one; worker groups keep their shares, what is left over goes to the first ones."""
    spec = section(manifest, "spec")
    config = section(spec, "rayClusterConfig")
    groups = entries(config, "workerGroupSpecs")
    if not groups:
        return dict(manifest)
    sizes = [count(group.get("replicas"), 1) for group in groups]
    wanted, total = max(0, replicas - 1), sum(sizes)
    shares = [wanted * size // total for size in sizes] if total else [0] * len(sizes)
    left = wanted - sum(shares)
    for position, size in enumerate(sizes):
        if left and (size or not total):
            shares[position] += 1
            left -= 1
    revised = [{**group, "replicas": share} for group, share in zip(groups, shares, strict=True)]
    return {**manifest, "spec": {**spec, "rayClusterConfig": {**config, "workerGroupSpecs": revised}}}


def _service_aggregate(manifest: Object, items: Sequence[Item], _: Behaviour) -> Manifest:
    only = _only(manifest, items)
    if only is not None:
        return only
    reports = statuses(items)
    running = all(text(one, "serviceStatus") == "Running" for one in reports)
    status: dict[str, Any] = {
        **sums(reports, ("numServeEndpoints",)),
        **latest(reports, "lastUpdateTime"),
        "observedGeneration": max((integer(one, "observedGeneration") for one in reports), default=0),
        "serviceStatus": "Running" if running else "",
    }
    said = [one for report in reports for one in entries(report, "conditions")]
    if said:
        status["conditions"] = said
    return with_status(manifest, **status)


def _service_health(manifest: Object, _: Behaviour) -> Assessment:
    found = conditions(manifest)
    endpoints = integer(manifest, "status", "numServeEndpoints")
    if holds(found, "Ready"):
        return Assessment(health=ObjectHealth.HEALTHY, message=f"{endpoints} endpoints serve")
    return Assessment(
        health=ObjectHealth.PROGRESSING, message=reason_of(found.get("Ready", {})) or "not ready yet"
    )


KINDS = (
    Kind(
        api_version=_VERSION,
        kind="RayCluster",
        components=from_parts(_groups),
        aggregate=_cluster_aggregate,
        health=_cluster_health,
    ),
    Kind(
        api_version=_VERSION,
        kind="RayJob",
        components=from_parts(_job_groups),
        aggregate=_job_aggregate,
        health=_job_health,
        dependencies=_dependencies("rayClusterSpec", submitter=True),
    ),
    Kind(
        api_version=_VERSION,
        kind="RayService",
        without_items="unchanged",
        replicas=_service_replicas,
        revise=_service_revise,
        aggregate=_service_aggregate,
        health=_service_health,
        dependencies=_dependencies("rayClusterConfig"),
    ),
)
