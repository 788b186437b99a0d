"""How many replicas quotas admit."""

from __future__ import annotations

from typing import Any

import pytest

from argosy.api.requirements import ReplicaRequirements
from argosy.scheduling.quota import replicas_admitted
from argosy.scheduling.room import QuotaRoom, QuotaScope

HIGH = QuotaScope(name="PriorityClass", operator="In", values=("high",))
LOW = QuotaScope(name="PriorityClass", operator="In", values=("low",))


def quota(*scopes: QuotaScope, **free: str) -> QuotaRoom:
    amounts = {name.replace("__", "/").replace("_", "."): amount for name, amount in free.items()}
    return QuotaRoom.model_validate({"name": "q", "free": amounts, "scopes": scopes})


def needs(priority_class: str = "", **resources: str) -> ReplicaRequirements:
    amounts = {name.replace("__", "/").replace("_", "."): amount for name, amount in resources.items()}
    return ReplicaRequirements.model_validate(
        {"resourceRequest": amounts, "priorityClassName": priority_class}
    )


@pytest.mark.parametrize(
    ("free", "resources", "admitted"),
    [
        ({}, {"cpu": "200m"}, None),
        ({"cpu": "800m"}, {"cpu": "200m"}, 4),
        ({"requests_cpu": "800m"}, {"cpu": "200m"}, 4),
        ({"cpu": "3", "requests_cpu": "1"}, {"cpu": "500m"}, 2),
        ({"memory": "3Mi"}, {"memory": "2Mi"}, 1),
        ({"requests_memory": "3Mi", "cpu": "1"}, {"memory": "1Mi", "cpu": "200m"}, 3),
        ({"limits_cpu": "0", "limits_memory": "0"}, {"cpu": "1", "memory": "1Gi"}, None),
        ({"cpu": "1"}, {"memory": "1Gi"}, None),
        ({"cpu": "1"}, {"cpu": "0"}, None),
        ({"cpu": "1500m"}, {"cpu": "2"}, 0),
        ({"cpu": "-1"}, {"cpu": "100m"}, 0),
        ({"requests_nvidia_com__gpu": "3"}, {"nvidia_com__gpu": "1"}, 3),
        ({"nvidia_com__gpu": "3"}, {"nvidia_com__gpu": "2"}, 1),
        ({"services": "0", "configmaps": "0", "requests_storage": "0"}, {"cpu": "1"}, None),
    ],
)
def test_in_both_behaviours(free: dict[str, str], resources: dict[str, str], admitted: int | None) -> None:
    for behaviour in ("karmada", "argosy"):
        assert replicas_admitted(needs(**resources), [quota(**free)], behaviour=behaviour) == admitted


@pytest.mark.parametrize(
    ("free", "resources", "admitted"),
    [
        ({"pods": "3"}, {}, 3),
        ({"count__pods": "3", "pods": "5"}, {"cpu": "1"}, 3),
        ({"pods": "-1"}, {}, 0),
        ({"ephemeral-storage": "2Gi"}, {"ephemeral-storage": "1Gi"}, 2),
        ({"requests_ephemeral-storage": "2Gi"}, {"ephemeral-storage": "1Gi"}, 2),
        ({"hugepages-2Mi": "8Mi"}, {"hugepages-2Mi": "2Mi"}, 4),
    ],
)
def test_what_karmada_does_not_look_at(
    free: dict[str, str], resources: dict[str, str], admitted: int
) -> None:
    assert replicas_admitted(needs(**resources), [quota(**free)], behaviour="argosy") == admitted
    assert replicas_admitted(needs(**resources), [quota(**free)], behaviour="karmada") is None


def test_the_tightest_quota_counts() -> None:
    quotas = [quota(cpu="8"), quota(cpu="3"), quota(memory="1Gi")]
    assert replicas_admitted(needs(cpu="1"), quotas) == 3
    assert replicas_admitted(needs(cpu="1"), []) is None


def test_where_nothing_is_known_pods_count() -> None:
    assert replicas_admitted(None, [quota(cpu="1", pods="7")]) == 7


def priority(operator: str, *values: str) -> QuotaScope:
    return QuotaScope(name="PriorityClass", operator=operator, values=values)


@pytest.mark.parametrize(
    ("scope", "classes"),
    [
        (priority("In", "high"), {"high"}),
        (priority("NotIn", "high"), {"low", ""}),
        (priority("Exists"), {"high", "low"}),
        (priority("DoesNotExist"), {""}),
        (priority("In"), set()),
        (priority("NotIn"), set()),
        (priority("Like", "high"), set()),
    ],
)
def test_priority_classes(scope: QuotaScope, classes: set[str]) -> None:
    for behaviour in ("karmada", "argosy"):
        counted = {
            name
            for name in ("high", "low", "")
            if replicas_admitted(needs(name, cpu="1"), [quota(scope, cpu="0")], behaviour=behaviour) == 0
        }
        assert counted == classes


@pytest.mark.parametrize(
    ("names", "resources", "karmada", "argosy"),
    [
        ([HIGH], {"cpu": "1"}, 4, 4),
        ([HIGH, LOW], {"cpu": "1"}, 4, None),
        (["BestEffort"], {"cpu": "1"}, None, None),
        (["NotBestEffort"], {"cpu": "1"}, None, 4),
        (["NotTerminating"], {"cpu": "1"}, None, 4),
        (["Terminating"], {"cpu": "1"}, None, None),
        (["CrossNamespacePodAffinity"], {"cpu": "1"}, None, None),
        (["SomethingNew"], {"cpu": "1"}, None, None),
        ([HIGH, "NotBestEffort", "NotTerminating"], {"cpu": "1"}, 4, 4),
        ([HIGH, "BestEffort"], {"cpu": "1"}, 4, None),
    ],
)
def test_scopes(names: list[Any], resources: dict[str, str], karmada: int | None, argosy: int | None) -> None:
    scopes = [
        one if isinstance(one, QuotaScope) else QuotaScope(name=one, operator="Exists") for one in names
    ]
    asked = needs("high", **resources)
    assert replicas_admitted(asked, [quota(*scopes, cpu="4")], behaviour="karmada") == karmada
    assert replicas_admitted(asked, [quota(*scopes, cpu="4")], behaviour="argosy") == argosy


@pytest.mark.parametrize(
    ("resources", "admitted"),
    [
        ({}, 2),
        ({"cpu": "0"}, 2),
        ({"nvidia_com__gpu": "1"}, 2),
        ({"cpu": "1m"}, None),
        ({"memory": "1"}, None),
    ],
)
def test_best_effort_is_what_requests_neither_cpu_nor_memory(
    resources: dict[str, str], admitted: int | None
) -> None:
    best_effort = quota(QuotaScope(name="BestEffort", operator="Exists"), pods="2")
    assert replicas_admitted(needs(**resources), [best_effort]) == admitted
