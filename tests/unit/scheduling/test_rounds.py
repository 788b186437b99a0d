"""How often clusters are looked at, by how many there are."""

from __future__ import annotations

from datetime import timedelta

import pytest

from argosy.api.membership import MONITOR_PATIENCE
from argosy.scheduling.rounds import (
    FACTS_A_SECOND,
    LOOKS_A_SECOND,
    facts_interval,
    heartbeat_interval,
    patience,
    probe_interval,
    wanted_patience,
)

MINUTE = timedelta(seconds=60)


@pytest.mark.parametrize("watched", [0, 1, 3, 50, 100])
def test_a_small_fleet_is_looked_at_as_the_settings_say(watched: int) -> None:
    assert probe_interval(1.0, watched) == 1.0
    assert facts_interval(watched) == 30.0
    assert patience(watched) == MONITOR_PATIENCE
    assert heartbeat_interval(MONITOR_PATIENCE) == 2.0


@pytest.mark.parametrize("watched", [500, 1000, 2000])
def test_a_large_one_costs_no_more_than_so_many_looks(watched: int) -> None:
    assert watched / probe_interval(1.0, watched) <= LOOKS_A_SECOND
    assert watched / facts_interval(watched) <= max(FACTS_A_SECOND, watched / 30)
    assert watched / heartbeat_interval(patience(watched)) <= 51


def test_longer_intervals_that_were_asked_for_stay() -> None:
    assert probe_interval(60.0, 1000) == 60.0


def test_patience_grows_at_once_and_shrinks_when_it_is_sure() -> None:
    assert wanted_patience(MONITOR_PATIENCE, 1000, settled=False) == MINUTE
    assert wanted_patience(MINUTE, 1, settled=False) == MINUTE
    assert wanted_patience(MINUTE, 1, settled=True) == MONITOR_PATIENCE


def test_at_a_boundary_it_does_not_go_back_and_forth() -> None:
    grown = wanted_patience(MONITOR_PATIENCE, 101, settled=True)
    assert grown > MONITOR_PATIENCE
    assert wanted_patience(grown, 99, settled=True) == grown
