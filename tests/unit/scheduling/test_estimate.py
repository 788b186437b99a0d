from __future__ import annotations

from typing import Any

import pytest

from argosy.api.cluster import Cluster
from argosy.api.requirements import ReplicaRequirements
from argosy.scheduling.estimate import max_replicas

GRADES = [
    {"grade": 0, "ranges": [{"name": "cpu", "min": "0.5", "max": "1"}, {"name": "memory", "min": "0", "max": "1Gi"}]},
    {"grade": 1, "ranges": [{"name": "cpu", "min": "1", "max": "2"}, {"name": "memory", "min": "1Gi", "max": "2Gi"}]},
    {"grade": 2, "ranges": [{"name": "cpu", "min": "2", "max": "4"}, {"name": "memory", "min": "2Gi", "max": "4Gi"}]},
]  # fmt: skip


def member(summary: dict[str, Any] | None, models: list[dict[str, Any]] | None = None) -> Cluster:
    return Cluster.model_validate(
        {
            "metadata": {"name": "m"},
            "spec": {"resourceModels": models or []},
            "status": {"resourceSummary": summary},
        }
    )


def needs(**resources: str) -> ReplicaRequirements:
    return ReplicaRequirements.model_validate({"resourceRequest": resources})


@pytest.mark.parametrize(
    ("counts", "request_", "expected"),
    [
        ((1, 1, 1), {"cpu": "1", "memory": "1.5Gi"}, 1),
        ((1, 1, 1), {"cpu": "1", "memory": "2.5Gi"}, 0),
        ((5, 0, 10), {"cpu": "1.5"}, 10),
        ((0, 0, 2), {"cpu": "500m"}, 8),
        ((0, 1, 1), {"nvidia.com/gpu": "1"}, 0),
        ((1, 1, 1), {}, 330),
        # Counts that make no sense: the summary is asked instead.
        ((1, -1, 1), {"cpu": "1"}, 64),
    ],
)
def test_models(counts: tuple[int, ...], request_: dict[str, str], expected: int) -> None:
    summary = {
        "allocatable": {"cpu": "64", "memory": "64Gi", "pods": "1000"},
        "allocatableModelings": [{"grade": grade, "count": count} for grade, count in enumerate(counts)],
    }
    assert max_replicas(member(summary, GRADES), needs(**request_)) == expected


def test_models_never_exceed_the_pods_that_are_free() -> None:
    summary = {
        "allocatable": {"cpu": "64", "pods": "3"},
        "allocatableModelings": [{"grade": 2, "count": 9}],
    }
    assert max_replicas(member(summary, GRADES), needs(cpu="1")) == 3


@pytest.mark.parametrize(
    ("summary", "requirements", "expected"),
    [
        (None, None, 0),
        ({"allocatable": {"pods": "10"}}, None, 10),
        ({"allocatable": {"pods": "10"}, "allocated": {"pods": "4"}, "allocating": {"pods": "1"}}, None, 5),
        ({"allocatable": {"pods": "10"}, "allocated": {"pods": "12"}}, None, 0),
        ({"allocatable": {"pods": "10", "cpu": "2"}}, needs(cpu="300m"), 6),
        ({"allocatable": {"pods": "10", "cpu": "2"}}, needs(cpu="1", memory="1Gi"), 0),
        ({"allocatable": {"pods": "10", "cpu": "2"}}, needs(cpu="0"), 10),
    ],
)
def test_summary(
    summary: dict[str, Any] | None, requirements: ReplicaRequirements | None, expected: int
) -> None:
    assert max_replicas(member(summary), requirements) == expected
