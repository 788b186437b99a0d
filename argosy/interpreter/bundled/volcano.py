"""Volcano batch jobs (`batch.volcano.sh`)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

from argosy.api.behaviour import Behaviour
from argosy.api.health import Assessment, ObjectHealth
from argosy.api.manifest import Manifest
from argosy.interpreter.bundled.components import Part, count, from_parts, pod_of
from argosy.interpreter.bundled.reports import reflecting, statuses, sums, with_status
from argosy.interpreter.kind import Item, Kind, Object
from argosy.interpreter.reading import entries, integer, section, text

_COUNTERS = ("pending", "running", "succeeded", "failed", "terminating", "unknown")
_WELL = {"Running", "Completed"}
_ENDED_BADLY = {"Failed", "Aborted", "Terminated"}
_SECONDS = {
    "h": Fraction(3600),
    "m": Fraction(60),
    "s": Fraction(1),
    "ms": Fraction(1, 1000),
    "us": Fraction(1, 10**6),
    "µs": Fraction(1, 10**6),
    "ns": Fraction(1, 10**9),
}
_PART = re.compile(r"(\d+(?:\.\d+)?)(h|ms|us|µs|ns|m|s)")


def _parts(spec: Object) -> Iterator[Part]:
    for index, task in enumerate(entries(spec, "tasks")):
        wanted = task.get("minAvailable")
        name = str(task.get("name") or f"task-{index}")
        yield Part(name, count(task.get("replicas") if wanted is None else wanted, 1), pod_of(task))


def _aggregate(manifest: Object, items: Sequence[Item], _: Behaviour) -> Manifest:
    reports = statuses(items)
    if not reports:
        return dict(manifest)
    status: dict[str, Any] = {
        **sums(reports, (*_COUNTERS, "minAvailable")),
        "version": max(integer(one, "version") for one in reports),
        "retryCount": max(integer(one, "retryCount") for one in reports),
        "taskStatusCount": _tasks(reports),
        "controlledResources": {
            name: uid for one in reports for name, uid in section(one, "controlledResources").items()
        },
        "conditions": [condition for one in reports for condition in entries(one, "conditions")],
    }
    durations = [text(one, "runningDuration") for one in reports]
    longest = max(durations, key=_seconds, default="")
    if longest:
        status["runningDuration"] = longest
    states = [one["state"] for one in reports if one.get("state") is not None]
    if states:
        status["state"] = states[-1]
    return with_status(manifest, **status)


def _tasks(reports: Sequence[Object]) -> dict[str, Any]:
    found: dict[str, dict[str, int]] = {}
    for report in reports:
        for name in section(report, "taskStatusCount"):
            phases = section(report, "taskStatusCount", name, "phase")
            known = found.setdefault(name, {})
            for phase in phases:
                known[phase] = known.get(phase, 0) + integer(phases, phase)
    return {name: {"phase": phases} for name, phases in found.items()}


def _seconds(duration: str) -> Fraction:
    """How long a duration is, as Go writes it."""
    return sum((Fraction(number) * _SECONDS[unit] for number, unit in _PART.findall(duration)), Fraction(0))


def _health(manifest: Object, _: Behaviour) -> Assessment:
    phase = text(manifest, "status", "state", "phase")
    said = text(manifest, "status", "state", "message")
    message = ": ".join(filter(None, (phase.lower() or "not taken up yet", said)))
    if phase in _WELL:
        return Assessment(health=ObjectHealth.HEALTHY, message=message)
    ended = phase in _ENDED_BADLY
    return Assessment(health=ObjectHealth.DEGRADED if ended else ObjectHealth.PROGRESSING, message=message)


KINDS = (
    Kind(
        api_version="batch.volcano.sh/v1alpha1",
        kind="Job",
        components=from_parts(_parts),
        aggregate=_aggregate,
        reflect=reflecting(
            *_COUNTERS,
            "minAvailable",
            "version",
            "retryCount",
            "taskStatusCount",
            "controlledResources",
            "conditions",
            "runningDuration",
            "state",
        ),
        health=_health,
    ),
)
