from __future__ import annotations

from typing import Any

import pytest

from argosy.api.behaviour import Behaviour
from argosy.api.cluster import Cluster
from argosy.scheduling.schedule import schedule
from tests.unit.scheduling.fleet import (
    DUPLICATED,
    DYNAMIC,
    STATIC,
    cluster,
    placed,
    request,
    spread,
)

ROOM = [cluster("m1", cpu=40), cluster("m2", cpu=60), cluster("m3", cpu=80), cluster("m4", cpu=50)]


def names(result: Any) -> list[str]:
    return sorted(placed(result))


@pytest.mark.parametrize(
    ("how", "most", "replicas", "expected"),
    [
        (DUPLICATED, 2, 1, ["m2", "m3"]),
        (DUPLICATED, 2, 1000, ["m2", "m3"]),
        (DYNAMIC, 2, 140, ["m2", "m3"]),
        (DYNAMIC, 3, 190, ["m2", "m3", "m4"]),
        # Weights without a list are no reason to ignore the constraint; a policy's own list is (see below).
        ({**STATIC, "weightPreference": {}}, 2, 100, ["m2", "m3"]),
    ],
)
def test_the_roomiest_clusters_are_taken(
    how: dict[str, Any], most: int, replicas: int, expected: list[str]
) -> None:
    asked = request(
        {"replicaScheduling": how, "spreadConstraints": spread(cluster=(1, most))}, replicas=replicas
    )
    assert names(schedule(asked, ROOM)) == expected


def test_who_holds_a_copy_goes_first_unless_room_runs_out() -> None:
    placement = {"replicaScheduling": DYNAMIC, "spreadConstraints": spread(cluster=(1, 2))}
    held = {"m1": 10, "m4": 10}
    assert names(schedule(request(placement, replicas=90, previous=held), ROOM)) == ["m1", "m4"]
    result = schedule(request(placement, replicas=130, previous=held), ROOM)
    assert names(result) == ["m3", "m4"]
    assert result.rejected() == {
        "m1": "gave way to a cluster with more room",
        "m2": "ranks 4, and at most 2 clusters are taken (maxGroups)",
    }


@pytest.mark.parametrize(
    ("constraints", "replicas", "fragment"),
    [
        (spread(cluster=(5, 9)), 1, "only 4 clusters are feasible"),
        (spread(cluster=(1, 2)), 500, "no 2 clusters have room for 500 replicas, 140 at most"),
        (spread(cluster=(1, 0)), 1, "no 0 clusters have room"),
        (spread(zone=(1, 2)), 1, "neither cluster nor region"),
        (spread(region=(3, 3), cluster=(1, 9)), 1, "only 2 of the regions asked for (3)"),
        (spread(region=(1, 1), cluster=(4, 9)), 1, "have 4 feasible clusters together"),
    ],
)
def test_what_cannot_be_satisfied_says_so(
    constraints: list[dict[str, Any]], replicas: int, fragment: str
) -> None:
    clusters = [
        cluster(name, cpu=cpu, region=region, zones=["z"])
        for name, cpu, region in (("m1", 60, "r1"), ("m2", 60, "r1"), ("m3", 80, "r1"), ("m4", 60, "r2"))
    ]
    asked = request({"replicaScheduling": DYNAMIC, "spreadConstraints": constraints}, replicas=replicas)
    error = schedule(asked, clusters).error
    assert error is not None
    assert error.kind == "Other"
    assert fragment in error.message


def test_static_weights_ignore_spread_constraints() -> None:
    rules = [{"targetCluster": {"clusterNames": ["m1", "m2", "m3", "m4"]}, "weight": 1}]
    placement = {
        "replicaScheduling": {**STATIC, "weightPreference": {"staticWeightList": rules}},
        "spreadConstraints": spread(cluster=(1, 1)),
    }
    assert names(schedule(request(placement, replicas=4), ROOM)) == ["m1", "m2", "m3", "m4"]


REGIONS = [
    cluster("m1", region="R1"),
    cluster("m2", region="R1"),
    cluster("m3", region="R2"),
    cluster("m4", region="R2"),
    cluster("m5", region="R2"),
]


@pytest.mark.parametrize(("clusters", "expected"), [((2, 2), ["m1", "m2"]), ((3, 3), ["m3", "m4", "m5"])])
def test_the_region_in_use_is_kept_while_it_has_enough_clusters(
    clusters: tuple[int, int], expected: list[str]
) -> None:
    placement = {"replicaScheduling": DYNAMIC, "spreadConstraints": spread(region=(1, 1), cluster=clusters)}
    result = schedule(request(placement, replicas=90, previous={"m1": 10, "m2": 10}), REGIONS)
    assert names(result) == expected


def test_regions_carry_reasons() -> None:
    placement = {"spreadConstraints": spread(region=(1, 1), cluster=(1, 2))}
    result = schedule(request(placement), REGIONS)
    assert names(result) == ["m3", "m4"]
    assert [(g.name, g.clusters, g.score, g.chosen, g.reason) for g in result.reasons[0].groups] == [
        ("R2", 3, 3000, True, ""),
        ("R1", 2, 2000, False, "other regions rank higher together"),
    ]
    assert result.rejected() == {
        "m1": "its region was not chosen",
        "m2": "its region was not chosen",
        "m5": "at most 2 clusters are taken (maxGroups)",
    }


@pytest.mark.parametrize(
    ("behaviour", "constraints", "expected"),
    [
        ("argosy", spread(cluster=(1, 0)), ["m1", "m2", "m3", "m4", "m5"]),
        ("argosy", spread(region=(1, 0), cluster=(1, 1)), ["m3"]),
        ("argosy", spread(region=(2, 0), cluster=(1, 0)), ["m1", "m2", "m3", "m4", "m5"]),
        ("argosy", spread(region=(1, 1)), ["m3", "m4", "m5"]),
        ("karmada", spread(region=(1, 1)), ["m3"]),
        ("karmada", spread(cluster=(1, 0)), None),
    ],
)
def test_a_maximum_left_out(
    behaviour: Behaviour, constraints: list[dict[str, Any]], expected: list[str] | None
) -> None:
    result = schedule(request({"spreadConstraints": constraints}, behaviour=behaviour), REGIONS)
    if expected is None:
        assert result.error is not None
    else:
        assert names(result) == expected
    assert result.mends == (("no-maximum-means-no-maximum",) if behaviour == "argosy" else ())


def zoned(name: str, *zones: str, provider: str = "") -> Cluster:
    return cluster(name, zones=list(zones), provider=provider)


@pytest.mark.parametrize(
    ("constraints", "expected"),
    [
        (spread(zone=(2, 2)), ["a", "b", "d"]),
        (spread(zone=(3, 3)), ["a", "b", "c", "d"]),
        (spread(zone=(1, 1)), ["a", "b"]),
        (spread(provider=(1, 1)), ["a", "b", "c"]),
        (spread(provider=(2, 2)), ["a", "b", "c", "d"]),
    ],
)
def test_spreading_by_zone_or_provider_alone(constraints: list[dict[str, Any]], expected: list[str]) -> None:
    clusters = [
        zoned("a", "z1", provider="x"),
        zoned("b", "z1", "z3", provider="x"),
        zoned("c", "z2", provider="x"),
        zoned("d", "z3", provider="y"),
    ]
    asked = request({"spreadConstraints": constraints})
    refused = schedule(asked, clusters).error
    assert refused is not None
    assert refused.kind == "Other"
    result = schedule(asked.model_copy(update={"behaviour": "argosy"}), clusters)
    assert names(result) == expected
    assert "spread-by-zone-or-provider" in result.mends
