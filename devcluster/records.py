"""Files that processes share: small private ones, written whole or not at all, and locks."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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


@contextmanager
def alone(path: Path, *, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold a lock that no two processes hold at once, and that ends with its holder.

    Args:
        path: the lock file; it stays behind, empty.
        waiting: told when another process holds it.
    """
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
