"""CronJobs."""

from __future__ import annotations

from collections.abc import Sequence

from argosy.api.behaviour import Behaviour
from argosy.api.health import Assessment, ObjectHealth
from argosy.api.manifest import Manifest
from argosy.interpreter.dependencies import Dependency
from argosy.interpreter.kind import Item, Kind, Object
from argosy.interpreter.kinds.workload import pod_dependencies
from argosy.interpreter.reading import entries, section, text


def _aggregate(manifest: Object, items: Sequence[Item], _: Behaviour) -> Manifest:
    """What runs in any cluster, and when any of them last began and ended well."""
    if not items:
        return dict(manifest)
    statuses = [section(item, "status") for item in items]
    status: Manifest = {"active": [one for status in statuses for one in entries(status, "active")]}
    for name in ("lastScheduleTime", "lastSuccessfulTime"):
        latest = max((text(one, name) for one in statuses), default="")
        if latest:
            status[name] = latest
    return {**manifest, "status": {**section(manifest, "status"), **status}}


def _health(manifest: Object, _: Behaviour) -> Assessment:
    suspended = section(manifest, "spec").get("suspend") is True
    last = text(manifest, "status", "lastScheduleTime")
    message = "suspended" if suspended else f"last started at {last}" if last else "not started yet"
    return Assessment(health=ObjectHealth.HEALTHY, message=message)


def _dependencies(manifest: Object, behaviour: Behaviour) -> tuple[Dependency, ...]:
    job = section(manifest, "spec", "jobTemplate")
    return pod_dependencies({**job, "metadata": section(manifest, "metadata")}, behaviour)


KIND = Kind(
    api_version="batch/v1",
    kind="CronJob",
    aggregate=_aggregate,
    health=_health,
    dependencies=_dependencies,
    added=frozenset({"health"}),
)
