"""Rounds come from seeds alone, fit their time, and undo every fault."""

from __future__ import annotations

import pytest

from tests.chaos.invariants import cut_off
from tests.chaos.script import LASTS, MEMBERS, SCENARIOS, WORKERS, Script, Step, outages, script_of

SEEDS = range(400)
_UNDONE_BY = {
    "kill": {"revive"},
    "freeze": {"thaw"},
    "drop": {"connect"},
    "cut": {"connect"},
    "hold": {"resume"},
    "failover": {"recover"},
    "cordon": {"uncordon"},
    "narrow": {"widen"},
}


def test_a_seed_is_a_round() -> None:
    assert [script_of(seed) for seed in SEEDS] == [script_of(seed) for seed in SEEDS]
    assert len({str(script_of(seed)).partition(":")[2] for seed in SEEDS}) == len(SEEDS)


def test_every_scenario_comes_up() -> None:
    assert {script_of(seed).scenario for seed in SEEDS} == set(SCENARIOS)


@pytest.mark.parametrize("seed", SEEDS)
def test_everything_happens_in_time_to_parts_that_there_are_and_is_undone(seed: int) -> None:
    script = script_of(seed)
    parts = {*MEMBERS, *WORKERS[: script.workers], "temporal"}
    last: dict[tuple[str, str], str] = {}
    assert list(script.steps) == sorted(script.steps)
    for step in script.steps:
        assert 0 <= step.at <= LASTS
        if step.do in {"kill", "freeze", "drop", "cut", "revive", "thaw", "connect"}:
            assert step.what in parts
        for do, undo in _UNDONE_BY.items():
            if step.do == do or step.do in undo:
                last[step.what, do] = step.do
    assert all(ending in _UNDONE_BY[do] for (_, do), ending in last.items())


def test_when_parts_were_out() -> None:
    steps = (Step(1, "drop", "member1"), Step(2, "kill", "temporal"), Step(3, "connect", "member1"))
    script = Script(1, "a test", 1, {}, steps)
    assert outages(script) == {"member1": [(1, 3)], "temporal": [(2, float("inf"))]}


def test_only_most_members_together_are_cut_off() -> None:
    cut = [script_of(seed) for seed in SEEDS if cut_off(script_of(seed))]
    assert cut
    assert {script.scenario for script in cut} == {"the observer is cut off"}
    for script in cut:
        ((began, ended),) = cut_off(script)
        assert ended - began > 6
