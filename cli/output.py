"""Printing: tables for people, JSON and YAML for programs, names for pipes."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cli.options import Output

_PHASE_STYLES = {
    "Applied": "green",
    "Ready": "green",
    "Healthy": "green",
    "Progressing": "cyan",
    "Unknown": "yellow",
    "Missing": "red",
    "Degraded": "red",
    "Applying": "cyan",
    "Pending": "cyan",
    "Joining": "cyan",
    "Retrying": "yellow",
    "Removing": "yellow",
    "Evicting": "yellow",
    "Deleting": "yellow",
    "Leaving": "yellow",
    "Waiting": "yellow",
    "Suspended": "yellow",
    "Unschedulable": "red",
    "Failed": "red",
    "NotReady": "red",
}


def console() -> Console:
    """The console of standard output; wide when it is not a terminal, so that nothing is cut in a pipe."""
    return Console(width=None if sys.stdout.isatty() else 200, highlight=False, soft_wrap=False)


def table(*columns: str) -> Table:
    """An empty table in the house style."""
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for column in columns:
        grid.add_column(column.upper(), overflow="fold")
    return grid


def styled(phase: str) -> str:
    """A phase in its colour."""
    style = _PHASE_STYLES.get(phase)
    return f"[{style}]{phase}[/{style}]" if style else escape(phase)


def plain(text: Any) -> str:
    """Any text, safe against markup."""
    return escape(str(text))


def age(since: datetime | None, *, now: datetime | None = None) -> str:
    """How long ago, in one unit, as kubectl prints it."""
    if since is None:
        return ""
    seconds = max(0, int(((now or datetime.now(UTC)) - since).total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def emit(
    output: Output, *, items: Sequence[dict[str, Any]], names: Sequence[str], grid: Table, empty: str
) -> None:
    """Print a list in the wanted form; `empty` goes to standard error where there is nothing."""
    if output == Output.JSON:
        sys.stdout.write(json.dumps(list(items), indent=2) + "\n")
    elif output == Output.YAML:
        import yaml

        yaml.safe_dump_all(list(items), sys.stdout, sort_keys=False)
    elif output == Output.NAME:
        sys.stdout.write("".join(f"{name}\n" for name in names))
    elif items:
        console().print(grid)
    else:
        sys.stderr.write(f"{empty}\n")


def emit_one(output: Output, item: dict[str, Any], *, name: str) -> bool:
    """Print one object for programs; False where a person is to be shown a page instead."""
    if output == Output.JSON:
        sys.stdout.write(json.dumps(item, indent=2) + "\n")
    elif output == Output.YAML:
        import yaml

        yaml.safe_dump(item, sys.stdout, sort_keys=False)
    elif output == Output.NAME:
        sys.stdout.write(f"{name}\n")
    else:
        return False
    return True
