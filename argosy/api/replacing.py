"""Whether a copy may be deleted and created anew where a field of it cannot be changed."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from argosy.api.manifest import ResourceRef
from argosy.errors import InvalidInput

ANNOTATION = "argosy.dev/replace"
"""On a template or its policy, the template first: `true`, or `data-loss-accepted` for kinds that hold data."""

# Deleting one of these deletes what is in it.
HOLDING_DATA = frozenset(
    {
        ("", "Namespace"),
        ("", "PersistentVolume"),
        ("", "PersistentVolumeClaim"),
        ("apiextensions.k8s.io", "CustomResourceDefinition"),
    }
)


class Replacing(StrEnum):
    """What may be done where a field cannot be changed."""

    NEVER = "never"
    ALLOWED = "true"
    WITH_DATA_LOSS = "data-loss-accepted"

    def permits(self, ref: ResourceRef) -> bool:
        """Whether an object may be deleted to be created anew."""
        if (ref.group, ref.kind) in HOLDING_DATA:
            return self == Replacing.WITH_DATA_LOSS
        return self != Replacing.NEVER


def replacing(template: Mapping[str, str], *, policy: Mapping[str, str]) -> Replacing:
    """What the annotations of a template and of its policy permit.

    Raises:
        InvalidInput: the value is not known.
    """
    wish = template.get(ANNOTATION) or policy.get(ANNOTATION) or ""
    if wish in {"", "false", Replacing.NEVER}:
        return Replacing.NEVER
    try:
        return Replacing(wish)
    except ValueError:
        raise InvalidInput(
            f'metadata.annotations[{ANNOTATION}]: {wish!r} is not known; write "true", or "data-loss-accepted" for '
            "kinds that hold data"
        ) from None
