"""Kubeflow: training jobs and notebooks (`kubeflow.org`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from argosy.api.behaviour import Behaviour
from argosy.api.health import Assessment, ObjectHealth
from argosy.api.manifest import Manifest
from argosy.api.requirements import ReplicaRequirements
from argosy.interpreter import requirements
from argosy.interpreter.bundled.components import Part, count, from_parts, pod_of
from argosy.interpreter.bundled.reports import (
    latest,
    reflecting,
    stamped,
    statuses,
    sums,
    with_status,
)
from argosy.interpreter.dependencies import Dependency, of_pod
from argosy.interpreter.kind import Aggregate, Dependencies, Item, Kind, Object
from argosy.interpreter.kinds.pod import STUCK
from argosy.interpreter.reading import conditions, entries, holds, integer, reason_of, section, text

_OUTCOMES = ("active", "succeeded", "failed")
_REPORTED = ("conditions", "replicaStatuses", "startTime", "completionTime", "lastReconcileTime")


def _parts(field: str, roles: Mapping[str, int], *, lower: bool) -> Callable[[Object], Iterator[Part]]:
    """A kind that keeps a pod template for each role, with so many pods where it does not say."""

    def parts(spec: Object) -> Iterator[Part]:
        for role, default in roles.items():
            if role in section(spec, field):
                written = section(spec, field, role)
                name = role.lower() if lower else role
                yield Part(name, count(written.get("replicas"), default), pod_of(written))

    return parts


def _dependencies(field: str, roles: Sequence[str]) -> Dependencies:
    def dependencies(manifest: Object, _: Behaviour) -> tuple[Dependency, ...]:
        namespace = text(manifest, "metadata", "namespace")
        replicas = section(manifest, "spec", field)
        found = (of_pod(pod_of(section(replicas, role)), namespace) for role in roles)
        return tuple(dict.fromkeys(one for role in found for one in role))

    return dependencies


def _health(manifest: Object, _: Behaviour) -> Assessment:
    found = conditions(manifest)
    if holds(found, "Failed"):
        return Assessment(health=ObjectHealth.DEGRADED, message=f"failed: {reason_of(found['Failed'])}")
    if not found:
        return Assessment(health=ObjectHealth.PROGRESSING, message="not taken up yet")
    current = [name for name in found if holds(found, name)]
    return Assessment(health=ObjectHealth.HEALTHY, message=(current or ["created"])[-1].lower())


def _replica_statuses(reports: Sequence[Object]) -> dict[str, Any]:
    """Role -> the pods of all clusters by what has become of them."""
    found: dict[str, dict[str, int]] = {}
    for report in reports:
        for role in section(report, "replicaStatuses"):
            known = found.setdefault(role, {})
            for name in _OUTCOMES:
                number = integer(report, "replicaStatuses", role, name)
                if number:
                    known[name] = known.get(name, 0) + number
    return found


def _outcome(items: Sequence[Item]) -> tuple[list[str], bool]:
    """The clusters in which a job has failed, and whether it has succeeded in all."""
    found = [conditions({"status": section(item, "status")}) for item in items]
    failed = [
        text(item, "clusterName") for item, one in zip(items, found, strict=True) if holds(one, "Failed")
    ]
    return failed, bool(items) and all(holds(one, "Succeeded") for one in found)


def _pytorch_aggregate(manifest: Object, items: Sequence[Item], _: Behaviour) -> Manifest:
    reports = statuses(items)
    if not reports:
        return with_status(manifest)
    failed, succeeded = _outcome(items)
    times = _times(reports, ended=succeeded)
    shown = []
    for name in ("Created", "Running", "Succeeded", "Failed"):
        of = [one for report in reports for one in entries(report, "conditions") if one.get("type") == name]
        if not of or (name == "Succeeded" and not succeeded) or (name == "Running" and not _running(of)):
            continue
        if name == "Running" and (failed or succeeded):
            continue
        newest = max(of, key=lambda one: text(one, "lastTransitionTime"))
        words = {
            "Created": "PyTorchJob is created.",
            "Running": "PyTorchJob is running.",
            "Succeeded": "PyTorchJob is successfully completed.",
            "Failed": f"PyTorchJob executed failed in member clusters: {', '.join(failed)}",
        }
        shown.append({**newest, "status": "True", "message": words[name]})
    return with_status(
        manifest,
        replicaStatuses=_replica_statuses(reports),
        **({"conditions": shown} if shown else {}),
        **times,
    )


def _running(of: Sequence[Object]) -> bool:
    return any(one.get("status") == "True" for one in of)


def _times(reports: Sequence[Object], *, ended: bool) -> dict[str, str]:
    starts = [at for one in reports if (at := text(one, "startTime"))]
    found = {"startTime": min(starts)} if starts else {}
    return {**found, **(latest(reports, "completionTime") if ended else {})}


def _tensorflow_aggregate(manifest: Object, items: Sequence[Item], _: Behaviour) -> Manifest:
    reports = statuses(items)
    if not reports:
        return with_status(manifest)
    failed, succeeded = _outcome(items)
    at = _latest_change(reports)
    shown = []
    if failed:
        message = f"TFJob executed failed in member clusters: {', '.join(failed)}"
        shown = [stamped("Failed", "TFJobFailed", message, at)]
    elif succeeded:
        shown = [stamped("Succeeded", "Completed", "TFJob completed successfully", at)]
    return with_status(
        manifest,
        replicaStatuses=_replica_statuses(reports),
        **({"conditions": shown} if shown else {}),
        **_times(reports, ended=succeeded),
    )


def _latest_change(reports: Sequence[Object]) -> str:
    times = [text(one, "lastTransitionTime") for report in reports for one in entries(report, "conditions")]
    return max(times, default="")


def _mpi_aggregate(manifest: Object, items: Sequence[Item], _: Behaviour) -> Manifest:
    """Of each condition the newest, the pods added up, from the earliest start to the latest end."""
    reports = statuses(items)
    if not reports:
        return dict(manifest)
    newest: dict[str, Object] = {}
    for report in reports:
        for one in entries(report, "conditions"):
            name = text(one, "type")
            if name not in newest or text(one, "lastUpdateTime") > text(newest[name], "lastUpdateTime"):
                newest[name] = one
    return with_status(
        manifest,
        conditions=list(newest.values()),
        replicaStatuses=_replica_statuses(reports),
        **_times(reports, ended=True),
        **latest(reports, "lastReconcileTime"),
    )


def _notebook_replicas(manifest: Object, behaviour: Behaviour) -> tuple[int, ReplicaRequirements | None]:
    return 1, requirements.of_pod(section(manifest, "spec", "template", "spec"), behaviour=behaviour)


def _is_well(report: Object) -> bool:
    """Whether the notebook's container runs, or has ended well."""
    state = section(report, "containerState")
    if state.get("terminated") is not None:
        return integer(state, "terminated", "exitCode", default=1) == 0
    return state.get("running") is not None


def _notebook_aggregate(manifest: Object, items: Sequence[Item], _: Behaviour) -> Manifest:
    """Failed where it runs nowhere in a cluster; ready when it runs in all of several."""
    reports = statuses(items)
    if items and not reports:
        return dict(manifest)
    if len(items) == 1:
        return {**manifest, "status": dict(reports[0])}
    status: dict[str, Any] = sums(reports, ("readyReplicas",))
    if reports:
        status["containerState"] = _leading_state(reports)
    failed = [
        text(one, "clusterName")
        for one in items
        if one.get("status") is not None and not _is_well(section(one, "status"))
    ]
    at = max((text(one, "containerState", "running", "startedAt") for one in reports), default="")
    if failed:
        message = f"Notebook executed failed in member clusters: {', '.join(failed)}"
        status["conditions"] = [stamped("Failed", "NotebookFailed", message, at)]
    elif items and len(reports) == len(items):
        status["conditions"] = [stamped("Ready", "Ready", "All notebooks are ready", at)]
    return with_status(manifest, **status)


def _leading_state(reports: Sequence[Object]) -> Object:
    """The last that has ended; else one that waits; else the one that was started last."""
    states = [section(one, "containerState") for one in reports]
    for name in ("terminated", "waiting"):
        found = [state for state in states if state.get(name) is not None]
        if found:
            return found[-1]
    if not all(state.get("running") is not None for state in states):
        return {"waiting": {"reason": "Unschedulable"}}
    return max(states, key=lambda state: text(state, "running", "startedAt"))


def _notebook_health(manifest: Object, _: Behaviour) -> Assessment:
    report = section(manifest, "status")
    ready = integer(report, "readyReplicas")
    if _is_well(report):
        return Assessment(health=ObjectHealth.HEALTHY, message="running", ready=ready, desired=1)
    container = section(report, "containerState")
    said = reason_of(section(container, "waiting") or section(container, "terminated"))
    stuck = container.get("terminated") is not None or text(container, "waiting", "reason") in STUCK
    health = ObjectHealth.DEGRADED if stuck else ObjectHealth.PROGRESSING
    return Assessment(health=health, message=said or "waiting for its container", ready=ready, desired=1)


_TF_ROLES = {"PS": 1, "Worker": 1, "Chief": 1, "Master": 1, "Evaluator": 1}
_TORCH_ROLES = {"Master": 1, "Worker": 1}


def _training(kind: str, field: str, roles: Mapping[str, int], aggregate: Aggregate) -> Kind:
    return Kind(
        api_version="kubeflow.org/v1",
        kind=kind,
        components=from_parts(_parts(field, roles, lower=True)),
        aggregate=aggregate,
        health=_health,
        dependencies=_dependencies(field, tuple(roles)),
    )


KINDS = (
    _training("TFJob", "tfReplicaSpecs", _TF_ROLES, _tensorflow_aggregate),
    _training("PyTorchJob", "pytorchReplicaSpecs", _TORCH_ROLES, _pytorch_aggregate),
    Kind(
        api_version="kubeflow.org/v2beta1",
        kind="MPIJob",
        components=from_parts(_parts("mpiReplicaSpecs", {"Launcher": 1, "Worker": 0}, lower=False)),
        aggregate=_mpi_aggregate,
        reflect=reflecting(*_REPORTED),
        health=_health,
    ),
    Kind(
        api_version="kubeflow.org/v1",
        kind="Notebook",
        replicas=_notebook_replicas,
        aggregate=_notebook_aggregate,
        reflect=reflecting("conditions", "containerState", "readyReplicas", zero=("readyReplicas",)),
        health=_notebook_health,
    ),
)
