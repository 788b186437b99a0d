from __future__ import annotations

from typing import Any

from argosy.scheduling.behaviour import SCHEDULING
from argosy.scheduling.result import ScheduleResult
from argosy.scheduling.schedule import schedule
from tests.conformance.cases import Case, parametrize
from tests.conformance.requests import by_name, clusters_of, request_of


def disagreement(case: Case, result: ScheduleResult) -> str:
    """How an answer differs from Karmada's, by the rules of the vectors; empty where it does not."""
    if case.raw.get("nondeterministic"):
        return _broken_properties(case.expect["properties"], result)
    expected = case.expect.get("error")
    if (expected is None) != (result.error is None):
        return f"error {result.error}, not {expected}"
    if expected is not None:
        assert result.error is not None
        return "" if result.error.kind == expected["kind"] else f"{result.error}, not {expected}"
    same = by_name(result.targets) == by_name(case.expect["targets"])
    return "" if same else f"{result.targets}, not {case.expect['targets']}"


def _broken_properties(properties: dict[str, Any], result: ScheduleResult) -> str:
    shares = sorted(target.replicas or 0 for target in result.targets)
    if result.error is not None or sum(shares) != properties["sum"]:
        return f"{result.error or shares}, not {properties}"
    if properties.get("count", len(shares)) != len(shares):
        return f"{len(shares)} clusters, not {properties}"
    return "" if properties.get("replicasSorted", shares) == shares else f"{shares}, not {properties}"


@parametrize("schedule")
def test_karmada_is_followed_exactly(case: Case) -> None:
    result = schedule(request_of(case.input, "karmada"), clusters_of(case.input))
    assert disagreement(case, result) == ""
    assert result.mends == ()


@parametrize("schedule")
def test_argosy_differs_by_rule_only(case: Case) -> None:
    request, clusters = request_of(case.input, "argosy"), clusters_of(case.input)
    result = schedule(request, clusters)
    applying = [rule.name for rule in SCHEDULING if rule.applies(request, clusters)]
    assert list(result.mends) == applying
    assert applying or disagreement(case, result) == ""
