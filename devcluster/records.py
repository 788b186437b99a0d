"""Small private files: written whole or not at all, readable by their owner only."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def write_private(path: Path, content: bytes) -> None:
    """Replace `path` by `content`; a crash leaves the old content or the new, never a part."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    scratch.replace(path)


def write_record(path: Path, record: dict[str, Any]) -> None:
    """Keep a JSON object."""
    write_private(path, json.dumps(record, indent=1).encode())


def read_record(path: Path) -> dict[str, Any]:
    """A JSON object that was kept; empty where there is none yet."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    record: dict[str, Any] = json.loads(text)
    return record
