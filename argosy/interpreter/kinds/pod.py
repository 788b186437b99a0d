"""Pods that are templates themselves."""

from __future__ import annotations

from collections.abc import Sequence

from argosy.api.behaviour import Behaviour
from argosy.api.health import Assessment, ObjectHealth
from argosy.api.manifest import Manifest
from argosy.api.requirements import ReplicaRequirements
from argosy.interpreter import requirements
from argosy.interpreter.dependencies import Dependency, of_pod
from argosy.interpreter.kind import Item, Kind, Object
from argosy.interpreter.reading import conditions, entries, holds, reason_of, section, text

_CONTAINERS = ("containers", "initContainers")
_STATUSES = ("containerStatuses", "initContainerStatuses")
_WORST_FIRST = ("Failed", "Pending", "Running", "Succeeded")
STUCK = {
    "CrashLoopBackOff",
    "CreateContainerConfigError",
    "CreateContainerError",
    "ErrImageNeverPull",
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "RunContainerError",
}
"""Reasons to wait that do not pass by themselves."""


def _replicas(manifest: Object, behaviour: Behaviour) -> tuple[int, ReplicaRequirements | None]:
    return 1, requirements.of_pod(section(manifest, "spec"), behaviour=behaviour)


def _retain(desired: Object, observed: Object) -> Manifest:
    """Where it runs, as whom, and what the member has mounted into it."""
    there = section(observed, "spec")
    spec = dict(section(desired, "spec"))
    for name in ("nodeName", "serviceAccountName", "volumes"):
        spec.pop(name, None)
        if there.get(name):
            spec[name] = there[name]
    for part in _CONTAINERS:
        mounts = {one.get("name"): one.get("volumeMounts") for one in entries(observed, "spec", part)}
        if spec.get(part):
            spec[part] = [
                {**one, "volumeMounts": mounts[one.get("name")]} if one.get("name") in mounts else one
                for one in entries(desired, "spec", part)
            ]
    return {**desired, "spec": spec}


def _retains(desired: Object) -> bool:
    spec = section(desired, "spec")
    return any(spec.get(name) for name in ("nodeName", "serviceAccountName", "volumes")) or any(
        one.get("volumeMounts") for part in _CONTAINERS for one in entries(desired, "spec", part)
    )


def _aggregate(manifest: Object, items: Sequence[Item], _: Behaviour) -> Manifest:
    """The least advanced phase, and the readiness of all containers there are."""
    if not items:
        return dict(manifest)
    phases = {text(item, "status", "phase") or "Pending" for item in items}
    status = dict(section(manifest, "status"))
    status["phase"] = next((phase for phase in _WORST_FIRST if phase in phases), "")
    for name in _STATUSES:
        status[name] = [
            {key: one[key] for key in ("ready", "state") if key in one}
            for item in items
            for one in entries(item, "status", name)
        ]
    return {**manifest, "status": status}


def _health(manifest: Object, _: Behaviour) -> Assessment:
    phase, found = text(manifest, "status", "phase"), conditions(manifest)
    if phase == "Succeeded":
        return Assessment(health=ObjectHealth.HEALTHY, message="succeeded")
    if phase == "Running" and holds(found, "Ready"):
        return Assessment(health=ObjectHealth.HEALTHY, message="running and ready", ready=1, desired=1)
    if phase == "Failed":
        said = reason_of(section(manifest, "status")) or "failed"
        return Assessment(health=ObjectHealth.DEGRADED, message=said, ready=0, desired=1)
    for name in _STATUSES:
        for one in entries(manifest, "status", name):
            waiting = section(one, "state", "waiting")
            if waiting.get("reason") in STUCK:
                message = f"container {one.get('name')}: {reason_of(waiting)}"
                return Assessment(health=ObjectHealth.DEGRADED, message=message, ready=0, desired=1)
    blocked = found.get("PodScheduled", {})
    unscheduled = reason_of(blocked) if blocked.get("status") == "False" else ""
    message = unscheduled or (f"{phase.lower()}, not ready" if phase else "not taken up yet")
    return Assessment(health=ObjectHealth.PROGRESSING, message=message, ready=0, desired=1)


def _dependencies(manifest: Object, _: Behaviour) -> tuple[Dependency, ...]:
    found = of_pod(section(manifest, "spec"), text(manifest, "metadata", "namespace"))
    return tuple(dict.fromkeys(found))


KIND = Kind(
    api_version="v1",
    kind="Pod",
    replicas=_replicas,
    retain=_retain,
    retains=_retains,
    aggregate=_aggregate,
    health=_health,
    dependencies=_dependencies,
)
