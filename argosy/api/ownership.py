"""The stamp on every object that Argosy applies: which propagation it is a copy of, and how recent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from argosy.api import kept_state
from argosy.api.eviction import KeptState
from argosy.api.record import Record

MANAGED = "argosy.dev/managed"
"""A label: `true` on every copy."""
OWNER = "argosy.dev/owner"
"""A label: stands for the template; what a watch or a sweep selects by."""
PROPAGATION = "argosy.dev/propagation"
"""The workflow ID of the template."""
REVISION = "argosy.dev/revision"
"""The revision of the template that the copy was written from."""
PASS = "argosy.dev/pass"  # noqa: S105 - the number of a pass
"""The pass over the template in which the copy was written; more recent ones are not written over."""
INSTANCE = "argosy.dev/instance"
"""The installation that wrote it: the ID of its Temporal namespace."""
IMPLIED = "argosy.dev/implied"
"""On a namespace that was created only because a copy needed it; its own template may claim it."""

LABELS = (MANAGED, OWNER)
ANNOTATIONS = (PROPAGATION, REVISION, PASS, INSTANCE, kept_state.ANNOTATION)


class Ownership(Record):
    """Who applied a copy, and from which revision and pass; `instance` tells installations apart."""

    propagation: str
    revision: int = 0
    pass_number: int = 0
    instance: str = ""

    def is_of(self, propagation: str, *instances: str) -> bool:
        """Whether this is a copy of a template that one of these installations made; nobody is no installation."""
        return self.propagation == propagation and bool(self.instance) and self.instance in instances


def owner_label(propagation: str) -> str:
    """The label value that stands for a propagation's ID, which may be too long for a label."""
    return sha256(propagation.encode()).hexdigest()[:40]


def stamp(
    manifest: Mapping[str, Any], ownership: Ownership, *, keeps: Sequence[KeptState] = ()
) -> dict[str, Any]:
    """A copy of the manifest that carries the stamp; nested parts other than metadata are shared.

    Args:
        keeps: what of its status its successor is to get.
    """
    metadata = dict(manifest["metadata"])
    metadata["labels"] = {
        **(metadata.get("labels") or {}),
        MANAGED: "true",
        OWNER: owner_label(ownership.propagation),
    }
    metadata["annotations"] = {
        **(metadata.get("annotations") or {}),
        PROPAGATION: ownership.propagation,
        REVISION: str(ownership.revision),
        PASS: str(ownership.pass_number),
        INSTANCE: ownership.instance,
        **({kept_state.ANNOTATION: kept_state.written(keeps)} if keeps else {}),
    }
    return {**manifest, "metadata": metadata}


def owner_of(metadata: Mapping[str, Any]) -> Ownership | None:
    """The stamp of an object, or None where it carries none."""
    annotations = metadata.get("annotations") or {}
    if (metadata.get("labels") or {}).get(MANAGED) != "true" or PROPAGATION not in annotations:
        return None
    return Ownership(
        propagation=annotations[PROPAGATION],
        revision=_number(annotations.get(REVISION)),
        pass_number=_number(annotations.get(PASS)),
        instance=annotations.get(INSTANCE, ""),
    )


def _number(text: str | None) -> int:
    """The count in an annotation, which anybody may have edited; 0 where it is none."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= 18 else 0
