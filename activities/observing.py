"""What the monitors see of the copies in their clusters, by one watch for each kind in use."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from functools import partial
from typing import Any, Literal, NamedTuple

from activities.in_use import KindsInUse
from activities.pulse import Pulses
from activities.reporting import Reporter
from argosy.api.health import Assess
from argosy.api.kept_state import state_of
from argosy.api.managed_fields import applied_fields, digest_of
from argosy.api.observation import MISSING, CopyObservation, newer
from argosy.api.ownership import owner_of
from argosy.errors import ArgosyError, NotEstablished
from argosy.kube.apply import FIELD_MANAGER
from argosy.kube.catalog import Key
from argosy.kube.connect import Member
from argosy.kube.discovery import served_kind
from argosy.kube.read import MANAGED_SELECTOR
from argosy.kube.watch import Change, Snapshot, watch

RETRY_FIRST = 0.5
RETRY_AT_MOST = 15.0

logger = logging.getLogger(__name__)


class _Sighting(NamedTuple):
    """An object that is yet to be assessed, and how it came into view."""

    item: dict[str, Any]
    how: Literal["listed", "born", "changed"]


class Observer:
    """Watches one cluster's copies.

    Attributes:
        known: propagation -> its copy as last seen.
        settled: kinds whose objects are all known.
        pulses: whether the watches are alive.
    """

    def __init__(
        self,
        cluster: str,
        *,
        member: Callable[[], Awaitable[Member]],
        kinds: KindsInUse,
        reporter: Reporter,
        assess: Assess,
        instance: str,
        on_settled: Callable[[], None],
        silence: float = 150.0,
    ) -> None:
        self.cluster = cluster
        self.pulses = Pulses(silence=silence)
        self.known: dict[str, CopyObservation] = {}
        self.settled: dict[Key, str] = {}
        self._kind_of: dict[str, Key] = {}
        self._member = member
        self._kinds = kinds
        self._reporter = reporter
        self._assess = assess
        self._instance = instance
        self._on_settled = on_settled
        self._sightings: dict[str, _Sighting] = {}
        self._sighted = asyncio.Event()
        self._unswept = False

    def holds(self, propagation: str) -> bool:
        """Whether a copy is in view, even if it is yet to be assessed."""
        return propagation in self._kind_of

    async def run(self) -> None:
        """Watch every kind in use, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._judge())
            followed: set[Key] = set()
            while True:
                for key in set(self._kinds) - followed:
                    followed.add(key)
                    tasks.create_task(self._follow(key))
                await self._kinds.growth()

    async def _follow(self, key: Key) -> None:
        position: str | None = None
        pause = RETRY_FIRST
        while True:
            try:
                member = await self._member()
                kind = await served_kind(member, key)
                events = watch(
                    member,
                    kind.collection(),
                    what=f"watch {kind.plural}",
                    selector=MANAGED_SELECTOR,
                    resource_version=position if key in self.settled else None,
                    on_open=partial(self._opened, key),
                )
                async with aclosing(events):
                    async for event in events:
                        position, pause = event.resource_version, RETRY_FIRST
                        self.pulses.heard(key, at=time.monotonic())
                        self._take(key, event)
            except NotEstablished:
                self.pulses.absent(key)
            except ArgosyError as error:
                self.pulses.failed(key, str(error), at=time.monotonic())
                logger.debug("watching %s in %s goes on later: %s", key, self.cluster, error)
            # A kind that was not served may be now: whoever has just created an object of it knows.
            written = self._kinds.written(key)
            await asyncio.sleep(RETRY_FIRST)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(written.wait(), pause - RETRY_FIRST)
            pause = min(pause * 2, RETRY_AT_MOST)

    def _opened(self, key: Key) -> None:
        self.pulses.opened(key, at=time.monotonic())

    def _take(self, key: Key, event: Snapshot | Change) -> None:
        if isinstance(event, Snapshot):
            present = {name for item in event.items if (name := self._note(key, item, "listed"))}
            for name in [name for name, kind in self._kind_of.items() if kind == key and name not in present]:
                self._lose(name, event.resource_version)
            self.settled[key] = event.resource_version
            self._unswept = True
            self._sighted.set()
        elif event.type == "DELETED":
            owner = self._owner(event.object)
            if owner in self._kind_of:
                self._lose(owner, event.resource_version)
        elif event.type != "BOOKMARK":
            self._note(key, event.object, "born" if event.type == "ADDED" else "changed")

    def _note(self, key: Key, item: dict[str, Any], how: Literal["listed", "born", "changed"]) -> str:
        name = self._owner(item)
        if name:
            self._kind_of[name] = key
            # A list names its own kind only.
            whole = {**item, "apiVersion": key[0], "kind": key[1]}
            # What changes before it was looked at is not as it was born any more.
            self._sightings[name] = _Sighting(whole, "changed" if name in self._sightings else how)
            self._sighted.set()
        return name

    def _lose(self, name: str, version: str) -> None:
        self._sightings.pop(name, None)
        known = self.known.get(name)
        self._kind_of.pop(name, None)
        if known is None or not known.gone:
            gone = (known or CopyObservation()).model_copy(
                update={"gone": True, "version": version, "assessment": MISSING}
            )
            self.known[name] = gone
            self._reporter.offer(name, self.cluster, gone, urgent=True)

    def _owner(self, item: dict[str, Any]) -> str:
        owner = owner_of(item["metadata"])
        return owner.propagation if owner is not None and owner.instance == self._instance else ""

    async def _judge(self) -> None:
        """Assess what was sighted, and tell what is news; whatever changes meanwhile is assessed once."""
        while True:
            if not self._sightings:
                if self._unswept:
                    self._unswept = False
                    self._on_settled()
                self._sighted.clear()
                await self._sighted.wait()
                continue
            name = next(iter(self._sightings))
            sighting = self._sightings.pop(name)
            seen = await self._observed(sighting.item)
            known = self.known.get(name)
            if known is not None and known.gone and not newer(seen.version, known.version):
                # It went while it was assessed.
                continue
            self.known[name] = seen
            if known is None and sighting.how == "listed":
                # The sweep compares it with the record.
                continue
            if known is None and sighting.how == "born":
                # What an applier has just created it reports itself, as it is without any status.
                untouched = {key: value for key, value in sighting.item.items() if key != "status"}
                known = seen.model_copy(update={"assessment": await self._assess(untouched)})
            urgency = news(known, seen)
            if urgency is not None:
                self._reporter.offer(name, self.cluster, seen, urgent=urgency)
            await asyncio.sleep(0)

    async def _observed(self, item: dict[str, Any]) -> CopyObservation:
        metadata = item["metadata"]
        owner = owner_of(metadata)
        return CopyObservation(
            uid=metadata["uid"],
            version=metadata["resourceVersion"],
            revision=owner.revision if owner else 0,
            pass_number=owner.pass_number if owner else 0,
            fields=digest_of(applied_fields(metadata, FIELD_MANAGER)),
            assessment=await self._assess(item),
            state=state_of(item),
        )


def news(known: CopyObservation | None, seen: CopyObservation) -> bool | None:
    """Whether a propagation has to hear of an observation: at once, soon (False), or not at all (None).

    An apply changes the stamp, and with it the fields that are Argosy's; whoever applied knows that already.
    """
    if known is None:
        return False
    changed = known.stamp == seen.stamp and known.fields != seen.fields
    moved = known.gone != seen.gone or known.uid != seen.uid or seen.stamp < known.stamp
    if changed or moved or known.assessment.health != seen.assessment.health:
        return True
    return None if (known.assessment, known.state) == (seen.assessment, seen.state) else False
