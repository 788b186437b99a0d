"""What taint policies make of a cluster's taints."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from argosy.api.cluster import Cluster, ClusterSpec
from argosy.api.meta import ObjectMeta, Taint, TaintEffect
from argosy.api.taint_policy import ClusterTaintPolicy, MatchCondition
from argosy.scheduling.tainting import hold, taint_changes

READY = {"Ready": "True"}
DOWN = {"Ready": "False"}


def policy(name: str, **spec: Any) -> ClusterTaintPolicy:
    taints = [{"key": "k", "effect": "NoSchedule", "value": name}]
    return ClusterTaintPolicy.model_validate({"metadata": {"name": name}, "spec": {"taints": taints, **spec}})


def when(status: str, kind: str = "Ready", operator: str = "In") -> list[dict[str, Any]]:
    return [{"conditionType": kind, "operator": operator, "statusValues": [status]}]


def cluster(*taints: Taint) -> Cluster:
    return Cluster(
        metadata=ObjectMeta(name="paris", labels={"tier": "gold"}),
        spec=ClusterSpec(region="eu", provider="own", zones=("a",), taints=taints),
    )


def changed(
    policies: list[ClusterTaintPolicy], conditions: dict[str, str], *taints: Taint
) -> list[tuple[str, str, str, bool]]:
    return [
        (one.policy, one.taint.key, one.taint.value, one.added)
        for one in taint_changes(cluster(*taints), conditions, policies)
    ]


@pytest.mark.parametrize(
    ("operator", "values", "status", "holds"),
    [
        ("In", ("False", "Unknown"), "Unknown", True),
        ("In", ("False",), "True", False),
        ("In", (), "True", False),
        ("NotIn", ("True",), "False", True),
        ("NotIn", ("True",), "True", False),
        ("NotIn", (), "True", True),
        ("In", ("False",), None, False),
        ("NotIn", ("True",), None, False),
    ],
)
def test_conditions(operator: Any, values: tuple[Any, ...], status: str | None, holds: bool) -> None:
    one = MatchCondition(condition_type="Ready", operator=operator, status_values=values)
    assert hold((one,), {} if status is None else {"Ready": status}) is holds


def test_all_of_them_have_to_hold_and_none_never_do() -> None:
    ready = MatchCondition(condition_type="Ready", operator="In", status_values=("True",))
    nodes = MatchCondition(condition_type="NodesReady", operator="In", status_values=("True",))
    assert hold((ready, nodes), {"Ready": "True", "NodesReady": "True"})
    assert not hold((ready, nodes), {"Ready": "True", "NodesReady": "False"})
    assert not hold((), {"Ready": "True"})


def test_a_taint_comes_and_goes() -> None:
    one = policy("p", addOnConditions=when("False"), removeOnConditions=when("True"))
    mark = Taint(key="k", value="p", effect="NoSchedule")
    assert changed([one], DOWN) == [("p", "k", "p", True)]
    assert changed([one], DOWN, mark) == []
    assert changed([one], READY, mark) == [("p", "k", "p", False)]
    assert changed([one], READY) == []


def test_what_is_there_is_not_touched_but_removed_whoever_has_set_it() -> None:
    mine = Taint(key="k", value="mine", effect="NoSchedule")
    one = policy("p", addOnConditions=when("False"), removeOnConditions=when("True"))
    assert changed([one], DOWN, mine) == []
    assert changed([one], READY, mine) == [("p", "k", "mine", False)]
    other = Taint(key="k", value="mine", effect="NoExecute")
    assert changed([one], DOWN, other) == [("p", "k", "p", True)]


def test_the_first_one_adds_and_a_later_one_may_remove() -> None:
    adds = policy("first", addOnConditions=when("False"))
    also = policy("second", addOnConditions=when("False"))
    removes = policy("third", removeOnConditions=when("False"))
    assert changed([adds, also], DOWN) == [("first", "k", "first", True)]
    assert changed([adds, removes], DOWN) == []
    assert changed([removes, adds], DOWN) == [("first", "k", "first", True)]
    # Both of its lists hold: it adds, and removes again.
    assert (
        changed([policy("both", addOnConditions=when("False"), removeOnConditions=when("False"))], DOWN) == []
    )


@pytest.mark.parametrize(
    ("target", "meant"),
    [
        (None, True),
        ({}, True),
        ({"clusterNames": ["paris"]}, True),
        ({"clusterNames": ["oregon"]}, False),
        ({"exclude": ["paris"]}, False),
        ({"labelSelector": {"matchLabels": {"tier": "gold"}}}, True),
        ({"labelSelector": {"matchLabels": {"tier": "tin"}}}, False),
        (
            {"fieldSelector": {"matchExpressions": [{"key": "region", "operator": "In", "values": ["eu"]}]}},
            True,
        ),
    ],
)
def test_which_clusters_are_meant(target: Any, meant: bool) -> None:
    spec = {} if target is None else {"targetClusters": target}
    assert bool(changed([policy("p", addOnConditions=when("False"), **spec)], DOWN)) is meant


_STATUS = st.sampled_from(["True", "False", "Unknown"])
_MATCH = st.fixed_dictionaries(
    {
        "conditionType": st.sampled_from(["Ready", "NodesReady", "Watching"]),
        "operator": st.sampled_from(["In", "NotIn"]),
        "statusValues": st.lists(_STATUS, max_size=2),
    }
)
_KEY = st.sampled_from(["a", "b"])
_EFFECT = st.sampled_from(["NoSchedule", "NoExecute"])


@st.composite
def _policies(draw: st.DrawFn) -> list[ClusterTaintPolicy]:
    return [
        policy(
            f"p{index}",
            addOnConditions=draw(st.lists(_MATCH, max_size=2)),
            removeOnConditions=draw(st.lists(_MATCH, max_size=2)),
            taints=[{"key": draw(_KEY), "effect": draw(_EFFECT)}],
        )
        for index in range(draw(st.integers(0, 4)))
    ]


# The first draw looks into every model, which takes long on a busy machine.
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    _policies(),
    st.dictionaries(st.sampled_from(["Ready", "NodesReady", "Watching"]), _STATUS),
    st.lists(st.tuples(_KEY, _EFFECT), unique=True),
)
def test_a_second_look_changes_nothing(
    policies: list[ClusterTaintPolicy], conditions: dict[str, str], pairs: list[tuple[str, TaintEffect]]
) -> None:
    taints = [Taint(key=key, effect=effect) for key, effect in pairs]
    changes = taint_changes(cluster(*taints), conditions, policies)
    gone = {(one.taint.key, one.taint.effect) for one in changes if not one.added}
    left = [taint for taint in taints if (taint.key, taint.effect) not in gone]
    after = [*left, *(one.taint for one in changes if one.added)]
    assert len({(one.key, one.effect) for one in after}) == len(after)
    assert taint_changes(cluster(*after), conditions, policies) == []
