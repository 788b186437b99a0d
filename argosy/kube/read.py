"""Reading live objects: one, many, and by the label that Argosy puts on everything it applies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from argosy.api.manifest import ResourceRef
from argosy.api.ownership import MANAGED
from argosy.errors import Absent, NamespaceMissing
from argosy.kube.catalog import Served, discover, served
from argosy.kube.connect import METADATA_LIST, Member

PAGE = 500


async def get(member: Member, ref: ResourceRef) -> dict[str, Any] | None:
    """The live object, or None where it does not exist.

    Raises:
        ArgosyError: typed by what went wrong.
    """
    kind = await served(member, ref)
    try:
        return await member.request("GET", kind.path(ref.namespace, ref.name), what=f"read {ref}")
    except (Absent, NamespaceMissing):
        return None


async def managed(member: Member, kinds: Iterable[tuple[str, str]] | None = None) -> list[dict[str, Any]]:
    """Metadata of every object that carries Argosy's label, of the given (apiVersion, kind) pairs or of all.

    Raises:
        ArgosyError: typed by what went wrong.
    """
    catalog = await discover(member)
    wanted = [
        entry
        for key, entry in sorted(catalog.served.items())
        if {"list", "delete"} <= entry.verbs and (kinds is None or key in set(kinds))
    ]
    found: list[dict[str, Any]] = []
    for entry in wanted:
        found += await _labelled(member, entry)
    return found


async def _labelled(member: Member, kind: Served) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    query = {"labelSelector": f"{MANAGED}=true", "limit": str(PAGE)}
    while True:
        page = await member.request(
            "GET", kind.path(None), what=f"list {kind.plural}", query=query, accept=METADATA_LIST
        )
        found += [
            {"apiVersion": kind.group_version, "kind": kind.kind, "metadata": item["metadata"]}
            for item in page.get("items", [])
        ]
        token = page.get("metadata", {}).get("continue")
        if not token:
            return found
        query["continue"] = token
