"""Valid fields that Argosy does not act upon yet, refused by name so that nothing is silently ignored.

The tables are the whole truth: acting upon a field means deleting its row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from argosy.api.base import to_manifest
from argosy.api.override import AnyOverridePolicy, ClusterOverridePolicy, OverridePolicy
from argosy.api.policy import AnyPropagationPolicy
from argosy.api.validation import Problem

_EACH = "[]"


class Row(NamedTuple):
    """A field that is not acted upon, and what to do instead.

    Attributes:
        path: names joined by dots; `[]` after one stands for each entry of its list.
        harmless: the values that mean nothing, beside an empty one.
    """

    path: str
    remedy: str
    harmless: tuple[object, ...] = ()
    message: str = "is not acted upon yet"


PROPAGATION: tuple[Row, ...] = (
    Row("spec.association", "remove it"),
    Row("spec.schedulerName", "remove it", harmless=("default-scheduler",)),
    Row(
        "spec.placement.spreadConstraints[].spreadByLabel",
        "use spreadByField cluster, region, zone or provider",
        message="is not acted upon yet, nor is it by Karmada",
    ),
)
OVERRIDE: tuple[Row, ...] = ()


def unsupported(policy: AnyPropagationPolicy | AnyOverridePolicy) -> list[Problem]:
    """Return every field of `policy` that is set to something that Argosy would not act upon."""
    rows = OVERRIDE if isinstance(policy, OverridePolicy | ClusterOverridePolicy) else PROPAGATION
    manifest = to_manifest(policy)
    return [
        Problem(path=path, message=row.message, remedy=row.remedy)
        for row in rows
        for path, value in _values(manifest, row.path.split("."), "")
        if value not in (None, *row.harmless)
    ]


def _values(value: Any, names: Sequence[str], path: str) -> Iterator[tuple[str, Any]]:
    """What stands at a path, with the path of each entry by its number."""
    if not names:
        yield path, value
        return
    name = names[0].removesuffix(_EACH)
    found = value.get(name) if isinstance(value, Mapping) else None
    below = f"{path}.{name}".lstrip(".")
    if names[0] == name:
        yield from _values(found, names[1:], below)
        return
    for index, entry in enumerate(found or ()):
        yield from _values(entry, names[1:], f"{below}[{index}]")
