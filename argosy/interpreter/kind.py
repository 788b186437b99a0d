"""What can be known of a kind: one operation each, pure, and left out where the kind has none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from argosy.api.behaviour import Behaviour
from argosy.api.health import Assessment
from argosy.api.manifest import Manifest
from argosy.api.requirements import Component, ReplicaRequirements
from argosy.interpreter.dependencies import Dependency

Object = Mapping[str, Any]
Item = Mapping[str, Any]
"""What one cluster reports (AggregatedStatusItem): clusterName, status, health, applied."""

Replicas = Callable[[Object, Behaviour], tuple[int, ReplicaRequirements | None]]
Components = Callable[[Object, Behaviour], tuple[Component, ...]]
Revise = Callable[[Object, int, Behaviour], Manifest]
Retain = Callable[[Object, Object], Manifest]
Reflect = Callable[[Object, Behaviour], Any]
Aggregate = Callable[[Object, Sequence[Item], Behaviour], Manifest]
Health = Callable[[Object, Behaviour], Assessment]
Dependencies = Callable[[Object, Behaviour], tuple[Dependency, ...]]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """The meaning of one kind in one version. No operation changes what it is given.

    Every operation raises InterpreterError for an object that it cannot read.

    Attributes:
        replicas: template -> replicas, and what each needs.
        components: template -> its pod templates, for kinds that have several.
        revise: template, replicas -> the template asking for so many.
        retain: desired, observed -> the desired object with what the member is to keep.
        retains: whether `retain` could make a difference to a server-side apply of this desired object: it names
            a field that the member decides. Fields it does not name stay the member's anyway.
        reflect: observed -> what of its status is collected; None where there is nothing.
        aggregate: template, items -> the template with the status that the items make together.
        health: observed -> how it fares.
        dependencies: template -> what it needs beside it.
        without_items: what is done where no list of reports is given at all, if anything else than with an empty one.
        added: names of operations that Karmada does not have; with its behaviour they do not exist.
    """

    api_version: str
    kind: str
    replicas: Replicas | None = None
    components: Components | None = None
    revise: Revise | None = None
    retain: Retain | None = None
    retains: Callable[[Object], bool] | None = None
    reflect: Reflect | None = None
    aggregate: Aggregate | None = None
    health: Health | None = None
    dependencies: Dependencies | None = None
    without_items: Literal["", "unchanged", "error"] = ""
    added: frozenset[str] = frozenset()
