"""Reads the conformance cases: questions put to Karmada's own code, and its answers."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

OWN_COPY = Path(__file__).parent / "vectors"


@dataclass(frozen=True, kw_only=True)
class Case:
    """One question (`input`) and Karmada's answer (`expect`); `raw` is the whole line."""

    id: str
    note: str
    category: str
    input: dict[str, Any]
    expect: dict[str, Any]
    raw: dict[str, Any]

    def __repr__(self) -> str:
        return f"{self.id}: {self.note}"


def folders() -> list[Path]:
    """The folders in ARGOSY_VECTORS, or the repository's own copy."""
    named = os.environ.get("ARGOSY_VECTORS")  # noqa: TID251  a switch of the tests, not a setting
    return [Path(part) for part in named.split(os.pathsep) if part] if named else [OWN_COPY]


def cases(suite: str) -> list[Case]:
    """Every case of `suite`, from all folders and both forms of file, without repetitions.

    Raises:
        FileNotFoundError: a folder that was named does not exist.
    """
    found: dict[str, Case] = {}
    for folder in folders():
        if not folder.is_dir():
            msg = f"{folder} is not a folder; correct ARGOSY_VECTORS"
            raise FileNotFoundError(msg)
        for path in sorted((*folder.glob(f"{suite}.jsonl"), *folder.glob(f"{suite}.jsonl.gz"))):
            for line in _lines(path):
                raw = json.loads(line)
                case = Case(
                    id=raw["id"],
                    note=raw.get("note", ""),
                    category=raw.get("category", ""),
                    input=raw["input"],
                    expect=raw["expect"],
                    raw=raw,
                )
                if found.setdefault(case.id, case) != case:
                    msg = f"two different cases are named {case.id}; the second is in {path}"
                    raise ValueError(msg)
    return list(found.values())


def parametrize(suite: str) -> pytest.MarkDecorator:
    """`@parametrize("schedule")` runs a test once for every case of the suite, as argument `case`.

    A suite without cases fails at collection: a conformance run over nothing proves nothing.
    """
    known = cases(suite)
    if not known:
        msg = f"no cases of suite {suite} in {[str(folder) for folder in folders()]}; correct ARGOSY_VECTORS"
        raise ValueError(msg)
    return pytest.mark.parametrize("case", known, ids=[case.id for case in known])


def _lines(path: Path) -> Iterator[str]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as stream:
        yield from (line for line in stream if line.strip())
