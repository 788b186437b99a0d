"""Server-side apply of one object, with ownership checked and never assumed."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from enum import StrEnum
from typing import Any

from argosy.api.managed_fields import applied_fields, digest_of, without_declarers
from argosy.api.manifest import ResourceRef, ref_of
from argosy.api.ownership import IMPLIED, Ownership, owner_of
from argosy.api.record import Record
from argosy.errors import Absent, Conflict, NamespaceMissing, Raced, Superseded, Terminating
from argosy.kube.catalog import Served
from argosy.kube.connect import APPLY, MERGE, METADATA, Member
from argosy.kube.discovery import served
from argosy.kube.errors import TERMINATING_DELAY
from argosy.kube.objects import touch

FIELD_MANAGER = "argosy"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

_ABSENT = {"resourceVersion": "9223372036854775807"}
"""No object ever has this version: what is applied with it comes into being, or is refused as something is there."""

_NAMESPACE = Served("v1", "Namespace", "namespaces", namespaced=False)


class Outcome(StrEnum):
    """What an apply did; with an expected UID, a no-op counts as an update."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


class AppliedObject(Record):
    """An object as the cluster now has it.

    Attributes:
        metadata: as the cluster answered, with the owners of its fields.
    """

    uid: str
    resource_version: str
    generation: int = 0
    outcome: Outcome = Outcome.UPDATED
    metadata: dict[str, Any] = {}

    @property
    def fields(self) -> str:
        """Digest of the fields that are Argosy's."""
        return digest_of(applied_fields(self.metadata, FIELD_MANAGER))


async def apply(
    member: Member,
    manifest: Mapping[str, Any],
    *,
    expect_uid: str | None,
    takeover: bool,
    predecessor: str = "",
    dry_run: bool = False,
) -> AppliedObject:
    """Apply a stamped manifest as field manager `argosy`, by force for its own fields.

    The usual case is one round trip, because what is expected goes along as a precondition; where something else is
    found, ownership is looked at first.

    Args:
        expect_uid: the UID of the copy known to be there; None where there should be none.
        takeover: whether an object that this propagation does not own may be taken over.
        predecessor: an installation whose copy of the same template may be taken over, however new its stamp.
        dry_run: let the server check and answer, and keep nothing.

    Raises:
        Conflict: the object belongs to another propagation, or to nobody Argosy knows.
        Superseded: it was applied from a newer revision or pass.
        NamespaceMissing: the object's namespace does not exist.
        Terminating: the object is being deleted; what was applied to it will go with it.
        ArgosyError: typed by what went wrong.
    """
    ref = ref_of(manifest)
    kind = await served(member, ref)
    if expect_uid is not None:
        # Otherwise it was deleted or replaced behind our back.
        with suppress(Raced, Absent):
            return await _patch(member, kind, ref, manifest, expect={"uid": expect_uid}, dry_run=dry_run)
    if not takeover:
        with suppress(Raced):
            created = await _patch(member, kind, ref, manifest, expect=_ABSENT, dry_run=dry_run)
            return created.model_copy(update={"outcome": Outcome.CREATED})
    found = await metadata_of(member, kind, ref)
    # Servers of other makes may want no version where there is nothing.
    expect: dict[str, str] = {}
    if found is not None:
        expect = {"uid": found["uid"]}
        _check_owner(member, ref, manifest, found, takeover=takeover, predecessor=predecessor)
    applied = await _patch(member, kind, ref, manifest, expect=expect, dry_run=dry_run)
    if takeover and not dry_run:
        applied = await _adopted(member, kind, ref, applied)
    if found is None:
        return applied.model_copy(update={"outcome": Outcome.CREATED})
    if applied.resource_version == found["resourceVersion"]:
        return applied.model_copy(update={"outcome": Outcome.UNCHANGED})
    return applied


async def preview(member: Member, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The whole object as applying a manifest by force would leave it; nothing is kept, ownership is not looked at.

    Raises:
        ArgosyError: typed by what went wrong.
    """
    ref = ref_of(manifest)
    kind = await served(member, ref)
    return await touch(
        member,
        "PATCH",
        kind,
        ref,
        what=f"try to apply {ref}",
        query={"fieldManager": FIELD_MANAGER, "force": "true", "dryRun": "All"},
        body=manifest,
        content_type=APPLY,
    )


async def _adopted(member: Member, kind: Served, ref: ResourceRef, applied: AppliedObject) -> AppliedObject:
    """Take the tools that used to declare an object off the list of its fields' owners, after Argosy is on it.

    Without that, a field that the template later leaves out would stay, because they still want it.
    """
    kept = without_declarers(applied.metadata)
    if kept is None:
        return applied
    body = {
        "metadata": {
            # Both are preconditions: the owners that are written are those that were read.
            "uid": applied.uid,
            "resourceVersion": applied.resource_version,
            "managedFields": kept,
            "annotations": {LAST_APPLIED: None},
        }
    }
    try:
        answer = await touch(
            member,
            "PATCH",
            kind,
            ref,
            what=f"adopt {ref}",
            body=body,
            content_type=MERGE,
            accept=METADATA,
        )
    except Conflict as error:
        raise Raced(f"{error}; it is looked at again") from error
    metadata = answer["metadata"]
    return applied.model_copy(update={"resource_version": metadata["resourceVersion"], "metadata": metadata})


async def ensure_namespace(member: Member, name: str) -> None:
    """Create a namespace if it is absent; an existing one is not touched.

    It is marked as implied, so that a template of it, should one come, is no conflict.

    Raises:
        ArgosyError: typed by what went wrong.
    """
    ref = ResourceRef(api_version="v1", kind="Namespace", name=name)
    metadata = {"name": name, "annotations": {IMPLIED: "true"}}
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
    try:
        await touch(
            member,
            "POST",
            _NAMESPACE,
            ref,
            what=f"create namespace {name}",
            query={"fieldManager": FIELD_MANAGER},
            body=body,
        )
    except Conflict:
        return


async def metadata_of(member: Member, kind: Served, ref: ResourceRef) -> dict[str, Any] | None:
    """The metadata of an object, or None where it does not exist.

    Raises:
        ArgosyError: typed by what went wrong.
    """
    try:
        found = await touch(member, "GET", kind, ref, what=f"read {ref}", accept=METADATA)
    except (Absent, NamespaceMissing):
        return None
    metadata: dict[str, Any] = found["metadata"]
    return metadata


def _check_owner(
    member: Member,
    ref: ResourceRef,
    manifest: Mapping[str, Any],
    found: Mapping[str, Any],
    *,
    takeover: bool,
    predecessor: str,
) -> None:
    ours, theirs = owner_of(manifest["metadata"]), owner_of(found)
    if ours is None:
        raise ValueError("only stamped manifests are applied")
    if found.get("deletionTimestamp"):
        raise _terminating(member, ref, found)
    if takeover or (theirs is not None and theirs.is_of(ours.propagation, predecessor)):
        return
    if refusal := _not_ours(ours, theirs, found):
        raise Conflict(f"{member.name}: {ref} {refusal}")
    if theirs is not None and (theirs.revision, theirs.pass_number) > (ours.revision, ours.pass_number):
        raise Superseded(
            f"{member.name}: {ref} carries a newer stamp (revision {theirs.revision}, pass {theirs.pass_number}) than "
            "this one; apply the template again to go on from here, or set `conflictResolution: Overwrite`"
        )


def _not_ours(ours: Ownership, theirs: Ownership | None, found: Mapping[str, Any]) -> str:
    """Why an existing object must not be written over; empty where it may be."""
    take_over = "set `conflictResolution: Overwrite` in its policy to take it over"
    if theirs is None and (found.get("annotations") or {}).get(IMPLIED) == "true":
        return ""
    if theirs is None:
        managers = sorted({str(entry.get("manager")) for entry in found.get("managedFields") or ()})
        return f"exists and is not managed by Argosy (field managers: {', '.join(managers) or 'unknown'}); {take_over}"
    if theirs.propagation != ours.propagation:
        return f"is managed by {theirs.propagation}; delete one of the two templates, or {take_over}"
    if theirs.instance != ours.instance:
        return (
            f"is managed by another installation of Argosy ({theirs.instance or 'unnamed'}); {take_over}, "
            "or take over what that installation had with `argosy import --takeover`"
        )
    return ""


async def _patch(
    member: Member,
    kind: Served,
    ref: ResourceRef,
    manifest: Mapping[str, Any],
    *,
    expect: Mapping[str, str],
    dry_run: bool,
) -> AppliedObject:
    body = {**manifest, "metadata": {**manifest["metadata"], **expect}}
    query = {"fieldManager": FIELD_MANAGER}
    if "uid" in expect:
        # Nothing that may be somebody else's is forced, even by servers that do not look at versions.
        query["force"] = "true"
    if dry_run:
        query["dryRun"] = "All"
    try:
        answer = await touch(
            member,
            "PATCH",
            kind,
            ref,
            what=f"apply {ref}",
            query=query,
            body=body,
            content_type=APPLY,
            accept=METADATA,
        )
    except Conflict as error:
        raise Raced(f"{error}; it is looked at again") from error
    metadata = answer["metadata"]
    if metadata.get("deletionTimestamp"):
        raise _terminating(member, ref, metadata)
    return AppliedObject(
        uid=metadata["uid"],
        # An object that a dry run would create has none.
        resource_version=metadata.get("resourceVersion", ""),
        generation=metadata.get("generation", 0),
        metadata=metadata,
    )


def _terminating(member: Member, ref: ResourceRef, metadata: Mapping[str, Any]) -> Terminating:
    holding = ", ".join(metadata.get("finalizers") or ()) or "its grace period"
    return Terminating(
        f"{member.name}: {ref} is being deleted, held by {holding}; it is applied when that is done",
        retry_after=TERMINATING_DELAY,
    )
