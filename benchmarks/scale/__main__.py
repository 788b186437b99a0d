"""`python -m benchmarks.scale WHAT`: measure one thing at several sizes, and keep the figures.

Each writes `benchmarks/results/scale-WHAT.json`; `plots` draws them, and prints the table.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from activities.exits import leave_after
from benchmarks.report import machine
from benchmarks.scale import crash, fleet, processes, rest
from benchmarks.scale.ground import Figures

RESULTS = Path(__file__).parents[1] / "results"
SIZES = {
    "fleet": [100, 300, 1000],
    "rest": [1000, 3000, 10000],
    "crash": [1000],
    "processes": [300],
}


async def _each(counts: Sequence[int], measure: Callable[[int], Awaitable[Figures]]) -> list[Figures]:
    return [await measure(count) for count in counts]


async def _processes(counts: Sequence[int]) -> list[Figures]:
    return [await processes.measure(count, workers=workers) for count in counts for workers in (1, 2, 3)]


async def measured(what: str, counts: list[int]) -> list[Figures]:
    """The figures at each size."""
    match what:
        case "fleet":
            return await _each(counts, fleet.measure)
        case "rest":
            return await rest.measure(counts)
        case "crash":
            return await _each(counts, crash.measure)
        case _:
            return await _processes(counts)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("what", choices=list(SIZES))
    parser.add_argument("--count", type=int, nargs="+", help="sizes, instead of the usual ones")
    parser.add_argument("--json", type=Path, help="where the figures go, instead of benchmarks/results")
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    points: list[dict[str, Any]] = asyncio.run(
        measured(arguments.what, arguments.count or SIZES[arguments.what])
    )
    content = {"machine": machine(), "load_before": load, "points": points}
    path = arguments.json or RESULTS / f"scale-{arguments.what}.json"
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(points, indent=1))


if __name__ == "__main__":
    leave_after(main)
