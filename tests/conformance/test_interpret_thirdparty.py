"""Kinds of other projects are read as Karmada reads them; the cases are not part of the repository."""

from __future__ import annotations

import copy
import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

from argosy.interpreter.behaviour import READING
from tests.conformance.interpreting import answer_of, same

FOLDER = os.environ.get("ARGOSY_EXTRA_VECTORS")  # noqa: TID251 - names test data, no setting


def cases() -> list[dict[str, Any]]:
    """Every case of the folder that ARGOSY_EXTRA_VECTORS names."""
    if not FOLDER:
        return []
    with gzip.open(Path(FOLDER) / "interpret_thirdparty.jsonl.gz", "rt", encoding="utf-8") as stream:
        return [json.loads(line) for line in stream]


pytestmark = [
    pytest.mark.skipif(not FOLDER, reason="ARGOSY_EXTRA_VECTORS names no folder"),
    pytest.mark.parametrize("case", cases() or [{}], ids=lambda case: case.get("id", "none")),
]


def test_karmada_is_followed_exactly(case: dict[str, Any]) -> None:
    given = copy.deepcopy(case["input"])

    answer = answer_of(case["input"], "karmada")

    assert same(answer, case["expect"]), answer
    assert case["input"] == given, "the object was touched"


def test_argosy_differs_by_named_rules_only(case: dict[str, Any]) -> None:
    answer = answer_of(case["input"], "argosy")

    if not same(answer, case["expect"]):
        asked = case["input"]["operation"], case["input"]["object"], case["input"].get("items") or ()
        assert [rule.name for rule in READING if rule.applies(*asked)]
