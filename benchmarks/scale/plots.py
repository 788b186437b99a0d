"""`python -m benchmarks.scale.plots`: the table and the drawings of what was measured at scale.

Reads `benchmarks/results/scale-*.json` and writes `benchmarks/results/scale-*.svg`; nothing is measured.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pygal  # type: ignore[import-untyped] # the library has no types
from pygal.style import CleanStyle  # type: ignore[import-untyped] # as above

RESULTS = Path(__file__).parents[1] / "results"
_OF_A_RUN = re.compile(rb"<!--.*?-->", re.DOTALL)


@dataclass(frozen=True)
class Target:
    """A row of the table: which figure, in words, and what it should be at most."""

    what: str
    key: tuple[str, ...]
    text: str
    unit: str
    land: float | None = None
    goal: float | None = None
    scale: float = 1.0


TARGETS = (
    Target("fleet", ("fanout", "seconds"), "one 20 KB template to {count:,} clusters", "s", 6, 3.5),
    Target("fleet", ("fanout", "history_bytes"), "its history, {count:,} clusters", "KB", 1000, 1000, 1e-3),
    Target("fleet", ("fanout", "events"), "its events, {count:,} clusters", ""),
    Target("fleet", ("join_seconds",), "{count:,} clusters join", "s"),
    Target(
        "fleet", ("idle_cpu_per_second", "worker"), "CPU of the worker, {count:,} clusters at rest", "cores"
    ),
    Target(
        "fleet", ("idle_cpu_per_second", "temporal"), "CPU of Temporal, {count:,} clusters at rest", "cores"
    ),
    Target("fleet", ("memory", "worker"), "memory of the worker, {count:,} clusters", "MB", scale=1 / 2**20),
    Target("fleet", ("memory", "temporal"), "memory of Temporal, {count:,} clusters", "MB", scale=1 / 2**20),
    Target("fleet", ("list", "seconds"), "reading the list of {count:,} clusters", "s"),
    Target("rest", ("create_per_second",), "{count:,} propagations x 3 created", "/s"),
    Target("rest", ("kilobytes_each", "worker"), "worker memory for each of {count:,} open", "KB", 130, 100),
    Target("rest", ("kilobytes_each", "temporal"), "Temporal's memory for each of {count:,} open", "KB"),
    Target("rest", ("database_bytes_each",), "database for each of {count:,} open", "KB", scale=1e-3),
    Target("rest", ("events_at_rest",), "events at rest, of a sample of {count:,} open", "", 0, 0),
    Target("rest", ("idle_cpu_per_second", "worker"), "CPU of the worker, {count:,} open at rest", "cores"),
    Target("rest", ("idle_cpu_per_second", "temporal"), "CPU of Temporal, {count:,} open at rest", "cores"),
    Target("rest", ("sweep", "seconds"), "a sweep through {count:,} records", "s"),
    Target("crash", ("resumes_seconds",), "worker killed amid {count:,}: first new copy", "s", 8, 4),
    Target("crash", ("all_seconds",), "worker killed amid {count:,}: all done", "s"),
    Target("processes", ("per_second",), "burst of {count} x 3, {workers} worker processes", "/s"),
)
Line = tuple[str, tuple[str, ...], float]
"""(name, key, scale)"""
_LINES: dict[str, tuple[tuple[str, str, list[Line]], ...]] = {
    "fleet": (
        (
            "scale-fanout",
            "One 20 KB template to every cluster: seconds",
            [("seconds", ("fanout", "seconds"), 1.0)],
        ),
        ("scale-history", "Its history: KB", [("history", ("fanout", "history_bytes"), 1e-3)]),
        ("scale-join", "Joining: seconds", [("all joined", ("join_seconds",), 1.0)]),
        (
            "scale-fleet-cpu",
            "Clusters at rest: CPU seconds per second",
            [(part, ("idle_cpu_per_second", part), 1.0) for part in ("worker", "temporal")],
        ),
        (
            "scale-fleet-memory",
            "Clusters at rest: MB",
            [(part, ("memory", part), 1 / 2**20) for part in ("worker", "temporal")],
        ),
    ),
    "rest": (
        (
            "scale-rest-memory",
            "Open propagations: MB",
            [
                *((part, ("memory", part), 1 / 2**20) for part in ("worker", "temporal")),
                ("database", ("database_bytes",), 1 / 2**20),
            ],
        ),
        ("scale-rest-create", "Created per second", [("created", ("create_per_second",), 1.0)]),
    ),
}


def main() -> None:
    """Draw and print what there is."""
    rows = []
    for what in dict.fromkeys(target.what for target in TARGETS):
        path = RESULTS / f"scale-{what}.json"
        if not path.exists():
            continue
        points = json.loads(path.read_text(encoding="utf-8"))["points"]
        rows += list(_rows([target for target in TARGETS if target.what == what], points))
        for name, title, lines in _LINES.get(what, ()):
            (RESULTS / f"{name}.svg").write_bytes(_drawn(name, title, lines, points))
    print("\n".join(rows))


def _rows(targets: list[Target], points: list[dict[str, Any]]) -> Iterable[str]:
    for target in targets:
        for point in points if target.what == "processes" else points[-1:]:
            value = _value(point, target.key) * target.scale
            text, shown = target.text.format(**point), f"{value:,.3g}" if value < 1000 else f"{value:,.0f}"
            limits = "".join(f"{'' if limit is None else limit:>8}" for limit in (target.land, target.goal))
            yield f"{text:<54}{shown:>9} {target.unit:<6}{limits}   {_verdict(value, target)}".rstrip()


def _verdict(value: float, target: Target) -> str:
    if target.land is None or target.goal is None:
        return ""
    if value <= target.goal:
        return "goal"
    return "land" if value <= target.land else f"missed ({value / target.land:.2f} of land)"


def _value(point: dict[str, Any], key: tuple[str, ...]) -> float:
    value: Any = point
    for name in key:
        value = value[name]
    return float(value)


def _drawn(
    name: str,
    title: str,
    lines: list[Line],
    points: list[dict[str, Any]],
) -> bytes:
    chart = pygal.XY(
        js=[], style=CleanStyle, width=560, height=320, title=title, legend_at_bottom=True, range_start=0
    )
    # Otherwise every drawing of the same figures would differ.
    chart.uuid = name
    chart.x_labels = [0, *(point["count"] for point in points)]
    for label, key, scale in lines:
        chart.add(label, [(point["count"], round(_value(point, key) * scale, 3)) for point in points])
    drawn: bytes = chart.render()
    return _OF_A_RUN.sub(b"", drawn) + b"\n"


if __name__ == "__main__":
    main()
