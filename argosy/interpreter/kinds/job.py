"""Jobs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from argosy.api.behaviour import Behaviour
from argosy.api.health import Assessment, ObjectHealth
from argosy.api.manifest import Manifest
from argosy.api.requirements import ReplicaRequirements
from argosy.interpreter.kind import Item, Kind, Object
from argosy.interpreter.kinds.workload import pod_dependencies, pod_requirements, revise_at
from argosy.interpreter.reading import (
    conditions,
    entries,
    holds,
    integer,
    optional_integer,
    reason_of,
    section,
    text,
)

_KEPT = ("active", "succeeded", "failed", "conditions", "startTime", "completionTime")
_COMPLETE = ("Complete", "Completed", "Job completed")
_CRITERIA = ("SuccessCriteriaMet", "CompletionsReached", "All member clusters have met success criteria")


def _replicas(manifest: Object, behaviour: Behaviour) -> tuple[int, ReplicaRequirements | None]:
    parallelism = integer(manifest, "spec", "parallelism", default=1 if behaviour == "argosy" else 0)
    completions = integer(manifest, "spec", "completions", default=parallelism)
    return min(parallelism, completions), pod_requirements(manifest, behaviour)


def _reflect(manifest: Object, _: Behaviour) -> Any:
    if "status" not in manifest:
        return None
    status = section(manifest, "status")
    return {name: status[name] for name in _KEPT if name in status}


def _aggregate(manifest: Object, items: Sequence[Item], _: Behaviour) -> Manifest:
    """Failed as soon as one cluster has failed, complete when all are; what has ended stays as it is."""
    before = section(manifest, "status")
    ended = conditions(manifest)
    if holds(ended, "Complete") or holds(ended, "Failed") or not items:
        return dict(manifest)
    statuses = [section(item, "status") for item in items]
    found = [conditions({"status": one}) for one in statuses]
    status: Manifest = {
        **before,
        **{name: sum(integer(one, name) for one in statuses) for name in ("active", "succeeded", "failed")},
    }
    failed = [
        text(item, "clusterName") for item, one in zip(items, found, strict=True) if holds(one, "Failed")
    ]
    at = _latest(statuses)
    new = []
    if failed:
        message = f"Job executed failed in member clusters {','.join(failed)}"
        new.append(_condition("Failed", "JobFailed", message, at))
    if all(holds(one, "Complete") for one in found):
        new.append(_condition(*_COMPLETE, at))
        if all(holds(one, "SuccessCriteriaMet") for one in found):
            new.append(_condition(*_CRITERIA, at))
    if new:
        status["conditions"] = [*entries(manifest, "status", "conditions"), *new]
    starts = [text(one, "startTime") for one in statuses]
    if all(starts) and not before.get("startTime"):
        status["startTime"] = min(starts)
    ends = [text(one, "completionTime") for one in statuses]
    if all(ends):
        status["completionTime"] = max(ends)
    return {**manifest, "status": status}


def _latest(statuses: Sequence[Object]) -> str:
    """When the last of the clusters' conditions changed: the moment at which the sum of them came about."""
    times = [text(one, "lastTransitionTime") for status in statuses for one in entries(status, "conditions")]
    return max(times, default="")


def _condition(name: str, reason: str, message: str, at: str) -> Manifest:
    return {
        "type": name,
        "status": "True",
        "reason": reason,
        "message": message,
        "lastProbeTime": at,
        "lastTransitionTime": at,
    }


def _health(manifest: Object, _: Behaviour) -> Assessment:
    found = conditions(manifest)
    succeeded, active = (integer(manifest, "status", name) for name in ("succeeded", "active"))
    wanted = optional_integer(manifest, "spec", "completions")
    if holds(found, "Failed"):
        return Assessment(health=ObjectHealth.DEGRADED, message=f"failed: {reason_of(found['Failed'])}")
    if holds(found, "Complete"):
        return Assessment(health=ObjectHealth.HEALTHY, message="completed")
    if section(manifest, "spec").get("suspend") is True:
        return Assessment(health=ObjectHealth.PROGRESSING, message="suspended")
    of = f" of {wanted}" if wanted is not None else ""
    return Assessment(
        health=ObjectHealth.PROGRESSING, message=f"{succeeded}{of} pods have succeeded, {active} are running"
    )


def _retain(desired: Object, observed: Object) -> Manifest:
    """The labels by which the controller in the member knows its pods."""
    spec = dict(section(desired, "spec"))
    selector = section(observed, "spec", "selector").get("matchLabels")
    if selector is not None:
        spec["selector"] = {**section(spec, "selector"), "matchLabels": selector}
    labels = section(observed, "spec", "template", "metadata").get("labels")
    if labels is not None:
        template = section(spec, "template")
        metadata = {**section(template, "metadata"), "labels": labels}
        spec["template"] = {**template, "metadata": metadata}
    return {**desired, "spec": spec}


KIND = Kind(
    api_version="batch/v1",
    kind="Job",
    replicas=_replicas,
    revise=revise_at("parallelism"),
    retain=_retain,
    # Under server-side apply the controller's labels, which are not named, stay without a look at the member.
    retains=lambda _: False,
    reflect=_reflect,
    aggregate=_aggregate,
    health=_health,
    dependencies=pod_dependencies,
    added=frozenset({"health"}),
)
