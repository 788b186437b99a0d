"""Which kinds have copies anywhere: what the monitors of a process have to watch."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from argosy.kube.catalog import Key


class KindsInUse:
    """A set that only grows, and wakes whoever waits for it to grow.

    Appliers of the same process add to it as they write; the sweep adds what other processes have written.
    """

    def __init__(self) -> None:
        self._kinds: set[Key] = set()
        self._grown = asyncio.Event()
        self._written: dict[Key, asyncio.Event] = {}

    def __iter__(self) -> Iterator[Key]:
        return iter(sorted(self._kinds))

    def note(self, api_version: str, kind: str) -> None:
        """There is, or will be in a moment, a copy of this kind."""
        if (api_version, kind) not in self._kinds:
            self._kinds.add((api_version, kind))
            self._grown.set()
            self._grown = asyncio.Event()

    async def growth(self) -> None:
        """Wait until a kind is added."""
        await self._grown.wait()

    def wrote(self, api_version: str, kind: str) -> None:
        """A copy of this kind was just created, so that some cluster serves the kind by now."""
        written = self._written.pop((api_version, kind), None)
        if written is not None:
            written.set()

    def written(self, key: Key) -> asyncio.Event:
        """Set when the next copy of this kind is created."""
        return self._written.setdefault(key, asyncio.Event())
