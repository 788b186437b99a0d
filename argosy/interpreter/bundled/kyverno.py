"""Kyverno policies (`kyverno.io`)."""

from __future__ import annotations

from collections.abc import Sequence

from argosy.api.behaviour import Behaviour
from argosy.api.health import Assessment, ObjectHealth
from argosy.api.manifest import Manifest
from argosy.interpreter.bundled.reports import last, merged_conditions, reflecting, statuses, with_status
from argosy.interpreter.kind import Item, Kind, Object
from argosy.interpreter.reading import conditions, holds, integer, reason_of, section

_COUNTS = ("validate", "generate", "mutate", "verifyimages")


def _aggregate(manifest: Object, items: Sequence[Item], _: Behaviour) -> Manifest:
    """Ready where it is in every cluster; how many rules it has of which sort, in all of them together."""
    reports = statuses(items)
    if not reports:
        return dict(manifest)
    rules = {name: sum(integer(one, "rulecount", name) for one in reports) for name in _COUNTS}
    merged = merged_conditions(
        items,
        same=lambda a, b: (
            a.get("type") == b.get("type")
            and a.get("status") == b.get("status")
            and a.get("reason") == b.get("reason")
        ),
    )
    return with_status(
        manifest,
        **last(reports, ("autogen",)),
        rulecount=rules,
        ready=all(one.get("ready") is True for one in reports),
        conditions=merged,
    )


def _health(manifest: Object, _: Behaviour) -> Assessment:
    found = conditions(manifest)
    ready = found.get("Ready", {})
    if section(manifest, "status").get("ready") is True or (
        holds(found, "Ready") and ready.get("reason") == "Succeeded"
    ):
        return Assessment(health=ObjectHealth.HEALTHY, message="ready")
    failing = ready.get("status") == "False"
    return Assessment(
        health=ObjectHealth.DEGRADED if failing else ObjectHealth.PROGRESSING,
        message=reason_of(ready) or "not ready yet",
    )


KINDS = tuple(
    Kind(
        api_version="kyverno.io/v1",
        kind=kind,
        aggregate=_aggregate,
        reflect=reflecting("ready", "conditions", "autogen", "rulecount"),
        health=_health,
    )
    for kind in ("ClusterPolicy", "Policy")
)
