from __future__ import annotations

from argosy.api.behaviour import Behaviour
from argosy.scheduling.behaviour import SCHEDULING, SETTLING
from argosy.scheduling.outcome import Outcome, settle
from argosy.scheduling.result import ScheduleResult
from argosy.scheduling.schedule import schedule
from tests.conformance.cases import Case, parametrize
from tests.conformance.requests import by_name, clusters_of, request_of


def settled(case: Case, behaviour: Behaviour) -> tuple[ScheduleResult, Outcome]:
    request = request_of(case.input, behaviour)
    result = schedule(request, clusters_of(case.input))
    return result, settle(request, result)


def answer(result: ScheduleResult, outcome: Outcome) -> tuple[dict[str, int], str, str | None]:
    return by_name(outcome.targets), outcome.observed_affinity, result.error.kind if result.error else None


def expected(case: Case) -> tuple[dict[str, int], str, str | None]:
    error = case.expect.get("error")
    return (
        by_name(case.expect["targets"]),
        case.expect["schedulerObservedAffinityName"],
        error["kind"] if error else None,
    )


@parametrize("failover")
def test_karmada_is_followed_exactly(case: Case) -> None:
    assert answer(*settled(case, "karmada")) == expected(case)


@parametrize("failover")
def test_argosy_differs_by_rule_only(case: Case) -> None:
    request, clusters = request_of(case.input, "argosy"), clusters_of(case.input)
    applying = [rule.name for rule in (*SCHEDULING, *SETTLING) if rule.applies(request, clusters)]
    assert applying or answer(*settled(case, "argosy")) == expected(case)
