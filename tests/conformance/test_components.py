"""Components of third-party kinds, against the cases of a folder that is not part of the repository."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

from argosy.interpreter.components import KINDS, components_of

FOLDER = os.environ.get("ARGOSY_EXTRA_VECTORS")  # noqa: TID251 - names test data, no setting


def cases() -> list[dict[str, Any]]:
    if not FOLDER:
        return []
    with gzip.open(Path(FOLDER) / "interpret_thirdparty.jsonl.gz", "rt", encoding="utf-8") as stream:
        read = [json.loads(line) for line in stream]
    return [case for case in read if _is_ours(case["input"])]


def _is_ours(given: dict[str, Any]) -> bool:
    manifest = given["object"] if given.get("operation") == "InterpretComponent" else {}
    return (manifest.get("apiVersion", "").rpartition("/")[0], manifest.get("kind")) in KINDS


@pytest.mark.skipif(not FOLDER, reason="ARGOSY_EXTRA_VECTORS names no folder")
@pytest.mark.parametrize("case", cases() or [{}], ids=lambda case: case.get("id", "none"))
def test_karmada_is_followed_exactly(case: dict[str, Any]) -> None:
    components = {
        one.name: one.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        for one in components_of(case["input"]["object"], behaviour="karmada")
    }
    expected = {one["name"]: one for one in case["expect"].get("components") or ()}
    assert components.keys() == expected.keys()
    for name, wanted in expected.items():
        found = components[name]
        assert found.get("replicas", 0) == wanted.get("replicas", 0)
        assert (found.get("replicaRequirements") or {}) == (wanted.get("replicaRequirements") or {})
