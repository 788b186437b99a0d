"""Watching a collection: a snapshot first, then every change, for as long as somebody listens."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Literal

from argosy.errors import Expired
from argosy.kube.connect import JSON, METADATA, Member, Opened, Response
from argosy.kube.read import pages

WATCH_SECONDS = 240
"""The server ends a watch after this long; it is resumed without a gap."""
_SHORTEST = 1.0


@dataclass(frozen=True)
class Snapshot:
    """All objects there are: at the start, and again after a gap. What is not in it does not exist any more."""

    items: list[dict[str, Any]]
    resource_version: str


@dataclass(frozen=True)
class Change:
    """One object that was added, modified or deleted; a bookmark only tells how far the watch has come."""

    type: Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK"]
    object: dict[str, Any]

    @property
    def resource_version(self) -> str:
        """Where a watch goes on after this change."""
        version: str = self.object["metadata"]["resourceVersion"]
        return version


async def watch(
    member: Member,
    path: str,
    *,
    what: str,
    selector: str = "",
    resource_version: str | None = None,
    metadata_only: bool = False,
    on_open: Opened = None,
) -> AsyncGenerator[Snapshot | Change]:
    """Follow a collection; ends only by being closed (`contextlib.aclosing`) or by an error.

    Args:
        path: of the collection; see `Served.collection`.
        selector: a label selector as text.
        resource_version: where to go on, from the last event of an earlier watch; None begins with a snapshot.
        metadata_only: leave out everything but identity and metadata.
        on_open: called whenever the server has accepted the watch, which may then be silent for a minute.

    Raises:
        ArgosyError: typed by what went wrong; call again with the last event's version to go on.
    """
    position = resource_version
    while True:
        if position is None:
            snapshot = await _snapshot(
                member, path, what=what, selector=selector, metadata_only=metadata_only
            )
            position = snapshot.resource_version
            yield snapshot
        began = time.monotonic()
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "labelSelector": selector,
            "resourceVersion": position,
            "timeoutSeconds": str(WATCH_SECONDS),
        }
        accept = METADATA if metadata_only else JSON
        stream = member.stream(path, what=what, query=query, accept=accept, on_open=on_open)
        try:
            async with aclosing(stream) as events:
                async for event in events:
                    change = _change(member, event, what=what)
                    position = change.resource_version
                    yield change
        except Expired:
            position = None
            continue
        # A server that ends every watch at once must not be asked in a tight loop.
        await asyncio.sleep(max(0.0, _SHORTEST - (time.monotonic() - began)))


async def _snapshot(member: Member, path: str, *, what: str, selector: str, metadata_only: bool) -> Snapshot:
    items: list[dict[str, Any]] = []
    version = ""
    async for page in pages(member, path, what=what, selector=selector, metadata_only=metadata_only):
        items += page.items
        version = page.resource_version
    return Snapshot(items, version)


def _change(member: Member, event: dict[str, Any], *, what: str) -> Change:
    if event["type"] == "ERROR":
        status = event["object"]
        member.check(Response(int(status.get("code") or 500), {}, json.dumps(status).encode()), what=what)
    return Change(event["type"], event["object"])
