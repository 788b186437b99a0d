"""What runs in bare members, as far as anybody can see: every event is written down, and Deployments become ready.

Bare members have no controllers and no nodes, so somebody has to write the status that those would write. It is
written some random time after each change, for as many replicas as are asked for.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import aclosing
from typing import Any

from argosy.api.cluster_connection import ConnectionReference
from argosy.errors import ArgosyError
from argosy.kube.connect import MERGE, Member, connect
from argosy.kube.watch import Snapshot, watch
from devcluster.member import Member as LocalMember
from tests.chaos.world import Copy, Event

DEPLOYMENTS, CONFIG_MAPS = "/apis/apps/v1/deployments", "/api/v1/configmaps"
SELECTOR = "argosy.dev/managed=true"
STARTING = (0.1, 0.7)
"""Seconds that pods take to become ready, from and to."""
_AGAIN = 0.2


class Kubelet:
    """Watches one member past its relay, and plays its controllers.

    Args:
        clock: seconds, by which events are written down.
        events: where they go.
    """

    def __init__(self, member: LocalMember, *, clock: Callable[[], float], events: list[Event]) -> None:
        self._local = member
        self._clock = clock
        self._events = events
        self._known: dict[str, dict[str, Copy]] = {DEPLOYMENTS: {}, CONFIG_MAPS: {}}
        self._starting: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Watch until cancelled."""
        reference = ConnectionReference(kubeconfig=str(self._local.kubeconfig), context=self._local.name)
        member = await connect(self._local.name, reference, allow_exec=False)
        try:
            async with asyncio.TaskGroup() as both:
                for path in self._known:
                    both.create_task(self._follow(member, path))
        finally:
            for task in self._starting:
                task.cancel()
            await asyncio.gather(*self._starting, return_exceptions=True)
            await member.close()

    async def _follow(self, member: Member, path: str) -> None:
        position: str | None = None
        while True:
            try:
                events = watch(member, path, what="watch", selector=SELECTOR, resource_version=position)
                async with aclosing(events):
                    async for event in events:
                        position = event.resource_version
                        if isinstance(event, Snapshot):
                            self._list(member, path, event.items)
                        elif event.type != "BOOKMARK":
                            self._take(member, path, event.type, event.object)
            except ArgosyError:
                await asyncio.sleep(_AGAIN)

    def _list(self, member: Member, path: str, items: list[dict[str, Any]]) -> None:
        found = {copy.key for item in items if (copy := Copy.of(self._local.name, item)) is not None}
        for item in items:
            self._take(member, path, "there", item)
        for key in self._known[path].keys() - found:
            self._events.append(Event(self._clock(), "missed", self._known[path].pop(key)))

    def _take(self, member: Member, path: str, kind: Any, item: dict[str, Any]) -> None:
        copy = Copy.of(self._local.name, item)
        if copy is None:
            return
        known = self._known[path]
        if kind != "there" or known.get(copy.key) != copy:
            self._events.append(Event(self._clock(), kind, copy))
        if kind == "DELETED":
            known.pop(copy.key, None)
            return
        known[copy.key] = copy
        if not copy.ready:
            task = asyncio.create_task(self._start(member, item))
            self._starting.add(task)
            task.add_done_callback(self._starting.discard)

    async def _start(self, member: Member, item: dict[str, Any]) -> None:
        """Write that all replicas of this generation run, once they had the time; later ones have their own turn."""
        metadata, count = item["metadata"], item["spec"]["replicas"]
        await asyncio.sleep(random.uniform(*STARTING))
        url = f"/apis/apps/v1/namespaces/{metadata['namespace']}/deployments/{metadata['name']}/status"
        counters = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
        status = {"observedGeneration": metadata["generation"], **dict.fromkeys(counters, count)}
        body = {"metadata": {"uid": metadata["uid"]}, "status": status}
        while self._is_current(item):
            try:
                await member.request("PATCH", url, what="report", body=body, content_type=MERGE)
            except ArgosyError as error:
                if not error.retryable:
                    return
                await asyncio.sleep(_AGAIN)
            else:
                return

    def _is_current(self, item: dict[str, Any]) -> bool:
        copy = Copy.of(self._local.name, item)
        known = self._known[DEPLOYMENTS].get(copy.key) if copy else None
        return known is not None and not known.ready and known.uid == item["metadata"]["uid"]
