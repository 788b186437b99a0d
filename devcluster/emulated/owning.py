"""Writes to an object, and who owns which of its fields afterwards: server-side apply and plain updates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from devcluster.emulated.fields import (
    FieldSet,
    changed,
    common,
    differing,
    fields_of,
    merged,
    minus,
    union,
    without,
)
from devcluster.emulated.schema import Kind, problems
from devcluster.emulated.statuses import Refusal, field_conflicts

Manifest = dict[str, Any]
# Nobody owns these: the server sets them, or they are what the object is.
_IDENTITY = frozenset(
    {
        "creationTimestamp",
        "deletionGracePeriodSeconds",
        "deletionTimestamp",
        "generation",
        "managedFields",
        "name",
        "namespace",
        "resourceVersion",
        "selfLink",
        "uid",
    }
)


@dataclass(frozen=True)
class Configuration:
    """What somebody applies: its fields, read once however many clusters get the same."""

    content: Manifest
    fields: FieldSet
    metadata: Manifest

    @classmethod
    def of(cls, manifest: Manifest, kind: Kind) -> Configuration:
        """Read a manifest.

        Raises:
            Refusal: it does not fit the kind.
        """
        metadata = manifest.get("metadata") or {}
        found = list(problems(manifest, kind.type))
        if found:
            text = found[0] if len(found) == 1 else "errors:\n" + "".join(f"  {one}\n" for one in found)
            name = f"{metadata.get('namespace', '')}/{metadata.get('name', '')}"
            gvk = (
                f"{kind.api_version}, Kind={kind.kind}"
                if kind.group
                else f"/{kind.version}, Kind={kind.kind}"
            )
            raise Refusal(500, "", f"failed to create typed patch object ({name}; {gvk}): {text}")
        content = content_of(manifest, kind)
        return cls(content, fields_of(content, kind.type) or {}, metadata)


def content_of(manifest: Mapping[str, Any], kind: Kind) -> Manifest:
    """What of an object has owners: all but its identity, and its status where that is written apart."""
    left_out = {"apiVersion", "kind", "metadata", *(("status",) if kind.status else ())}
    content = {name: value for name, value in manifest.items() if name not in left_out}
    metadata = {
        name: value for name, value in (manifest.get("metadata") or {}).items() if name not in _IDENTITY
    }
    return {"metadata": metadata, **content} if metadata else content


@dataclass(frozen=True)
class Writer:
    """Who writes; `now` is the time as the server writes it."""

    manager: str
    operation: str
    now: str
    subresource: str = ""

    def owns(self, entry: Mapping[str, Any]) -> bool:
        """Whether an entry of `managedFields` is this writer's."""
        known = (entry["manager"], entry["operation"], entry.get("subresource", ""))
        return known == (self.manager, self.operation, self.subresource)

    def entry(self, kind: Kind, fields: FieldSet) -> Manifest:
        """What this writer owns, as it is written."""
        return {
            "manager": self.manager,
            "operation": self.operation,
            "apiVersion": kind.api_version,
            "time": self.now,
            "fieldsType": "FieldsV1",
            "fieldsV1": fields,
            **({"subresource": self.subresource} if self.subresource else {}),
        }


def applied(
    live: Manifest | None, wanted: Configuration, kind: Kind, writer: Writer, *, force: bool
) -> Manifest:
    """The object after somebody has applied a configuration; the same one where that changes nothing.

    Raises:
        Refusal: others own fields that would change, and it is not forced.
    """
    if live is None:
        return _with_content({}, wanted.content, [writer.entry(kind, wanted.fields)], kind)
    entries = live["metadata"].get("managedFields") or []
    others = [entry for entry in entries if not writer.owns(entry)]
    mine: FieldSet = next((entry["fieldsV1"] for entry in entries if writer.owns(entry)), {})
    content = content_of(live, kind)
    if others:
        others = _yielding(others, content, wanted, kind, force=force)
    dropped = minus(mine, wanted.fields)
    for entry in others:
        dropped = minus(dropped, entry["fieldsV1"])
    after = merged(content, wanted.content, kind.type)
    if dropped:
        after = without(after, dropped, kind.type)
    if after == content and mine == wanted.fields and len(others) + bool(mine) == len(entries):
        return live
    entry = writer.entry(kind, wanted.fields)
    if after == content:
        # Its time is that of the last change, if there was any.
        del entry["time"]
        known: Manifest = next((one for one in entries if writer.owns(one)), {})
        entry |= {"time": known["time"]} if "time" in known else {}
    return _with_content(live, after, [*others, entry], kind)


def _yielding(
    others: list[Manifest], content: Manifest, wanted: Configuration, kind: Kind, *, force: bool
) -> list[Manifest]:
    """The owners besides the one who applies, without what they lose by it."""
    left, conflicts = [], []
    for entry in others:
        shared = common(wanted.fields, entry["fieldsV1"])
        lost = list(differing(shared, content, wanted.content, kind.type))
        conflicts += [(_named(entry), path) for path, _ in lost]
        fields = entry["fieldsV1"]
        for _, single in lost:
            fields = minus(fields, single)
        if fields:
            left.append({**entry, "fieldsV1": fields} if lost else entry)
    if conflicts and not force:
        raise field_conflicts(conflicts)
    return left


def _named(entry: Mapping[str, Any]) -> str:
    if entry["operation"] == "Apply":
        return f'"{entry["manager"]}"'
    part = f' with subresource "{entry["subresource"]}"' if entry.get("subresource") else ""
    return f'"{entry["manager"]}"{part} using {entry["apiVersion"]}'


def updated(live: Manifest | None, new: Manifest, kind: Kind, writer: Writer) -> Manifest:
    """The object after somebody has written it; the same one where that changes nothing.

    Args:
        new: the whole object as wanted; the owners that its metadata names count, where there are any.
    """
    before = _written(live or {}, kind, writer)
    after = _written(new, kind, writer)
    put, gone = changed(before, after, kind.type)
    known = (live or {}).get("metadata", {}).get("managedFields") or []
    entries = new.get("metadata", {}).get("managedFields") or known
    if entries == [{}]:
        entries = []
    if live is not None and not put and not gone and entries == known:
        return live
    lost = union(put, gone)
    left = []
    own: FieldSet = {}
    for entry in entries:
        fields = minus(entry["fieldsV1"], lost)
        if writer.owns(entry):
            own = fields
        elif fields:
            left.append(entry if fields == entry["fieldsV1"] else {**entry, "fieldsV1": fields})
    own = union(own, put)
    if own:
        left.append(writer.entry(kind, own) if put or not entries else _kept(entries, writer, kind, own))
    if writer.subresource:
        return {**_with_owners(live or {}, left), "status": new.get("status")}
    return _with_content(live or {}, after, left, kind)


def _kept(entries: list[Manifest], writer: Writer, kind: Kind, own: FieldSet) -> Manifest:
    known = next((entry for entry in entries if writer.owns(entry)), None)
    return writer.entry(kind, own) if known is None else {**known, "fieldsV1": own}


def _written(manifest: Manifest, kind: Kind, writer: Writer) -> Manifest:
    if writer.subresource:
        return {"status": manifest["status"]} if manifest.get("status") else {}
    return content_of(manifest, kind)


def _with_content(live: Manifest, content: Manifest, owners: list[Manifest], kind: Kind) -> Manifest:
    identity = {name: value for name, value in live.get("metadata", {}).items() if name in _IDENTITY}
    metadata = {**identity, **{name: value for name, value in content.get("metadata", {}).items() if value}}
    status = {"status": live["status"]} if kind.status and "status" in live else {}
    rest = {name: value for name, value in content.items() if name != "metadata"}
    whole = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, **rest, **status}
    return _with_owners(whole, owners)


def _with_owners(manifest: Manifest, owners: list[Manifest]) -> Manifest:
    ordered = sorted(
        (entry for entry in owners if entry["fieldsV1"]),
        key=lambda entry: (
            entry["operation"],
            entry.get("time", ""),
            entry["manager"],
            entry["apiVersion"],
            entry.get("subresource", ""),
        ),
    )
    metadata = {name: value for name, value in manifest["metadata"].items() if name != "managedFields"}
    return {**manifest, "metadata": {**metadata, **({"managedFields": ordered} if ordered else {})}}
