"""Valid fields that Argosy does not act upon yet, refused by name so that nothing is silently ignored.

The tables are the whole truth: acting upon a field means deleting its row.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from argosy.api.base import to_manifest
from argosy.api.override import AnyOverridePolicy, ClusterOverridePolicy, OverridePolicy
from argosy.api.policy import AnyPropagationPolicy
from argosy.api.validation import Problem


class Row(NamedTuple):
    """A field that is not acted upon, the values that mean nothing, and what to do instead."""

    path: str
    remedy: str
    harmless: tuple[object, ...] = ()


PROPAGATION: tuple[Row, ...] = (
    Row("spec.association", "remove it"),
    Row("spec.schedulerName", "remove it", harmless=("default-scheduler",)),
)
OVERRIDE: tuple[Row, ...] = ()


def unsupported(policy: AnyPropagationPolicy | AnyOverridePolicy) -> list[Problem]:
    """Return every field of `policy` that is set to something that Argosy would not act upon."""
    rows = OVERRIDE if isinstance(policy, OverridePolicy | ClusterOverridePolicy) else PROPAGATION
    return [*_found(to_manifest(policy), rows), *_labels_spread_by(policy)]


def _labels_spread_by(policy: AnyPropagationPolicy | AnyOverridePolicy) -> Iterator[Problem]:
    if isinstance(policy, OverridePolicy | ClusterOverridePolicy):
        return
    for index, constraint in enumerate(policy.spec.placement.spread_constraints):
        if constraint.spread_by_label:
            yield Problem(
                path=f"spec.placement.spreadConstraints[{index}].spreadByLabel",
                message="is not acted upon yet, nor is it by Karmada",
                remedy="use spreadByField cluster, region, zone or provider",
            )


def _found(manifest: dict[str, Any], rows: tuple[Row, ...]) -> Iterator[Problem]:
    for row in rows:
        value: Any = manifest
        for name in row.path.split("."):
            value = value.get(name) if isinstance(value, dict) else None
        if value not in (None, *row.harmless):
            yield Problem(path=row.path, message="is not acted upon yet", remedy=row.remedy)
