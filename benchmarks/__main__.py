"""`python -m benchmarks`: measure the main job and print it beside its targets."""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path

from activities.exits import leave_after
from benchmarks.measures import Figures, measure_all
from benchmarks.report import machine, table

RESULTS = Path(__file__).parent / "results"


def main() -> None:
    """Entry point; this process is the submitting one, apart from worker and servers."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer samples, and no burst of 1000")
    parser.add_argument("--json", type=Path, default=RESULTS / "latest.json", help="where the figures go")
    arguments = parser.parse_args()
    figures: Figures = asyncio.run(measure_all(quick=arguments.quick))
    print(table(figures))
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps({"machine": machine(), "figures": figures}, indent=2) + "\n")


if __name__ == "__main__":
    leave_after(main)
