"""Server-side apply of one object, with ownership checked and never assumed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from argosy.api.manifest import ResourceRef, ref_of
from argosy.api.ownership import IMPLIED, Ownership, owner_of
from argosy.api.record import Record
from argosy.errors import Absent, ArgosyError, Conflict, NamespaceMissing
from argosy.kube.catalog import Served, served
from argosy.kube.connect import APPLY, JSON, METADATA, Member

FIELD_MANAGER = "argosy"


class AppliedObject(Record):
    """An object as the cluster now has it."""

    uid: str
    resource_version: str
    generation: int = 0


async def apply(
    member: Member,
    manifest: Mapping[str, Any],
    *,
    expect_uid: str | None,
    takeover: bool,
    dry_run: bool = False,
) -> AppliedObject:
    """Apply a stamped manifest as field manager `argosy`, by force for its own fields.

    Args:
        expect_uid: the UID of the copy known to be there. It goes along as a precondition, so the usual update is
            one round trip; where another object has taken its place, ownership is looked at first.
        takeover: whether an object that this propagation does not own may be taken over.

    Raises:
        Conflict: the object belongs to another propagation, or to nobody Argosy knows.
        NamespaceMissing: the object's namespace does not exist.
        ArgosyError: typed by what went wrong.
    """
    ref = ref_of(manifest)
    kind = await served(member, ref)
    if expect_uid is not None:
        try:
            return await _patch(member, kind, ref, manifest, uid=expect_uid, dry_run=dry_run)
        except (Conflict, Absent):
            # Deleted or replaced behind our back: look before writing.
            pass
    uid = await _checked_owner(member, kind, ref, manifest, takeover=takeover)
    return await _patch(member, kind, ref, manifest, uid=uid, dry_run=dry_run)


async def ensure_namespace(member: Member, name: str) -> None:
    """Create a namespace if it is absent; an existing one is not touched."""
    metadata = {"name": name, "annotations": {IMPLIED: "true"}}
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
    try:
        await member.request(
            "POST",
            "/api/v1/namespaces",
            what=f"create namespace {name}",
            query={"fieldManager": FIELD_MANAGER},
            body=body,
            content_type=JSON,
        )
    except Conflict:
        return


async def metadata_of(member: Member, kind: Served, ref: ResourceRef) -> dict[str, Any] | None:
    """The metadata of an object, or None where it does not exist."""
    try:
        found = await member.request(
            "GET", kind.path(ref.namespace, ref.name), what=f"read {ref}", accept=METADATA
        )
    except (Absent, NamespaceMissing):
        return None
    metadata: dict[str, Any] = found["metadata"]
    return metadata


async def _checked_owner(
    member: Member, kind: Served, ref: ResourceRef, manifest: Mapping[str, Any], *, takeover: bool
) -> str | None:
    """The UID of the object that may be written over, or None where there is none."""
    metadata = await metadata_of(member, kind, ref)
    if metadata is None:
        return None
    uid: str = metadata["uid"]
    ours, theirs = owner_of(manifest["metadata"]), owner_of(metadata)
    if ours is None:
        raise ValueError("only stamped manifests are applied")
    refusal = _refusal(ours, theirs, metadata)
    if refusal and not takeover:
        raise Conflict(f"{member.name}: {ref} {refusal}")
    return uid


def _refusal(ours: Ownership, theirs: Ownership | None, metadata: Mapping[str, Any]) -> str:
    """Why an existing object must not be written over; empty where it may be."""
    if theirs is None and (metadata.get("annotations") or {}).get(IMPLIED) == "true":
        return ""
    if theirs is None:
        managers = sorted({entry.get("manager", "?") for entry in metadata.get("managedFields") or ()})
        return (
            f"exists and is not managed by Argosy (field managers: {', '.join(managers) or 'unknown'}); "
            "set `conflictResolution: Overwrite` in its policy to take it over"
        )
    if theirs.propagation != ours.propagation:
        return f"is managed by {theirs.propagation}; delete one of the two templates"
    if theirs.instance and theirs.instance != ours.instance:
        return (
            "is managed by another installation of Argosy; "
            "set `conflictResolution: Overwrite` in its policy to take it over"
        )
    if (theirs.revision, theirs.pass_number) > (ours.revision, ours.pass_number):
        return (
            f"carries a newer stamp (revision {theirs.revision}, pass {theirs.pass_number}) than this one; "
            "apply the template again to go on from here, or set `conflictResolution: Overwrite`"
        )
    return ""


async def _patch(
    member: Member,
    kind: Served,
    ref: ResourceRef,
    manifest: Mapping[str, Any],
    *,
    uid: str | None,
    dry_run: bool,
) -> AppliedObject:
    body = manifest if uid is None else {**manifest, "metadata": {**manifest["metadata"], "uid": uid}}
    query = {"fieldManager": FIELD_MANAGER, "force": "true"}
    if dry_run:
        query["dryRun"] = "All"
    try:
        answer = await member.request(
            "PATCH",
            kind.path(ref.namespace, ref.name),
            what=f"apply {ref}",
            query=query,
            body=body,
            content_type=APPLY,
            accept=METADATA,
            secret=ref.kind == "Secret",
        )
    except ArgosyError as error:
        if isinstance(error, Absent) and uid is None:
            raise NamespaceMissing(str(error)) from error
        raise
    metadata = answer["metadata"]
    return AppliedObject(
        uid=metadata["uid"],
        resource_version=metadata["resourceVersion"],
        generation=metadata.get("generation", 0),
    )
