"""Workloads that consist of several pod templates: what each of their components needs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from argosy.api.behaviour import Behaviour
from argosy.api.quantity import Quantity, ResourceList
from argosy.api.requirements import Component, ComponentRequirements, NodeClaim
from argosy.errors import InterpreterError
from argosy.interpreter import requirements
from argosy.interpreter.kind import Components, Object
from argosy.interpreter.reading import section


class Part(NamedTuple):
    """One pod template of a workload, and how many pods it makes."""

    name: str
    replicas: int
    pod: Object


def from_parts(parts: Callable[[Object], Iterable[Part]]) -> Components:
    """A rule that reads components from pod templates.

    Args:
        parts: spec -> its pod templates, in the order of its fields.
    """

    def components(manifest: Object, behaviour: Behaviour) -> tuple[Component, ...]:
        return tuple(_component(part, behaviour) for part in parts(section(manifest, "spec")))

    return components


def _component(part: Part, behaviour: Behaviour) -> Component:
    needs = requirements.of_pod(part.pod, behaviour=behaviour)
    return component(
        part.name,
        part.replicas,
        claim=needs.node_claim if needs else None,
        request=needs.resource_request if needs else {},
        priority=str(part.pod.get("priorityClassName") or ""),
    )


def component(
    name: str, replicas: int, *, claim: NodeClaim | None, request: ResourceList, priority: str = ""
) -> Component:
    """One component with what each of its pods needs."""
    return Component(
        name=name,
        replicas=replicas,
        replica_requirements=ComponentRequirements(
            node_claim=claim, resource_request=request, priority_class_name=priority
        ),
    )


def pod_of(written: Object) -> Object:
    """The pod in something that has a `template`."""
    return section(written, "template", "spec")


def count(value: Any, default: int) -> int:
    """A number of pods, which some kinds allow to be written as text."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def quantity(value: Any) -> Quantity:
    """A quantity that may be written as a number.

    Raises:
        InterpreterError: it is neither.
    """
    written = str(value)
    try:
        return Quantity(written[:-2] if re.fullmatch(r"\d+\.0", written) else written)
    except ValueError as error:
        raise InterpreterError(f"{error}; correct the object") from None
