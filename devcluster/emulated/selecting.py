"""Which objects of a kind are meant: by namespace, labels and fields."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from devcluster.emulated.statuses import Refusal, missing

_SETS = re.compile(r"^\s*(\S+)\s+(in|notin)\s+\(([^)]*)\)\s*$")
_PARTS = re.compile(r",(?![^(]*\))")
_FIELDS = {"metadata.name", "metadata.namespace", "spec.nodeName", "status.phase"}

Requirement = tuple[str, bool, frozenset[str] | None]
"""(key, whether it is wanted, the values; None is any)"""


@dataclass(frozen=True)
class Selection:
    """Objects of a kind."""

    namespace: str = ""
    labels: tuple[Requirement, ...] = ()
    fields: tuple[Requirement, ...] = ()

    @classmethod
    def of(cls, namespace: str, query: Mapping[str, str]) -> Selection:
        """What a request asks for.

        Raises:
            Refusal: a selector cannot be read, or asks for a field that the emulation cannot select by.
        """
        fields = tuple(_equality(part) for part in _parts(query.get("fieldSelector", "")))
        for name, _, _ in fields:
            if name not in _FIELDS:
                raise missing(f"field selectors by {name}")
        labels = tuple(_requirement(part) for part in _parts(query.get("labelSelector", "")))
        return cls(namespace, labels, fields)

    def takes(self, item: Mapping[str, Any]) -> bool:
        """Whether an object is among them."""
        metadata = item["metadata"]
        if self.namespace and metadata.get("namespace") != self.namespace:
            return False
        labels = metadata.get("labels") or {}
        return all(_holds(one, labels.get(one[0])) for one in self.labels) and all(
            _holds(one, _field(item, one[0])) for one in self.fields
        )


def _holds(requirement: Requirement, value: str | None) -> bool:
    _, wanted, values = requirement
    found = value is not None if values is None else value in values
    return found == wanted


def _parts(text: str) -> list[str]:
    return [part.strip() for part in _PARTS.split(text) if part.strip()]


def _requirement(text: str) -> Requirement:
    if found := _SETS.match(text):
        values = frozenset(value.strip() for value in found[3].split(","))
        return found[1], found[2] == "in", values
    if "=" in text:
        return _equality(text)
    return (text[1:].strip(), False, None) if text.startswith("!") else (text, True, None)


def _equality(text: str) -> Requirement:
    for sign, wanted in (("!=", False), ("==", True), ("=", True)):
        name, found, value = text.partition(sign)
        if found:
            return name.strip(), wanted, frozenset({value.strip()})
    raise Refusal(400, "BadRequest", f"unable to parse requirement: {text!r}")


def _field(item: Mapping[str, Any], path: str) -> str:
    value: Any = item
    for part in path.split("."):
        value = (value or {}).get(part)
    return value or ""
