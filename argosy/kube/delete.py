"""Taking away what Argosy owns, and only that."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from argosy.api.manifest import ResourceRef
from argosy.api.ownership import ANNOTATIONS, LABELS, owner_of
from argosy.errors import Absent, NotEstablished, Terminating
from argosy.kube.apply import FIELD_MANAGER, metadata_of
from argosy.kube.catalog import Served
from argosy.kube.connect import MERGE, METADATA, Member
from argosy.kube.discovery import served
from argosy.kube.objects import touch

LOOK_AGAIN = 1.0
"""Seconds until an object that is terminating is looked at again."""


class Removal(StrEnum):
    """What became of a copy."""

    DELETED = "deleted"
    RELEASED = "released"
    ABSENT = "absent"
    NOT_OURS = "not ours"


async def delete(
    member: Member, ref: ResourceRef, *, propagation: str, dependents_first: bool = False
) -> Removal:
    """Delete a copy; returns when the object itself is really gone.

    Args:
        propagation: the workflow ID that the copy's stamp must name.
        dependents_first: keep the object until what it has made is gone, instead of leaving that to the background.

    Raises:
        Terminating: it has been deleted, but finalizers hold it; try again.
        Raced: it was replaced between reading and deleting; try again.
        ArgosyError: typed by what went wrong.
    """
    found = await _ours(member, ref, propagation)
    if isinstance(found, Removal):
        return found
    kind, metadata = found
    options = {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "propagationPolicy": "Foreground" if dependents_first else "Background",
        "preconditions": {"uid": metadata["uid"]},
    }
    try:
        answer = await touch(member, "DELETE", kind, ref, what=f"delete {ref}", body=options)
    except Absent:
        return Removal.ABSENT
    if answer.get("kind") == "Status":
        # A server that answers with the object may have it still.
        return Removal.DELETED
    left = await metadata_of(member, kind, ref)
    if left is not None and left["uid"] == metadata["uid"]:
        holding = ", ".join(left.get("finalizers") or ()) or "its grace period"
        raise Terminating(
            f"{member.name}: {ref} is being deleted, held by {holding}; it is looked at again",
            retry_after=LOOK_AGAIN,
        )
    return Removal.DELETED


async def release(member: Member, ref: ResourceRef, *, propagation: str) -> Removal:
    """Leave a copy running and take Argosy's marks and field ownership off it.

    Args:
        propagation: the workflow ID that the copy's stamp must name.

    Raises:
        Raced: somebody else changed it in the same moment; try again.
        ArgosyError: typed by what went wrong.
    """
    found = await _ours(member, ref, propagation)
    if isinstance(found, Removal):
        return found
    kind, metadata = found
    kept = [entry for entry in metadata.get("managedFields") or () if entry.get("manager") != FIELD_MANAGER]
    body = {
        "metadata": {
            # Both are preconditions: the field owners that are written are those that were read.
            "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"],
            "labels": dict.fromkeys(LABELS),
            "annotations": dict.fromkeys(ANNOTATIONS),
            # One empty entry resets the list; an empty list would be ignored.
            "managedFields": kept or [{}],
        }
    }
    try:
        await touch(
            member,
            "PATCH",
            kind,
            ref,
            what=f"release {ref}",
            body=body,
            content_type=MERGE,
            accept=METADATA,
        )
    except Absent:
        return Removal.ABSENT
    return Removal.RELEASED


async def _ours(
    member: Member, ref: ResourceRef, propagation: str
) -> tuple[Served, dict[str, Any]] | Removal:
    try:
        kind = await served(member, ref)
        metadata = await metadata_of(member, kind, ref)
    except NotEstablished:
        if member.catalog is None or not member.catalog.complete:
            raise
        # Without its kind there is no object either.
        return Removal.ABSENT
    if metadata is None:
        return Removal.ABSENT
    owner = owner_of(metadata)
    if owner is None or owner.propagation != propagation:
        return Removal.NOT_OURS
    return kind, metadata
