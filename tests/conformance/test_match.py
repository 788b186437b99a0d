from __future__ import annotations

from pydantic import TypeAdapter

from argosy.api.policy import AnyPropagationPolicy
from argosy.scheduling.matching import PolicyIndex
from tests.conformance.cases import Case, parametrize

POLICY: TypeAdapter[AnyPropagationPolicy] = TypeAdapter(AnyPropagationPolicy)


@parametrize("match")
def test_the_same_policy_takes_the_template(case: Case) -> None:
    found = PolicyIndex(POLICY.validate_python(policy) for policy in case.input["policies"]).best(
        case.input["object"]
    )
    expected = case.expect["policy"]
    if expected is None:
        assert found is None
    else:
        assert found is not None
        assert (found.kind, found.metadata.namespace or "", found.metadata.name) == (
            expected["kind"],
            expected.get("namespace") or "",
            expected["name"],
        )
