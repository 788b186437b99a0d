"""Drift: what is done about a copy that somebody else has changed, and what is recorded of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from argosy.api.record import Record
from argosy.errors import InvalidInput

MODE = "argosy.dev/drift"
"""On a template or its policy, the template first: Correct, Report or Ignore."""
EXCEPTIONS = "argosy.dev/drift-exceptions"
"""On a template or its policy, the template first: JSON pointers, separated by commas or white space."""
RETAIN_REPLICAS = "resourcetemplate.karmada.io/retain-replicas"
"""A label on a template, as Karmada knows it: `true` leaves the number of replicas to the member."""

_POINTER = re.compile(r"(/([^~/]|~[01])*)+")
_NOT_TO_BE_LEFT = (
    "apiVersion",
    "kind",
    "metadata/name",
    "metadata/namespace",
    "metadata/labels/argosy.dev~1",
)


class DriftMode(StrEnum):
    """What is done about a copy that was changed in its cluster."""

    CORRECT = "Correct"
    REPORT = "Report"
    IGNORE = "Ignore"


class DriftPolicy(Record):
    """How a propagation treats drift.

    Attributes:
        exceptions: JSON pointers to fields that the member may change.
    """

    mode: DriftMode = DriftMode.CORRECT
    exceptions: tuple[str, ...] = ()


class Drift(Record):
    """One finding that a copy was changed by somebody else.

    Attributes:
        what: `changed`, `deleted`, `replaced` or `set back`.
        fields: which of Argosy's fields, as paths (bounded).
        by: who wrote them, as the API server has recorded it; empty where it does not know.
        corrected: whether the copy was brought back to what the plan says.
    """

    what: str
    fields: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    at: datetime | None = None
    corrected: bool = False

    def __str__(self) -> str:
        fields = f" {', '.join(self.fields)}" if self.fields else ""
        by = f" by {', '.join(self.by)}" if self.by else ""
        return f"{self.what}{fields}{by}"


def drift_policy(
    template: Mapping[str, str], *, policy: Mapping[str, str], labels: Mapping[str, str]
) -> DriftPolicy:
    """What the annotations of a template and of its policy say about drift.

    Args:
        template, policy: annotations; the template's go first.
        labels: of the template.

    Raises:
        InvalidInput: a mode or a pointer that does not exist.
    """
    annotations = {**policy, **template}
    exceptions = _pointers(annotations.get(EXCEPTIONS) or "")
    if labels.get(RETAIN_REPLICAS) == "true":
        exceptions = (*exceptions, "/spec/replicas")
    return DriftPolicy(mode=_mode(annotations.get(MODE)), exceptions=tuple(dict.fromkeys(exceptions)))


def _mode(wish: str | None) -> DriftMode:
    if not wish:
        return DriftMode.CORRECT
    try:
        return DriftMode(wish)
    except ValueError:
        raise InvalidInput(
            f"metadata.annotations[{MODE}]: {wish!r} is not known; write Correct, Report or Ignore"
        ) from None


def _pointers(written: str) -> tuple[str, ...]:
    pointers = tuple(part for part in re.split(r"[\s,]+", written) if part)
    for pointer in pointers:
        if not _POINTER.fullmatch(pointer):
            raise InvalidInput(
                f"metadata.annotations[{EXCEPTIONS}]: {pointer!r} is not a JSON pointer; "
                "write for example /spec/replicas, with ~1 for a slash inside of a name"
            )
        if pointer[1:].startswith(_NOT_TO_BE_LEFT):
            raise InvalidInput(
                f"metadata.annotations[{EXCEPTIONS}]: {pointer!r} is what Argosy knows the object by; leave it out"
            )
    return pointers
