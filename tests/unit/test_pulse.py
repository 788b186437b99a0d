"""When the watches on a cluster count as alive."""

from __future__ import annotations

from activities.pulse import OPEN_WITHIN, Pulses

WEB = ("apps/v1", "Deployment")
MAP = ("v1", "ConfigMap")


def judged(pulses: Pulses, at: float) -> tuple[str, str]:
    found = pulses.condition(at=at)
    return found.status, found.reason


ALIVE = ("True", "WatchesAlive")
SILENT = ("False", "WatchSilent")
SHUT = ("False", "WatchNotOpened")


def test_nothing_to_watch_is_no_trouble() -> None:
    assert judged(Pulses(silence=150), 1e6) == ALIVE


def test_a_watch_that_says_nothing_is_not_alive_until_it_speaks_again() -> None:
    pulses = Pulses(silence=150)
    pulses.opened(WEB, at=0)
    assert judged(pulses, 150) == ALIVE
    assert judged(pulses, 151) == SILENT
    pulses.heard(WEB, at=152)
    assert judged(pulses, 300) == ALIVE


def test_opening_a_silent_watch_again_gains_no_time() -> None:
    pulses = Pulses(silence=150)
    pulses.opened(WEB, at=0)
    pulses.opened(WEB, at=90)
    assert judged(pulses, 160) == SILENT


def test_a_watch_that_cannot_be_opened_is_not_alive_after_a_while() -> None:
    pulses = Pulses(silence=150)
    pulses.heard(MAP, at=0)
    pulses.heard(WEB, at=0)
    for at in range(10, 60, 10):
        pulses.failed(WEB, "refused", at=at)
        pulses.heard(MAP, at=at)
    assert judged(pulses, 10 + OPEN_WITHIN) == ALIVE
    assert judged(pulses, 11 + OPEN_WITHIN) == SHUT
    assert pulses.condition(at=60).message == "Deployment apps/v1: refused"
    pulses.opened(WEB, at=61)
    assert judged(pulses, 62) == ALIVE
    assert judged(pulses, 205) == SILENT


def test_a_kind_that_the_cluster_does_not_serve_is_not_waited_for() -> None:
    pulses = Pulses(silence=150)
    pulses.failed(WEB, "refused", at=0)
    pulses.absent(WEB)
    assert judged(pulses, 1e6) == ALIVE
