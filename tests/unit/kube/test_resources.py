"""What a scheduler reserves for a pod."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.api.quantity import Quantity
from argosy.kube.resources import Amounts, add, as_text, booked, pod_requests


def container(cpu: str, *, sidecar: bool = False) -> dict[str, Any]:
    return {
        "resources": {"requests": {"cpu": cpu}, "limits": {"cpu": "99"}},
        **({"restartPolicy": "Always"} if sidecar else {}),
    }


@pytest.mark.parametrize(
    ("spec", "cpu"),
    [
        ({"containers": [container("100m"), container("1")]}, "1100m"),
        ({"containers": [container("1")], "initContainers": [container("500m")]}, "1"),
        ({"containers": [container("1")], "initContainers": [container("3"), container("2")]}, "3"),
        ({"containers": [container("1")], "initContainers": [container("500m", sidecar=True)]}, "1500m"),
        # The init container runs beside the sidecar started before it, not beside the one after it.
        (
            {
                "containers": [container("1")],
                "initContainers": [
                    container("2", sidecar=True),
                    container("3"),
                    container("1", sidecar=True),
                ],
            },
            "5",
        ),
        ({"containers": [container("1")], "overhead": {"cpu": "250m"}}, "1250m"),
        ({"containers": [container("1")], "resources": {"requests": {"cpu": "2"}}}, "2"),
    ],
)
def test_the_larger_of_start_and_run_counts(spec: dict[str, Any], cpu: str) -> None:
    assert as_text(pod_requests(spec).items()) == {"cpu": cpu}


@pytest.mark.parametrize(
    "spec", [{}, {"containers": [{}]}, {"containers": [{"resources": {"requests": None}}]}]
)
def test_a_pod_may_ask_for_nothing(spec: dict[str, Any]) -> None:
    assert pod_requests(spec) == {}


MILLIS = st.integers(0, 10**6)


@given(running=st.lists(MILLIS), starting=st.lists(st.tuples(MILLIS, st.booleans())))
def test_every_moment_of_a_pod_fits_into_what_is_reserved(
    running: list[int], starting: list[tuple[int, bool]]
) -> None:
    spec = {
        "containers": [container(f"{amount}m") for amount in running],
        "initContainers": [container(f"{amount}m", sidecar=sidecar) for amount, sidecar in starting],
    }
    moments, sidecars = [], 0
    for amount, sidecar in starting:
        moments.append(sidecars + amount)
        sidecars += amount if sidecar else 0
    moments.append(sidecars + sum(running))
    reserved = pod_requests(spec).get("cpu", Quantity(0))
    assert reserved == Quantity(f"{max(moments)}m")


def test_sums_are_exact() -> None:
    total: Amounts = {}
    for _ in range(1000):
        add(total, {"cpu": "100m", "memory": "1Mi"})
    assert as_text(total.items()) == {"cpu": "100", "memory": "1000Mi"}


def test_bookings_are_rounded_up() -> None:
    asked = {"cpu": "100100u", "memory": "1500m", "nvidia.com/gpu": "2"}
    amounts: Amounts = {}
    add(amounts, asked)
    assert as_text(booked(amounts).items()) == {"cpu": "101m", "memory": "2", "nvidia.com/gpu": "2"}
