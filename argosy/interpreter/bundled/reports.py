"""What the kinds of other projects have in common: collecting status fields and making one status of several."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from argosy.api.behaviour import Behaviour
from argosy.api.manifest import Manifest
from argosy.errors import InterpreterError
from argosy.interpreter.behaviour import GENERATION
from argosy.interpreter.kind import Aggregate, Item, Object, Reflect
from argosy.interpreter.kinds.workload import generation_caught_up
from argosy.interpreter.reading import entries, integer, section, text


def required(manifest: Object, *path: str) -> Object:
    """The mapping at a path, which has to be there.

    Raises:
        InterpreterError: it is not.
    """
    above = section(manifest, *path[:-1])
    if above.get(path[-1]) is None:
        raise InterpreterError(f"{'.'.join(path)} is missing; complete the object")
    return section(manifest, *path)


def reflecting(*fields: str, generations: bool = False, zero: Sequence[str] = ()) -> Reflect:
    """A rule that collects named fields of the status.

    Args:
        generations: add the object's generation, and the template's where it is marked with it.
        zero: fields that count as 0 where they are absent.
    """

    def reflect(manifest: Object, _: Behaviour) -> dict[str, Any]:
        if manifest.get("status") is None:
            return {}
        status = section(manifest, "status")
        kept: dict[str, Any] = dict.fromkeys(zero, 0)
        kept |= {name: status[name] for name in fields if status.get(name) is not None}
        if generations:
            metadata = section(manifest, "metadata")
            if metadata.get("generation") is not None:
                kept["generation"] = integer(metadata, "generation")
            mark = section(metadata, "annotations").get(GENERATION)
            if isinstance(mark, int) or (isinstance(mark, str) and mark.isdecimal()):
                kept["resourceTemplateGeneration"] = int(mark)
        return kept

    return reflect


def statuses(items: Sequence[Item]) -> list[Object]:
    """The reports of the clusters that have one."""
    return [section(item, "status") for item in items if item.get("status") is not None]


def sums(reports: Sequence[Object], fields: Iterable[str]) -> dict[str, int]:
    """Named counters, added up."""
    return {name: sum(integer(one, name) for one in reports) for name in fields}


def last(reports: Sequence[Object], fields: Iterable[str]) -> dict[str, Any]:
    """Named fields, of each the last that a cluster reports."""
    found: dict[str, Any] = {}
    for name in fields:
        values = [one[name] for one in reports if one.get(name)]
        if values:
            found[name] = values[-1]
    return found


def latest(reports: Sequence[Object], *fields: str) -> dict[str, str]:
    """Named times, of each the latest; those that nobody reports are left out."""
    times = {name: max((text(one, name) for one in reports), default="") for name in fields}
    return {name: at for name, at in times.items() if at}


def with_status(manifest: Object, **fields: Any) -> Manifest:
    """The template with these fields in its status; others stay."""
    return {**manifest, "status": {**section(manifest, "status"), **fields}}


def caught_up(manifest: Object, items: Sequence[Item], behaviour: Behaviour) -> dict[str, int]:
    """The observed generation that the template may be said to have."""
    generation = generation_caught_up(manifest, items, behaviour, exactly=True)
    before = integer(manifest, "status", "observedGeneration")
    return {"observedGeneration": before if generation is None else generation}


def summing(counters: Sequence[str], named: Sequence[str] = ()) -> Aggregate:
    """A rule that adds up counters, takes the last of some fields, and tells whether all clusters have caught up."""

    def aggregate(manifest: Object, items: Sequence[Item], behaviour: Behaviour) -> Manifest:
        reports = statuses(items)
        observed = caught_up(manifest, items, behaviour)
        return with_status(manifest, **sums(reports, counters), **last(reports, named), **observed)

    return aggregate


def merged_conditions(
    items: Sequence[Item], *, same: Callable[[Object, Object], bool], where: bool = True
) -> list[dict[str, Any]]:
    """The conditions of all clusters, those that say the same as one.

    Args:
        same: whether two conditions do.
        where: put each cluster's name before its message.
    """
    merged: list[dict[str, Any]] = []
    for item in items:
        for one in entries(item, "status", "conditions"):
            message = (
                f"{text(item, 'clusterName')}={one.get('message') or ''}" if where else one.get("message")
            )
            known = next((other for other in merged if same(other, one)), None)
            if known is None:
                merged.append({**one, "message": message})
            elif where:
                known["message"] = f"{known['message']}, {message}"
    return merged


UNKNOWN_TIME = "1970-01-01T00:00:00Z"


def stamped(name: str, reason: str, message: str, at: str) -> dict[str, str]:
    """A true condition of the sum of several clusters, since a time that one of them has reported."""
    at = at or UNKNOWN_TIME
    return {
        "type": name,
        "status": "True",
        "reason": reason,
        "message": message,
        "lastProbeTime": at,
        "lastTransitionTime": at,
    }
