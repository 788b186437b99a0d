"""Reading the conformance vectors: questions put to Karmada's own code, and its answers."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

OWN = Path(__file__).parent / "vectors"
Case = dict[str, Any]


def folders() -> list[Path]:
    """The folders named by ARGOSY_VECTORS, or our own copy."""
    given = os.environ.get("ARGOSY_VECTORS")  # noqa: TID251 - a switch of the test suite
    return [Path(part) for part in given.split(os.pathsep)] if given else [OWN]


def cases(suite: str) -> list[Case]:
    """Every case of a suite, from `<suite>.jsonl` and `<suite>.jsonl.gz` of every folder."""
    return [case for folder in folders() for case in _read(folder, suite)]


def _read(folder: Path, suite: str) -> Iterator[Case]:
    for path in sorted(folder.glob(f"{suite}.jsonl*")):
        opener = gzip.open if path.suffix == ".gz" else open
        with opener(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                if line.strip():
                    yield json.loads(line)
