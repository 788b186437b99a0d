"""Spark applications (`sparkoperator.k8s.io`)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from argosy.api.behaviour import Behaviour
from argosy.api.health import Assessment, ObjectHealth
from argosy.api.manifest import Manifest
from argosy.api.quantity import Quantity
from argosy.api.requirements import Component
from argosy.errors import InterpreterError
from argosy.interpreter import requirements
from argosy.interpreter.bundled.components import component, count
from argosy.interpreter.bundled.reports import last, latest, reflecting, statuses, sums, with_status
from argosy.interpreter.kind import Item, Kind, Object
from argosy.interpreter.reading import section, text

_UNITS = {"": 20, "k": 10, "m": 20, "g": 30, "t": 40, "p": 50}
_SIZE = re.compile(r"(\d+)\s*([kmgtp]?)b?i?b?", re.IGNORECASE)
_LEAST_OVERHEAD = 384 * 2**20
_JVM = {"Java", "Scala"}
_FIELDS = (
    "applicationState",
    "driverInfo",
    "executionAttempts",
    "executorState",
    "lastSubmissionAttemptTime",
    "sparkApplicationId",
    "submissionAttempts",
    "submissionID",
    "terminationTime",
)
_FAILED = {"FAILED", "SUBMISSION_FAILED", "INVALIDATING", "FAILING"}


def _components(manifest: Object, behaviour: Behaviour) -> tuple[Component, ...]:
    """The driver, and the executors as they are when the application starts."""
    spec = section(manifest, "spec")
    dynamic = section(spec, "dynamicAllocation")
    executors = count(section(spec, "executor").get("instances"), 1)
    if dynamic.get("enabled") is True:
        started = [count(dynamic.get(name), 0) for name in ("initialExecutors", "minExecutors")]
        executors = max([executors, *started]) if any(started) else executors
    return (
        _role(spec, "driver", 1, behaviour),
        _role(spec, "executor", executors, behaviour),
    )


def _role(spec: Object, role: str, replicas: int, behaviour: Behaviour) -> Component:
    written = section(spec, role)
    pod = {name: written[name] for name in ("nodeSelector", "affinity", "tolerations") if name in written}
    if "nodeSelector" not in pod and spec.get("nodeSelector") is not None:
        pod["nodeSelector"] = spec["nodeSelector"]
    needs = requirements.of_pod(pod, behaviour=behaviour)
    cores = written.get("coreRequest") or written.get("cores") or 1
    return component(
        role,
        replicas,
        claim=needs.node_claim if needs else None,
        request={"cpu": Quantity(str(cores)), "memory": _memory(spec, written)},
        priority=text(written, "priorityClassName"),
    )


def _memory(spec: Object, written: Object) -> Quantity:
    """The memory with what Spark adds to it for the process around the heap."""
    memory = _bytes(written.get("memory") or "1g")
    overhead = written.get("memoryOverhead")
    if overhead:
        total = Fraction(memory + _bytes(overhead))
    else:
        factor = spec.get("memoryOverheadFactor")
        default = Fraction(10, 100) if text(spec, "type") in _JVM else Fraction(40, 100)
        share = Fraction(str(factor)) if factor else default
        total = memory + max(memory * share, Fraction(_LEAST_OVERHEAD))
    whole = int(total * 1000)
    return Quantity(str(whole // 1000) if whole % 1000 == 0 else f"{whole}m")


def _bytes(size: Any) -> int:
    found = _SIZE.fullmatch(str(size))
    if found is None:
        raise InterpreterError(f"{size!r} is no amount of memory as Spark writes it; write for example 2g")
    return int(found[1]) << _UNITS[found[2].lower()]


def _aggregate(manifest: Object, items: Sequence[Item], _: Behaviour) -> Manifest:
    reports = statuses(items)
    if not reports:
        return dict(manifest)
    executors = {name: state for one in reports for name, state in section(one, "executorState").items()}
    status: dict[str, Any] = {
        **sums(reports, ("executionAttempts", "submissionAttempts")),
        **latest(reports, "lastSubmissionAttemptTime", "terminationTime"),
        **last(reports, ("applicationState", "driverInfo", "sparkApplicationId", "submissionID")),
    }
    if executors:
        status["executorState"] = executors
    return with_status(manifest, **status)


def _health(manifest: Object, _: Behaviour) -> Assessment:
    state = text(manifest, "status", "applicationState", "state")
    said = text(manifest, "status", "applicationState", "errorMessage")
    if not state:
        return Assessment(health=ObjectHealth.PROGRESSING, message="not submitted yet")
    failed = state in _FAILED
    message = ": ".join(filter(None, (state.lower(), said)))
    return Assessment(health=ObjectHealth.DEGRADED if failed else ObjectHealth.HEALTHY, message=message)


KINDS = (
    Kind(
        api_version="sparkoperator.k8s.io/v1beta2",
        kind="SparkApplication",
        components=_components,
        aggregate=_aggregate,
        reflect=reflecting(*_FIELDS),
        health=_health,
    ),
)
