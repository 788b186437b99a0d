"""Taking away what Argosy owns, and only that."""

from __future__ import annotations

from enum import StrEnum

from argosy.api.manifest import ResourceRef
from argosy.api.ownership import ANNOTATIONS, LABELS, owner_of
from argosy.errors import Absent, Conflict, NotEstablished, Transient
from argosy.kube.apply import FIELD_MANAGER, metadata_of
from argosy.kube.catalog import Served, served
from argosy.kube.connect import MERGE, METADATA, Member


class Removal(StrEnum):
    """What became of a copy."""

    DELETED = "deleted"
    RELEASED = "released"
    ABSENT = "absent"
    NOT_OURS = "not ours"


class Terminating(Transient):
    """The copy is on its way out: its finalizers or its dependents are not done yet."""


async def delete(member: Member, ref: ResourceRef, *, propagation: str) -> Removal:
    """Delete a copy, dependents in the background; returns when it is really gone.

    Raises:
        Terminating: it has been deleted, but finalizers hold it; try again.
        ArgosyError: typed by what went wrong.
    """
    found = await _ours(member, ref, propagation)
    if isinstance(found, Removal):
        return found
    kind, uid = found
    options = {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "propagationPolicy": "Background",
        "preconditions": {"uid": uid},
    }
    try:
        await member.request("DELETE", kind.path(ref.namespace, ref.name), what=f"delete {ref}", body=options)
    except Absent:
        return Removal.ABSENT
    except Conflict:
        # Replaced between reading and deleting; whoever did that is looked at by the next attempt.
        raise Terminating(f"{member.name}: {ref} changed while it was being deleted", retry_after=1) from None
    left = await metadata_of(member, kind, ref)
    if left is not None and left["uid"] == uid:
        holding = ", ".join(left.get("finalizers") or ()) or "its grace period"
        raise Terminating(f"{member.name}: {ref} is terminating, held by {holding}", retry_after=1)
    return Removal.DELETED


async def release(member: Member, ref: ResourceRef, *, propagation: str) -> Removal:
    """Leave a copy running and take Argosy's marks and field ownership off it."""
    found = await _ours(member, ref, propagation)
    if isinstance(found, Removal):
        return found
    kind, uid = found
    current = await member.request(
        "GET", kind.path(ref.namespace, ref.name), what=f"read {ref}", accept=METADATA
    )
    kept = [
        entry
        for entry in current["metadata"].get("managedFields") or ()
        if entry.get("manager") != FIELD_MANAGER
    ]
    body = {
        "metadata": {
            "uid": uid,
            "resourceVersion": current["metadata"]["resourceVersion"],
            "labels": dict.fromkeys(LABELS),
            "annotations": dict.fromkeys(ANNOTATIONS),
            # One empty entry resets the list; an empty list would be ignored.
            "managedFields": kept or [{}],
        }
    }
    try:
        await member.request(
            "PATCH",
            kind.path(ref.namespace, ref.name),
            what=f"release {ref}",
            body=body,
            content_type=MERGE,
            accept=METADATA,
            secret=ref.kind == "Secret",
        )
    except Absent:
        return Removal.ABSENT
    except Conflict as error:
        raise Transient(str(error), retry_after=1) from error
    return Removal.RELEASED


async def _ours(member: Member, ref: ResourceRef, propagation: str) -> tuple[Served, str] | Removal:
    try:
        kind = await served(member, ref)
    except NotEstablished:
        # Without its kind there is no object either.
        return Removal.ABSENT
    metadata = await metadata_of(member, kind, ref)
    if metadata is None:
        return Removal.ABSENT
    owner = owner_of(metadata)
    if owner is None or owner.propagation != propagation:
        return Removal.NOT_OURS
    return kind, metadata["uid"]
