from __future__ import annotations

from argosy.api.validation import validate
from tests.conformance.cases import Case, parametrize
from tests.conformance.test_models import MODELS


@parametrize("validate")
def test_what_karmada_refuses_is_refused_at_the_same_fields(case: Case) -> None:
    written = case.input["policy"]
    model = MODELS[written["kind"]].model_validate(written, by_alias=True, by_name=False)

    problems = validate(model)  # type: ignore[arg-type]  # every model of the suite is a policy

    assert (not problems) is case.expect["valid"]
    assert {problem.path for problem in problems} == set(case.expect["fields"])
