"""`argosy status --watch`: a live table on a terminal, a line per change elsewhere."""

from __future__ import annotations

import asyncio
import sys

from rich.live import Live

from argosy.api.manifest import ResourceRef
from cli.output import console
from cli.session import Session
from cli.targets import rows_of, status_table

INTERVAL = 0.5


async def watch_status(session: Session, ref: ResourceRef, *, timeout: float) -> int:
    """Show a propagation until it is deleted, the time is over, or the user interrupts."""
    shown: set[str] = set()
    live = Live(console=console(), refresh_per_second=4) if sys.stdout.isatty() else None
    if live is not None:
        live.start()
    try:
        async with asyncio.timeout(timeout):
            while True:
                observed = await session.observe(ref)
                if live is not None:
                    live.update(status_table([observed]))
                else:
                    for row in rows_of(observed):
                        fares = f"{row.health} {row.ready}".strip()
                        words = (
                            row.what,
                            row.cluster,
                            row.phase,
                            fares,
                            "revision",
                            row.revision,
                            row.message,
                        )
                        line = " ".join(word for word in words if word)
                        if line not in shown:
                            shown.add(line)
                            sys.stdout.write(f"{line}\n")
                            sys.stdout.flush()
                if not observed.running:
                    return 0
                await asyncio.sleep(INTERVAL)
    except TimeoutError:
        return 0
    finally:
        if live is not None:
            live.stop()
