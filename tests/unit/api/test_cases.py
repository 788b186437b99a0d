from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest

from tests.conformance.cases import cases, parametrize

CASE = {"id": "one", "note": "n", "category": "c", "input": {}, "expect": {}}


def test_cases_come_from_all_folders_named_and_both_forms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    (tmp_path / "a" / "match.jsonl").write_text(json.dumps(CASE) + "\n\n")
    with gzip.open(tmp_path / "b" / "match.jsonl.gz", "wt") as stream:
        stream.write(json.dumps(CASE) + "\n" + json.dumps({**CASE, "id": "two"}))
    monkeypatch.setenv("ARGOSY_VECTORS", os.pathsep.join(str(tmp_path / name) for name in ("a", "b")))

    assert [case.id for case in cases("match")] == ["one", "two"]

    (tmp_path / "b" / "match.jsonl").write_text(json.dumps({**CASE, "note": "other"}))
    with pytest.raises(ValueError, match="two different cases are named one"):
        cases("match")


def test_a_run_over_nothing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARGOSY_VECTORS", str(tmp_path))
    with pytest.raises(ValueError, match="no cases of suite match"):
        parametrize("match")

    monkeypatch.setenv("ARGOSY_VECTORS", str(tmp_path / "absent"))
    with pytest.raises(FileNotFoundError, match="correct ARGOSY_VECTORS"):
        cases("match")
