"""Copies that somebody else has changed: finding out what and who, setting it right, and what is let be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from argosy.api.managed_fields import Lost, applied_fields, lost, owns
from argosy.api.manifest import ref_of
from argosy.kube.apply import FIELD_MANAGER, AppliedObject, apply, metadata_of
from argosy.kube.connect import Member
from argosy.kube.discovery import served


@dataclass(frozen=True)
class Correction:
    """What had become of an object, and what it is now.

    Attributes:
        there: whether the object existed.
        changed: which of Argosy's fields others had changed or removed.
        applied: the object afterwards; for a dry run, as it would be.
    """

    there: bool
    changed: Lost
    applied: AppliedObject


async def correct(
    member: Member,
    manifest: Mapping[str, Any],
    *,
    expect_uid: str,
    exceptions: Sequence[str],
    takeover: bool,
    dry_run: bool,
) -> Correction:
    """Apply a stamped manifest anew, and tell from the owners of its fields before and after what that mended.

    Args:
        expect_uid: of the copy as it was applied; where another object is in its place, ownership is looked at.
        exceptions: JSON pointers to fields that others may have.
        takeover: see `argosy.kube.apply.apply`.
        dry_run: only find out; nothing is kept.

    Raises:
        ArgosyError: as `argosy.kube.apply.apply`.
    """
    ref = ref_of(manifest)
    before = await metadata_of(member, await served(member, ref), ref)
    allowed = manifest if before is None else yielding(manifest, before, exceptions)
    expected = expect_uid if before is not None and before["uid"] == expect_uid else None
    applied = await apply(member, allowed, expect_uid=expected, takeover=takeover, dry_run=dry_run)
    changed = lost(before, applied.metadata, FIELD_MANAGER) if before is not None else Lost((), ())
    return Correction(there=before is not None, changed=changed, applied=applied)


def yielding(
    manifest: Mapping[str, Any], live: Mapping[str, Any], exceptions: Sequence[str]
) -> dict[str, Any]:
    """The manifest without the fields that others may have and do have; with server-side apply they keep them.

    A field that is still Argosy's stays in, because leaving it out would remove it from the object.

    Args:
        live: the object's metadata, with the owners of its fields.
        exceptions: JSON pointers (RFC 6901); one that names nothing is ignored.
    """
    ours = applied_fields(live, FIELD_MANAGER)
    allowed = dict(manifest)
    for pointer in exceptions:
        parts = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
        if parts and not owns(ours, manifest, parts):
            allowed = _without(allowed, parts)
    return allowed


def _without(value: Any, parts: Sequence[str]) -> Any:
    """A copy without what the pointer names, sharing everything else."""
    first, rest = parts[0], parts[1:]
    if isinstance(value, Mapping):
        if first not in value:
            return value
        if not rest:
            return {key: item for key, item in value.items() if key != first}
        return {**value, first: _without(value[first], rest)}
    if isinstance(value, list) and first.isdecimal() and int(first) < len(value):
        position = int(first)
        if not rest:
            return [*value[:position], *value[position + 1 :]]
        return [*value[:position], _without(value[position], rest), *value[position + 1 :]]
    return value
