"""The rules by which Argosy differs are those that users read about."""

from __future__ import annotations

import re
from pathlib import Path

from argosy.interpreter.behaviour import READING
from argosy.scheduling.behaviour import RULES

DOCUMENT = Path(__file__).parents[2] / "docs" / "differences-from-karmada.md"


def test_every_rule_is_documented_in_its_own_words() -> None:
    rows = re.findall(
        r"^\| `([a-z-]+)` \| (.+?) \| (.+?) \|$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE
    )
    documented = {name: (argosy, reason) for name, argosy, reason in rows}
    ours = {rule.name: (rule.argosy, rule.reason) for rule in (*RULES, *READING)}
    assert {name: documented.get(name) for name in ours} == ours
