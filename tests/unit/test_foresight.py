"""What is said of what will become of a cluster's copies, and what a monitor takes over from another one."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from activities.monitor import LONGEST_DOUBT, resumed
from argosy.api.cluster_connection import ConnectionReference
from argosy.api.manifest import ResourceRef
from argosy.api.membership import ClusterPhase, ClusterSettings, ClusterStatus, Health
from argosy.api.propagation import Phase, PropagationStatus
from argosy.scheduling.confirmation import Change
from cli.foresight import Foresight, is_guarded, moves_of, waits

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def moves(*seconds: float) -> tuple[tuple[datetime, str], ...]:
    return tuple((NOW + timedelta(seconds=one), f"Deployment default/web{one:g}") for one in seconds)


@pytest.mark.parametrize(
    ("foresight", "said"),
    [
        (Foresight(), "nothing moves away"),
        (Foresight(held=True), "held: nothing moves"),
        (Foresight(moves(12)), "1 propagation moves away: in 12 s (Deployment default/web12)"),
        (
            Foresight(moves(12, 30, 291)),
            "3 propagations move away: first in 12 s (Deployment default/web12), last in 4 min 51 s",
        ),
        (
            Foresight(moves(-3), guarded=True),
            (
                "guarded: too many clusters fail at once, so nothing moves; "
                "1 propagation would move away: now (Deployment default/web-3)"
            ),
        ),
        (
            Foresight(moves(1, 2), held=True),
            (
                "held: nothing moves; 2 propagations would move away: "
                "first in 1 s (Deployment default/web1), last in 2 s"
            ),
        ),
    ],
)
def test_sentences(foresight: Foresight, said: str) -> None:
    assert foresight.sentence(now=NOW) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-5, "now"),
        (0.4, "now"),
        (59.6, "in 1 min"),
        (61, "in 1 min 1 s"),
        (3600, "in 1 h"),
        (7509, "in 2 h 5 min"),
    ],
)
def test_waits(seconds: float, said: str) -> None:
    assert waits(timedelta(seconds=seconds)) == said


def test_only_moves_from_the_cluster_count_in_their_order() -> None:
    def propagation(name: str, **evict_at: int) -> PropagationStatus:
        return PropagationStatus(
            ref=ResourceRef(api_version="apps/v1", kind="Deployment", namespace="d", name=name),
            phase=Phase.APPLIED,
            revision=1,
            pass_number=1,
            evict_at={cluster: NOW + timedelta(seconds=one) for cluster, one in evict_at.items()},
        )

    found = moves_of(
        [propagation("a", paris=9), propagation("b", oregon=1), propagation("c", paris=3)], "paris"
    )
    assert [who for _, who in found] == ["Deployment d/c", "Deployment d/a"]


@pytest.mark.parametrize(
    ("ready", "guarded"),
    [
        ([False, True, True], False),
        ([False, False, True], True),
        ([True, False, False], False),
        ([False], False),
    ],
)
def test_a_guard_needs_several_that_fail_the_cluster_among_them(ready: list[bool], guarded: bool) -> None:
    clusters = [
        ClusterStatus(
            name=f"c{index}",
            phase=ClusterPhase.READY if one else ClusterPhase.NOT_READY,
            settings=ClusterSettings(connection=ConnectionReference(kubeconfig="/k")),
            health=Health(ready=one),
        )
        for index, one in enumerate(ready)
    ]
    assert is_guarded(clusters, "c0", share=0.5) is guarded


@pytest.mark.parametrize(
    "details",
    [
        [],
        ["text"],
        [{"ok": True}],
        [{"change": "fails"}],
        [{"change": "sings", "since": NOW.isoformat()}],
        [{"change": "fails", "since": 5}],
        # A time without its zone could be any.
        [{"change": "fails", "since": "2026-01-01T00:00:00"}],
    ],
)
def test_heartbeats_that_doubt_nothing_or_cannot_be_read(details: list[Any]) -> None:
    assert resumed(details, now=NOW) is None


@pytest.mark.parametrize(
    ("ago", "counted"),
    [(3.0, 3.0), (-60.0, 0.0), (86400.0, LONGEST_DOUBT.total_seconds())],
)
def test_what_another_monitor_was_about_to_confirm_goes_on(ago: float, counted: float) -> None:
    since = (NOW - timedelta(seconds=ago)).isoformat()
    doubt = resumed([{"ok": False, "change": "fails", "since": since}], now=NOW)
    assert doubt is not None
    assert (doubt.change, doubt.looks) == (Change.FAILS, 0)
    assert time.monotonic() - doubt.since == pytest.approx(counted, abs=1)
