"""How an object of any kind fares, by the conventions that Kubernetes APIs share.

Source: Kubernetes' API conventions on `observedGeneration`, conditions and deletion.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from argosy.api.health import Assessment, ObjectHealth

# True in one of these means that nothing will come of it without somebody's help.
_FAILURES = ("Failed", "Stalled", "Degraded")
_READINESS = ("Ready", "Available", "Established")


def health_by_conventions(manifest: Mapping[str, Any]) -> Assessment:
    """What an object's metadata and conditions say; one that reports nothing is well."""
    metadata, status = _mapping(manifest.get("metadata")), _mapping(manifest.get("status"))
    if metadata.get("deletionTimestamp"):
        return Assessment(health=ObjectHealth.PROGRESSING, message="it is being deleted")
    generation, observed = metadata.get("generation"), status.get("observedGeneration")
    if isinstance(generation, int) and isinstance(observed, int) and observed < generation:
        return Assessment(
            health=ObjectHealth.PROGRESSING, message="its controller has not seen the last change yet"
        )
    found = {
        str(one.get("type")): one for one in _sequence(status.get("conditions")) if isinstance(one, Mapping)
    }
    for name in _FAILURES:
        if name in found and found[name].get("status") == "True":
            return Assessment(health=ObjectHealth.DEGRADED, message=_said(name, found[name]))
    for name in _READINESS:
        if name in found and found[name].get("status") != "True":
            return Assessment(health=ObjectHealth.PROGRESSING, message=_said(f"not {name}", found[name]))
    reached = next((name for name in _READINESS if name in found), "")
    return Assessment(
        health=ObjectHealth.HEALTHY, message=reached.lower() or "present, and reports no trouble"
    )


def _said(state: str, condition: Mapping[str, Any]) -> str:
    details = [str(condition[key]) for key in ("reason", "message") if condition.get(key)]
    return ": ".join((state, *details))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _sequence(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()
