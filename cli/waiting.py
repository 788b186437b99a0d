"""Waiting for propagations with a live table on a terminal, and plain lines elsewhere."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence

from rich.live import Live

from argosy.api.manifest import ResourceRef
from cli.observing import Observed
from cli.output import console
from cli.runtime import TimedOut
from cli.session import Session
from cli.targets import status_table

INTERVAL = 0.2
_MAX_LIVE = 12


async def wait_for(
    session: Session,
    refs: Sequence[ResourceRef],
    *,
    done: Callable[[Observed], bool],
    timeout: float,
    quiet: bool = False,
) -> list[Observed]:
    """Look until all are done; the last look at each.

    Raises:
        TimedOut: some were not done in time; names them and what they wait for.
    """
    live = Live(console=console(), refresh_per_second=8, transient=True) if _interactive(quiet) else None
    latest: dict[ResourceRef, Observed] = {}
    open_refs = list(refs)
    if live is not None:
        live.start()
    try:
        async with asyncio.timeout(timeout):
            while open_refs:
                observed = await asyncio.gather(*(session.observe(ref) for ref in open_refs))
                latest.update(zip(open_refs, observed, strict=True))
                open_refs = [ref for ref in open_refs if not done(latest[ref])]
                if live is not None:
                    unfinished = [latest[ref] for ref in open_refs] or list(latest.values())
                    live.update(status_table(unfinished[:_MAX_LIVE]))
                if open_refs:
                    await asyncio.sleep(INTERVAL)
    except TimeoutError:
        first = latest.get(open_refs[0])
        waiting = f"{first.status.phase}, {first.status.message}" if first else "nothing published yet"
        raise TimedOut(
            f"{len(open_refs)} of {len(refs)} not done within {timeout:g} s: {open_refs[0]} is {waiting}; "
            f"it goes on in the background, see `argosy status {open_refs[0].kind} {open_refs[0].name}`"
        ) from None
    finally:
        if live is not None:
            live.stop()
    return [latest[ref] for ref in refs]


def _interactive(quiet: bool) -> bool:
    return not quiet and sys.stdout.isatty()


def is_gone(observed: Observed) -> bool:
    """Whether a propagation has ended, or only waits for a template that somebody needs."""
    return not observed.running or not observed.status.revision
