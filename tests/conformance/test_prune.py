from __future__ import annotations

import copy

from argosy.interpreter.registry import prune
from tests.conformance.cases import Case, parametrize


@parametrize("prune")
def test_the_same_object_goes_into_the_member(case: Case) -> None:
    template = copy.deepcopy(case.input["object"])
    assert prune(template) == case.expect["object"]
    assert template == case.input["object"], "the template was touched"
