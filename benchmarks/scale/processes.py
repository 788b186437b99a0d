"""A burst with one, two and three worker processes on the same machine."""

from __future__ import annotations

from benchmarks.installation import installation
from benchmarks.measures import Figures, burst
from benchmarks.watching import watching


async def measure(count: int, *, workers: int) -> Figures:
    """A burst to three real members."""
    async with installation(workers=workers) as plant, watching(plant.members) as seen:
        await burst(plant, seen, count // 3)
        figures = await burst(plant, seen, count)
        return {"workers": workers, **figures}
