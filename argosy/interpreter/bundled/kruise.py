"""OpenKruise: extended workloads (`apps.kruise.io`)."""

from __future__ import annotations

from collections.abc import Sequence

from argosy.api.behaviour import Behaviour
from argosy.api.health import Assessment, ObjectHealth
from argosy.api.manifest import Manifest
from argosy.api.requirements import ReplicaRequirements
from argosy.errors import InterpreterError
from argosy.interpreter import requirements
from argosy.interpreter.bundled.reports import (
    last,
    reflecting,
    required,
    statuses,
    summing,
    sums,
    with_status,
)
from argosy.interpreter.dependencies import Dependency, of_pod
from argosy.interpreter.kind import Item, Kind, Object
from argosy.interpreter.kinds.workload import is_behind, rollout
from argosy.interpreter.reading import conditions, entries, holds, integer, reason_of, section, text

_ALPHA, _BETA = "apps.kruise.io/v1alpha1", "apps.kruise.io/v1beta1"
_CLONES = (
    "replicas",
    "readyReplicas",
    "availableReplicas",
    "updatedReplicas",
    "updatedReadyReplicas",
    "expectedUpdatedReplicas",
)
_REVISIONS = ("updateRevision", "currentRevision")
_STATEFUL = (
    "replicas",
    "readyReplicas",
    "availableReplicas",
    "currentReplicas",
    "updatedReplicas",
    "updatedReadyReplicas",
)
_UNITED = ("replicas", "readyReplicas", "availableReplicas", "updatedReplicas", "unavailableReplicas")
_NODES = (
    "currentNumberScheduled",
    "desiredNumberScheduled",
    "numberAvailable",
    "numberMisscheduled",
    "numberReady",
    "updatedNumberScheduled",
    "numberUnavailable",
)
_PODS = ("matchedPods", "updatedPods", "readyPods")
_OUTCOMES = ("active", "succeeded", "failed", "desired")


def _replicas(manifest: Object, behaviour: Behaviour) -> tuple[int, ReplicaRequirements | None]:
    spec = required(manifest, "spec")
    wanted = integer(spec, "replicas", default=1 if behaviour == "argosy" else 0)
    return wanted, requirements.of_pod(section(required(spec, "template"), "spec"), behaviour=behaviour)


def _revise(manifest: Object, replicas: int, _: Behaviour) -> Manifest:
    return {**manifest, "spec": {**required(manifest, "spec"), "replicas": replicas}}


def _dependencies(manifest: Object, _: Behaviour) -> tuple[Dependency, ...]:
    return _of_template(required(manifest, "spec", "template"), manifest)


def _of_template(template: Object, manifest: Object) -> tuple[Dependency, ...]:
    found = of_pod(section(template, "spec"), text(manifest, "metadata", "namespace"))
    return tuple(dict.fromkeys(found))


def _health(manifest: Object, _: Behaviour) -> Assessment:
    required(manifest, "status")
    if not is_behind(manifest):
        required(manifest, "spec")
    return rollout(manifest, complete=False)


def _united_health(manifest: Object, behaviour: Behaviour) -> Assessment:
    if manifest.get("status") is None:
        return Assessment(health=ObjectHealth.PROGRESSING, message="its controller has not seen it yet")
    return _health(manifest, behaviour)


def _daemon_health(manifest: Object, _: Behaviour) -> Assessment:
    status = required(manifest, "status")
    desired, updated, available = (
        integer(status, name)
        for name in ("desiredNumberScheduled", "updatedNumberScheduled", "numberAvailable")
    )
    health, message = ObjectHealth.HEALTHY, f"{available} of {desired} nodes run it"
    if is_behind(manifest):
        health, message = ObjectHealth.PROGRESSING, "its controller has not seen the last change yet"
    elif updated < desired:
        health, message = ObjectHealth.PROGRESSING, f"{updated} of {desired} nodes are updated"
    elif available < updated:
        health = ObjectHealth.PROGRESSING
    return Assessment(health=health, message=message, ready=available, desired=desired)


def _stateful_dependencies(manifest: Object, behaviour: Behaviour) -> tuple[Dependency, ...]:
    templates = entries(manifest, "spec", "volumeClaimTemplates")
    own = {section(one, "metadata").get("name") for one in templates}
    found = _dependencies(manifest, behaviour)
    kept = tuple(one for one in found if one.kind != "PersistentVolumeClaim" or one.name not in own)
    if behaviour == "karmada" and not found:
        raise InterpreterError("it needs nothing, which Karmada's script takes for an error")
    return kept


def _sidecar_dependencies(manifest: Object, _: Behaviour) -> tuple[Dependency, ...]:
    found = of_pod(section(manifest, "spec"), text(manifest, "metadata", "namespace"))
    return tuple(dict.fromkeys(found))


def _sidecar_health(manifest: Object, _: Behaviour) -> Assessment:
    if manifest.get("status") is None:
        return Assessment(health=ObjectHealth.PROGRESSING, message="its controller has not seen it yet")
    matched, updated = (integer(manifest, "status", name) for name in ("matchedPods", "updatedPods"))
    return Assessment(
        health=ObjectHealth.HEALTHY if matched == updated else ObjectHealth.PROGRESSING,
        message=f"{updated} of {matched} pods are updated",
    )


def _sidecar_aggregate(manifest: Object, items: Sequence[Item], _: Behaviour) -> Manifest:
    return with_status(manifest, **sums(statuses(items), _PODS))


def _cron_aggregate(manifest: Object, items: Sequence[Item], _: Behaviour) -> Manifest:
    reports = statuses(items)
    active = [one for report in reports for one in entries(report, "active")]
    found = last(reports, ("type", "lastScheduleTime"))
    return with_status(manifest, **({"active": active} if active else {}), **found)


def _cron_dependencies(manifest: Object, _: Behaviour) -> tuple[Dependency, ...]:
    written = section(manifest, "spec", "template")
    job = section(written, "broadcastJobTemplate") or section(written, "jobTemplate")
    return _of_template(section(job, "spec", "template"), manifest)


def _broadcast_replicas(manifest: Object, behaviour: Behaviour) -> tuple[int, ReplicaRequirements | None]:
    spec = required(manifest, "spec")
    needs = requirements.of_pod(section(spec, "template", "spec"), behaviour=behaviour)
    return integer(spec, "parallelism", default=1), needs


def _broadcast_revise(manifest: Object, replicas: int, _: Behaviour) -> Manifest:
    return {**manifest, "spec": {**required(manifest, "spec"), "parallelism": replicas}}


def _broadcast_retain(desired: Object, observed: Object) -> Manifest:
    """The labels by which the controller in the member knows its pods."""
    labels = section(observed, "spec", "template", "metadata").get("labels")
    if labels is None:
        return dict(desired)
    spec = section(desired, "spec")
    template = section(spec, "template")
    metadata = {**section(template, "metadata"), "labels": labels}
    return {**desired, "spec": {**spec, "template": {**template, "metadata": metadata}}}


def _broadcast_aggregate(manifest: Object, items: Sequence[Item], _: Behaviour) -> Manifest:
    """Failed in the clusters where it has failed; complete when it is in all."""
    reports = statuses(items)
    found = [conditions({"status": section(item, "status")}) for item in items]
    failed = [
        text(item, "clusterName") for item, one in zip(items, found, strict=True) if holds(one, "Failed")
    ]
    new: list[dict[str, str]] = []
    if failed:
        message = f"Job executed failed in member clusters: {', '.join(failed)}"
        new = [{"type": "Failed", "status": "True", "reason": "JobFailed", "message": message}]
    elif items and all(holds(one, "Complete") for one in found):
        new = [{"type": "Completed", "status": "True", "reason": "Completed", "message": "Job completed"}]
    status = {**sums(reports, _OUTCOMES), **last(reports, ("phase",))}
    return with_status(manifest, **status, **({"conditions": new} if new else {}))


def _broadcast_health(manifest: Object, _: Behaviour) -> Assessment:
    status = required(manifest, "status")
    active, succeeded, failed, desired = (integer(status, name) for name in _OUTCOMES)
    message = f"{succeeded} of {desired} nodes have succeeded, {active} run it, {failed} failed"
    if failed:
        health = ObjectHealth.DEGRADED
    else:
        health = ObjectHealth.HEALTHY if desired and active + succeeded else ObjectHealth.PROGRESSING
    said = [reason_of(one) for name, one in conditions(manifest).items() if name == "Failed"]
    return Assessment(health=health, message="; ".join((message, *said)))


KINDS = (
    Kind(
        api_version=_ALPHA,
        kind="CloneSet",
        replicas=_replicas,
        revise=_revise,
        aggregate=summing(_CLONES, (*_REVISIONS, "labelSelector")),
        reflect=reflecting(*_CLONES, *_REVISIONS, "labelSelector", "observedGeneration", generations=True),
        health=_health,
        dependencies=_dependencies,
    ),
    Kind(
        api_version=_BETA,
        kind="StatefulSet",
        replicas=_replicas,
        revise=_revise,
        aggregate=summing(_STATEFUL, _REVISIONS),
        reflect=reflecting(*_STATEFUL, *_REVISIONS, "observedGeneration", generations=True),
        health=_health,
        dependencies=_stateful_dependencies,
    ),
    Kind(
        api_version=_ALPHA,
        kind="UnitedDeployment",
        replicas=_replicas,
        revise=_revise,
        aggregate=summing(_UNITED),
        reflect=reflecting(*_UNITED, "observedGeneration", generations=True),
        health=_united_health,
        dependencies=_dependencies,
    ),
    Kind(
        api_version=_ALPHA,
        kind="DaemonSet",
        aggregate=summing(_NODES, ("daemonSetHash",)),
        reflect=reflecting(*_NODES, "daemonSetHash", "observedGeneration", generations=True),
        health=_daemon_health,
        dependencies=_dependencies,
    ),
    Kind(
        api_version=_ALPHA,
        kind="SidecarSet",
        without_items="error",
        replicas=lambda _, __: (0, None),
        retain=lambda desired, _: dict(desired),
        retains=lambda _: False,
        aggregate=_sidecar_aggregate,
        reflect=reflecting(*_PODS, zero=_PODS),
        health=_sidecar_health,
        dependencies=_sidecar_dependencies,
    ),
    Kind(
        api_version=_ALPHA,
        kind="AdvancedCronJob",
        aggregate=_cron_aggregate,
        dependencies=_cron_dependencies,
    ),
    Kind(
        api_version=_ALPHA,
        kind="BroadcastJob",
        replicas=_broadcast_replicas,
        revise=_broadcast_revise,
        retain=_broadcast_retain,
        retains=lambda _: False,
        aggregate=_broadcast_aggregate,
        reflect=reflecting(*_OUTCOMES, "conditions", "startTime", "completionTime", "phase"),
        health=_broadcast_health,
        dependencies=_dependencies,
    ),
)
