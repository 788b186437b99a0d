"""Reading live objects: one, many, and by the label that Argosy puts on everything it applies."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from typing import Any

from argosy.api.manifest import ResourceRef
from argosy.api.ownership import MANAGED, OWNER, owner_label
from argosy.errors import (
    Absent,
    Expired,
    Forbidden,
    NamespaceMissing,
    NotEstablished,
    Rejected,
    Transient,
    Unauthorized,
    Unreachable,
)
from argosy.kube.catalog import Key, Served
from argosy.kube.connect import JSON, METADATA_LIST, Member
from argosy.kube.discovery import discover, served
from argosy.kube.objects import touch

PAGE = 500
"""Objects in one answer."""
MANAGED_SELECTOR = f"{MANAGED}=true"


@dataclass(frozen=True)
class Page:
    """A part of a list; `resource_version` is that of the whole list and where a watch goes on from."""

    items: list[dict[str, Any]]
    resource_version: str


@dataclass(frozen=True)
class Swept:
    """What a sweep found; where `unread` names kinds, there may be more objects of those.

    Attributes:
        objects: apiVersion, kind and metadata of each.
        unread: one sentence for each kind that could not be listed.
    """

    objects: list[dict[str, Any]]
    unread: tuple[str, ...] = ()


async def get(member: Member, ref: ResourceRef) -> dict[str, Any] | None:
    """The live object, or None where it does not exist.

    Raises:
        NotEstablished: its kind is not served.
        ArgosyError: typed by what went wrong.
    """
    kind = await served(member, ref)
    try:
        return await touch(member, "GET", kind, ref, what=f"read {ref}")
    except (Absent, NamespaceMissing):
        return None


async def pages(
    member: Member,
    path: str,
    *,
    what: str,
    selector: str = "",
    fields: str = "",
    metadata_only: bool = False,
) -> AsyncIterator[Page]:
    """All objects of a collection, `PAGE` at a time.

    Args:
        path: of the collection; see `Served.collection`.
        selector: a label selector as text.
        fields: a field selector as text.
        metadata_only: leave out everything but identity and metadata.

    Raises:
        Expired: reading took longer than the server keeps a list; it has to be read anew.
        ArgosyError: typed by what went wrong.
    """
    wanted = {"labelSelector": selector, "fieldSelector": fields, "limit": str(PAGE)}
    query = {name: value for name, value in wanted.items() if value}
    accept = METADATA_LIST if metadata_only else JSON
    while True:
        answer = await member.request("GET", path, what=what, query=query, accept=accept)
        metadata = answer.get("metadata") or {}
        yield Page(answer.get("items") or [], metadata.get("resourceVersion", ""))
        if not metadata.get("continue"):
            return
        query["continue"] = metadata["continue"]


async def sweep(
    member: Member, kinds: Collection[Key] | None = None, *, propagation: str | None = None
) -> Swept:
    """Metadata of every object that carries Argosy's label.

    Args:
        kinds: (apiVersion, kind) pairs; None means every kind that can be listed and deleted.
        propagation: only the copies of this workflow ID.

    Raises:
        Unreachable, Unauthorized: the cluster cannot be read at all.
    """
    selector = f"{MANAGED_SELECTOR},{OWNER}={owner_label(propagation)}" if propagation else MANAGED_SELECTOR
    catalog = await discover(member)
    found: dict[str, dict[str, Any]] = {}
    unread = [] if catalog.complete else [f"{member.name}: one of its API groups does not answer"]
    wanted = (
        catalog.preferred() if kinds is None else [catalog.served[k] for k in kinds if k in catalog.served]
    )
    for kind in wanted:
        if not {"list", "delete"} <= kind.verbs:
            continue
        try:
            # One object may be served under several groups.
            found |= {item["metadata"]["uid"]: item for item in await _labelled(member, kind, selector)}
        except (Unreachable, Unauthorized):
            raise
        except (Forbidden, NotEstablished, Rejected, Transient) as error:
            unread.append(str(error))
    return Swept(list(found.values()), tuple(unread))


async def _labelled(member: Member, kind: Served, selector: str) -> list[dict[str, Any]]:
    what = f"list {kind.plural}"
    found: list[dict[str, Any]] = []
    try:
        async for page in pages(member, kind.collection(), what=what, selector=selector, metadata_only=True):
            found += page.items
    except Expired:
        return await _labelled(member, kind, selector)
    # A list names its own kind only.
    return [
        {"apiVersion": kind.group_version, "kind": kind.kind, "metadata": item["metadata"]} for item in found
    ]
