"""Native kinds are read as Karmada reads them, or otherwise by a named rule only."""

from __future__ import annotations

import copy

from argosy.interpreter.behaviour import READING
from tests.conformance.cases import Case, parametrize
from tests.conformance.interpreting import answer_of, same


@parametrize("interpret")
def test_karmada_is_followed_exactly(case: Case) -> None:
    given = copy.deepcopy(case.input)

    answer = answer_of(case.input, "karmada")

    assert same(answer, case.expect), answer
    assert case.input == given, "the object was touched"


@parametrize("interpret")
def test_argosy_differs_by_named_rules_only(case: Case) -> None:
    answer = answer_of(case.input, "argosy")

    if not same(answer, case.expect):
        asked = case.input["operation"], case.input["object"], case.input.get("items") or ()
        assert [rule.name for rule in READING if rule.applies(*asked)]
