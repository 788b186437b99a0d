"""`make screenshots`: play the tutorial, and renew its outputs and pictures."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import tempfile
from io import StringIO
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

from docs.making.chromium import browser
from docs.making.tutorial import PAGE, WIDTH, Player

IMAGES = PAGE.parent / "images"
LARGEST = 200_000
"""Bytes of a picture."""
# Rich names a font that a browser would fetch from elsewhere; what it falls back to is there already.
_LOCAL = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
_COLUMNS = ("Workflow ID", "ArgosyPhase", "ArgosyHealth", "ArgosyClusters", "ArgosyPolicy")
# Where the UI remembers which columns its list has.
_KEPT = json.dumps({"default": [{"label": label} for label in _COLUMNS]})
_PREPARE = f"localStorage.setItem('namespace-workflow-table-columns', {json.dumps(_KEPT)})"


def main() -> int:
    """Play, write, and say what was written."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as state:
        player = Player(Path(state), picture=drawn, page=photographed)
        try:
            text = player.play(PAGE.read_text(encoding="utf-8"))
        finally:
            player.end()
    PAGE.write_text(text, encoding="utf-8")
    sys.stdout.write(f"wrote {PAGE.name} and {len(list(IMAGES.iterdir()))} pictures\n")
    return 0


def drawn(name: str, output: str) -> None:
    """A terminal with this output, as SVG."""
    console = Console(record=True, width=WIDTH, file=StringIO(), force_terminal=True)
    console.print(Text.from_ansi(output), end="")
    title = name.removesuffix(".svg")
    (IMAGES / name).write_text(
        console.export_svg(title="", code_format=_LOCAL, unique_id=title), encoding="utf-8"
    )


def photographed(name: str, url: str, texts: str) -> None:
    """A page of the UI, as PNG."""

    async def take() -> bytes:
        async with browser() as page:
            address, _, tab = url.partition("#")
            await page.show(address, tab=tab, until=texts, prepare=_PREPARE)
            return await page.picture()

    picture = asyncio.run(take())
    if len(picture) > LARGEST:
        raise ValueError(f"{name} has {len(picture)} bytes; make the page smaller")
    (IMAGES / name).write_bytes(picture)


if __name__ == "__main__":
    sys.exit(main())
