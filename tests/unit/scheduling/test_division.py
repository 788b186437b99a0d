from __future__ import annotations

from typing import Any

import pytest

from argosy.scheduling.request import SchedulerOptions
from argosy.scheduling.schedule import schedule
from tests.unit.scheduling.fleet import AGGREGATED, DYNAMIC, STATIC, cluster, placed, request


def divided(
    how: dict[str, Any], room: tuple[int, ...], replicas: int, previous: tuple[int, ...] = (), **fields: Any
) -> tuple[int, ...]:
    """The shares of m1, m2, … where `room` replicas fit beside those of `previous`."""
    clusters = [cluster(f"m{i}", cpu=cpu) for i, cpu in enumerate(room, start=1)]
    held = {f"m{i}": n for i, n in enumerate(previous, start=1)}
    result = schedule(
        request({"replicaScheduling": how}, replicas=replicas, previous=held, **fields), clusters
    )
    shares = placed(result)
    return tuple(shares.get(f"m{i}") or 0 for i in range(1, len(room) + 1))


@pytest.mark.parametrize(
    ("how", "previous", "room", "replicas", "expected"),
    [
        (DYNAMIC, (), (18, 12, 6), 12, (6, 4, 2)),
        (DYNAMIC, (), (20, 12, 6), 12, (6, 4, 2)),
        (DYNAMIC, (), (6, 12, 6), 12, (3, 6, 3)),
        (DYNAMIC, (), (6, 8, 10), 12, (3, 4, 5)),
        (DYNAMIC, (), (8, 8, 10), 12, (4, 4, 4)),
        (DYNAMIC, (2, 4, 6), (1, 1, 1), 6, (1, 2, 3)),
        (DYNAMIC, (2, 4, 6), (10, 10, 10), 24, (6, 8, 10)),
        (DYNAMIC, (6,), (3, 3), 12, (9, 3)),
        (DYNAMIC, (2, 4, 6), (0, 0, 0), 12, (2, 4, 6)),
        (AGGREGATED, (), (6, 8, 10), 12, (0, 5, 7)),
        (AGGREGATED, (), (12, 8, 10), 12, (12, 0, 0)),
        (AGGREGATED, (4, 8), (1, 1), 6, (0, 6)),
        (AGGREGATED, (4, 8), (1, 1), 8, (0, 8)),
        (AGGREGATED, (4, 8, 0), (4, 6, 8), 24, (7, 12, 5)),
        (AGGREGATED, (4, 8, 0), (6, 6, 20), 24, (10, 14, 0)),
        (AGGREGATED, (4, 0, 0, 0), (4, 0, 8, 12), 24, (7, 0, 7, 10)),
    ],
)
def test_by_room(
    how: dict[str, Any],
    previous: tuple[int, ...],
    room: tuple[int, ...],
    replicas: int,
    expected: tuple[int, ...],
) -> None:
    assert divided(how, room, replicas, previous) == expected


def test_fresh_forgets_where_replicas_are() -> None:
    # 12 run in m1, where none besides them fits; dividing anew counts their room as free.
    assert divided(DYNAMIC, (0, 8, 10), 12, (12, 0, 0), fresh=False) == (12, 0, 0)
    assert divided(DYNAMIC, (0, 8, 10), 12, (12, 0, 0), fresh=True) == (5, 3, 4)


@pytest.mark.parametrize("how", [DYNAMIC, AGGREGATED])
def test_too_little_room_says_how_much_there_is(how: dict[str, Any]) -> None:
    result = schedule(
        request({"replicaScheduling": how}, replicas=30), [cluster("m1", cpu=6), cluster("m2", cpu=8)]
    )
    assert result.error is not None
    assert result.error.kind == "UnschedulableError"
    assert "available replicas 14" in result.error.message
    assert [(one.cluster, one.capacity, one.share) for one in result.reasons[0].clusters] == [
        ("m1", 6, None),
        ("m2", 8, None),
    ]


def test_static_weights_take_the_largest_that_means_a_cluster() -> None:
    rules = [
        {"targetCluster": {"labelSelector": {"matchLabels": {"tier": "gold"}}}, "weight": 3},
        {"targetCluster": {"clusterNames": ["m1", "m2"]}, "weight": 1},
    ]
    how = {**STATIC, "weightPreference": {"staticWeightList": rules}}
    clusters = [cluster("m1", labels={"tier": "gold"}), cluster("m2"), cluster("m3")]
    result = schedule(request({"replicaScheduling": how}, replicas=8, previous={"m3": 8}), clusters)
    assert placed(result) == {"m1": 6, "m2": 2}
    assert result.rejected() == {"m3": "the other clusters hold all replicas"}


def test_a_weight_for_nobody_weighs_all_the_same() -> None:
    rules = [{"targetCluster": {"clusterNames": ["gone"]}, "weight": 3}]
    how = {**STATIC, "weightPreference": {"staticWeightList": rules}}
    assert divided(how, (1, 1), 4) == (2, 2)


def test_a_division_without_preference_is_an_error() -> None:
    result = schedule(
        request({"replicaScheduling": {"replicaSchedulingType": "Divided"}}, replicas=2), [cluster("m")]
    )
    assert result.error is not None
    assert result.error.kind == "Other"
    assert "replicaDivisionPreference" in result.error.message


def test_empty_workloads_are_propagated_when_asked_for() -> None:
    options = SchedulerOptions(empty_workload_propagation=True)
    asked = request({"replicaScheduling": AGGREGATED}, replicas=5, options=options)
    assert placed(schedule(asked, [cluster("m1", cpu=9), cluster("m2", cpu=5)])) == {"m1": 5, "m2": 0}


def test_a_closer_look_counts_where_it_finds_less() -> None:
    asked = request({"replicaScheduling": AGGREGATED}, replicas=5, estimates={"m1": 2, "m2": 500, "m3": -1})
    clusters = [cluster("m1", cpu=9), cluster("m2", cpu=3), cluster("m3", cpu=1)]
    assert placed(schedule(asked, clusters)) == {"m1": 2, "m2": 3}


@pytest.mark.parametrize(
    ("primary", "overflow", "held", "replicas", "expected"),
    [
        (2, 10, 0, 5, {"m1": 2, "m2": 3}),
        (10, 10, 0, 5, {"m1": 5}),
        (2, 10, 3, 8, {"m1": 5, "m2": 3}),
        (2, 2, 0, 10, None),
    ],
)
def test_overflow(
    primary: int, overflow: int, held: int, replicas: int, expected: dict[str, int] | None
) -> None:
    terms = [
        {
            "affinityName": "main",
            "clusterNames": ["m1"],
            "overflowAffinities": [{"affinityName": "more", "clusterNames": ["m2"]}],
        }
    ]
    result = schedule(
        request(
            {"clusterAffinities": terms, "replicaScheduling": AGGREGATED},
            replicas=replicas,
            previous={"m1": held} if held else {},
        ),
        [cluster("m1", cpu=primary), cluster("m2", cpu=overflow)],
    )
    if expected is None:
        assert result.error is not None
        assert result.error.kind == "UnschedulableError"
    else:
        assert placed(result) == expected
        assert [one.tier for one in result.reasons[0].clusters] == [0, 1]
