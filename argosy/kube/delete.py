"""Taking away what Argosy owns, and only that."""

from __future__ import annotations

from contextlib import suppress
from enum import StrEnum
from typing import Any

from argosy.api.manifest import ResourceRef
from argosy.api.ownership import ANNOTATIONS, LABELS, owner_of
from argosy.errors import Absent, NotEstablished, Raced, Terminating
from argosy.kube.apply import FIELD_MANAGER, metadata_of
from argosy.kube.catalog import Served
from argosy.kube.connect import MERGE, METADATA, Member
from argosy.kube.discovery import served
from argosy.kube.objects import touch

LOOK_AGAIN = 1.0
"""Seconds until an object that is terminating is looked at again."""


READ_AGAIN = 4
"""How often an object that others change all the time is read again, before it is deleted however it is."""


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

    What is written to it while it is looked at counts: a request that arrives late deletes no copy that was wanted
    again and applied anew in the meantime.

    Args:
        propagation: the workflow ID that the copy's stamp must name.
        dependents_first: keep the object until what it has made is gone, instead of leaving that to the background.

    Raises:
        Terminating: it has been deleted, but finalizers hold it; try again.
        Raced: it was replaced or applied anew between reading and deleting; try again.
        ArgosyError: typed by what went wrong.
    """
    found = await _ours(member, ref, propagation)
    if isinstance(found, Removal):
        return found
    kind, metadata = found
    policy = "Foreground" if dependents_first else "Background"
    try:
        answer = await _deleted_as_seen(member, kind, ref, metadata, policy=policy)
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


async def _deleted_as_seen(
    member: Member, kind: Served, ref: ResourceRef, metadata: dict[str, Any], *, policy: str
) -> dict[str, Any]:
    """Delete an object if it still is what was read; others may change it, as long as its stamp stays as it is."""

    async def deleted(**expected: str) -> dict[str, Any]:
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": policy}
        body = {**options, "preconditions": expected}
        return await touch(member, "DELETE", kind, ref, what=f"delete {ref}", body=body)

    seen, uid = metadata, metadata["uid"]
    for _ in range(READ_AGAIN):
        with suppress(Raced):
            return await deleted(uid=uid, resourceVersion=seen["resourceVersion"])
        now = await metadata_of(member, kind, ref)
        if now is None:
            raise Absent(f"{member.name}: {ref} has gone meanwhile")
        if (now["uid"], owner_of(now)) != (uid, owner_of(metadata)):
            raise Raced(f"{member.name}: {ref} was replaced or applied anew meanwhile; it is looked at again")
        seen = now
    return await deleted(uid=uid)


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
