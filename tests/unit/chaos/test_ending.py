"""A checker that cannot fail is worth nothing: every broken ending is found, and a whole one passes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.chaos.invariants import wrong_at_the_end
from tests.chaos.script import DIVIDED, DUPLICATED, LONE, MEMBERS, SETTINGS
from tests.chaos.world import Copy, Ending, Recorded, RecordedCopy, Wanted

DIVIDES, WHOLE, SINGLE, CONF, GONE = (f"ns/{name}" for name in ("web", "whole", "one", "conf", "gone"))


def copy(member: str, key: str, replicas: int | None, **changes: object) -> Copy:
    made = Copy(
        member=member,
        name=key.partition("/")[2],
        namespace="ns",
        propagation=f"propagation/{key}",
        revision=2,
        pass_number=3,
        version=4,
        replicas=replicas,
        ready=True,
    )
    return replace(made, **changes)  # type: ignore[arg-type] # fields by name


def recorded(copies: list[Copy]) -> Recorded:
    known = {
        one.member: RecordedCopy("Applied", one.revision, one.pass_number, one.replicas) for one in copies
    }
    return Recorded("Applied", copies=known)


def whole() -> Ending:
    """Version 4 of everything: six replicas divided, two everywhere, one somewhere, settings everywhere."""
    by_key = {
        DIVIDES: [copy(member, DIVIDES, 2) for member in MEMBERS],
        WHOLE: [copy(member, WHOLE, 2) for member in MEMBERS],
        SINGLE: [copy("member2", SINGLE, 1)],
        CONF: [copy(member, CONF, None) for member in MEMBERS],
    }
    four = frozenset({4})
    wanted = {
        DIVIDES: Wanted(DIVIDED, four),
        WHOLE: Wanted(DUPLICATED, four),
        SINGLE: Wanted(LONE, four),
        CONF: Wanted(SETTINGS, four),
        GONE: Wanted(SETTINGS, four, gone=True),
    }
    return Ending(
        wanted=wanted,
        records={key: recorded(copies) for key, copies in by_key.items()},
        claims={f"propagation/{key}": frozenset(one.member for one in c) for key, c in by_key.items()},
        copies=tuple(one for copies in by_key.values() for one in copies),
        clusters=dict.fromkeys(MEMBERS, "Ready"),
    )


def changed(ending: Ending, key: str, member: str, **changes: object) -> Ending:
    """Another object, of which the record knows nothing."""
    copies = tuple(
        replace(one, **changes) if (one.key, one.member) == (key, member) else one  # type: ignore[arg-type] # fields by name
        for one in ending.copies
    )
    return replace(ending, copies=copies)


def with_copies(ending: Ending, key: str, copies: list[Copy]) -> Ending:
    """Another placement, as it is on record too."""
    return replace(
        ending,
        copies=(*(one for one in ending.copies if one.key != key), *copies),
        records={**ending.records, key: recorded(copies)},
        claims={**ending.claims, f"propagation/{key}": frozenset(one.member for one in copies)},
    )


def without(ending: Ending, key: str, member: str) -> Ending:
    """An object that is not there, although the record says so."""
    kept = tuple(one for one in ending.copies if (one.key, one.member) != (key, member))
    return replace(ending, copies=kept)


def with_record(ending: Ending, key: str, record: Recorded) -> Ending:
    return replace(ending, records={**ending.records, key: record})


def wanting(ending: Ending, key: str, wanted: Wanted) -> Ending:
    return replace(ending, wanted={**ending.wanted, key: wanted})


def test_what_is_as_it_should_be_passes() -> None:
    assert wrong_at_the_end(whole()) == []


def test_what_nobody_answered_may_have_happened_or_not() -> None:
    ending = wanting(whole(), WHOLE, Wanted(DUPLICATED, frozenset({4, 5})))
    assert wrong_at_the_end(ending) == []
    assert wrong_at_the_end(wanting(whole(), WHOLE, Wanted(DUPLICATED, frozenset({4}), gone=None))) == []
    assert wrong_at_the_end(wanting(whole(), GONE, Wanted(SETTINGS, frozenset({4}), gone=None))) == []


def test_a_narrowed_policy_counts() -> None:
    fewer = Wanted(DIVIDED, frozenset({4}), clusters=frozenset({"member1", "member2"}))
    ending = wanting(whole(), DIVIDES, fewer)
    assert any("does not want it" in line for line in wrong_at_the_end(ending))
    copies = [copy("member1", DIVIDES, 3), copy("member2", DIVIDES, 3)]
    assert wrong_at_the_end(with_copies(ending, DIVIDES, copies)) == []


def test_what_is_divided_may_stay_away_from_a_member_that_has_failed() -> None:
    ending = with_copies(whole(), DIVIDES, [copy("member1", DIVIDES, 3), copy("member2", DIVIDES, 3)])
    away = frozenset({"member3"})
    ending = with_record(ending, DIVIDES, replace(ending.records[DIVIDES], left=away))
    assert "ns/web stays away from member3, which never failed" in wrong_at_the_end(ending)
    assert wrong_at_the_end(wanting(ending, DIVIDES, Wanted(DIVIDED, frozenset({4}), away=away))) == []


def test_what_is_whole_everywhere_stays_away_from_nothing() -> None:
    ending = with_copies(whole(), WHOLE, [copy(member, WHOLE, 2) for member in MEMBERS[:2]])
    ending = with_record(ending, WHOLE, replace(ending.records[WHOLE], left=frozenset({"member3"})))
    ending = wanting(ending, WHOLE, Wanted(DUPLICATED, frozenset({4}), away=frozenset({"member3"})))
    assert wrong_at_the_end(ending) == ["ns/whole is not in member3, where its policy wants it"]


BROKEN: dict[str, Callable[[Ending], Ending]] = {
    "member2 is NotReady": lambda e: replace(e, clusters={**e.clusters, "member2": "NotReady"}),
    "member3 is unknown": lambda e: replace(e, clusters={"member1": "Ready", "member2": "Ready"}),
    "member3 holds ns/lost, which propagation/ns/lost does not claim": lambda e: replace(
        e, copies=(*e.copies, copy("member3", "ns/lost", 1))
    ),
    "member1 holds ns/one, which the record does not name": lambda e: replace(
        e, copies=(*e.copies, copy("member1", SINGLE, 1))
    ),
    "member1 holds ns/web 0 times": lambda e: without(e, DIVIDES, "member1"),
    "member1 holds ns/web 2 times": lambda e: replace(e, copies=(*e.copies, e.copies[0])),
    "ns/web in member2 is from 1.3, the record says 2.3": lambda e: changed(
        e, DIVIDES, "member2", revision=1
    ),
    "ns/web in member2 is from 2.1, the record says 2.3": lambda e: changed(
        e, DIVIDES, "member2", pass_number=1
    ),
    "ns/web in member2 has 3 replicas, the record says 2": lambda e: changed(
        e, DIVIDES, "member2", replicas=3
    ),
    "ns/web has 7 replicas in all, not 6": lambda e: changed(e, DIVIDES, "member2", replicas=3),
    "ns/web is divided unevenly": lambda e: with_copies(
        e, DIVIDES, [copy("member1", DIVIDES, 4), *(copy(m, DIVIDES, 1) for m in MEMBERS[1:])]
    ),
    "ns/web is not in member3, where its policy wants it": lambda e: with_copies(
        e, DIVIDES, [copy("member1", DIVIDES, 3), copy("member2", DIVIDES, 3)]
    ),
    "ns/whole has other than 2 replicas somewhere": lambda e: with_copies(
        e, WHOLE, [copy("member1", WHOLE, 3), *(copy(m, WHOLE, 2) for m in MEMBERS[1:])]
    ),
    "ns/whole is not in member1": lambda e: with_copies(e, WHOLE, [copy(m, WHOLE, 2) for m in MEMBERS[1:]]),
    "ns/one has one replica, and is in member1, member2": lambda e: with_copies(
        e, SINGLE, [copy("member1", SINGLE, 1), copy("member2", SINGLE, 1)]
    ),
    "ns/conf is nowhere": lambda e: with_copies(e, CONF, []),
    "v3 in member1": lambda e: changed(e, CONF, "member1", version=3),
    "accepted was v5": lambda e: wanting(e, CONF, Wanted(SETTINGS, frozenset({5}))),
    "ns/conf was accepted, and has no propagation": lambda e: replace(
        e, records={key: record for key, record in e.records.items() if key != CONF}
    ),
    "ns/gone was deleted, and member1 holds it": lambda e: replace(
        e, copies=(*e.copies, copy("member1", GONE, None))
    ),
    "ns/gone was deleted, and its propagation is Applied": lambda e: with_record(
        e, GONE, Recorded("Applied")
    ),
    "ns/web is Failed, not Applied: no way": lambda e: with_record(
        e, DIVIDES, replace(e.records[DIVIDES], phase="Failed", message="no way")
    ),
    "member1 Evicting": lambda e: with_record(
        e,
        DIVIDES,
        replace(
            e.records[DIVIDES],
            copies={**e.records[DIVIDES].copies, "member1": RecordedCopy("Evicting", 2, 3, 2)},
        ),
    ),
}


@pytest.mark.parametrize("why", BROKEN)
def test_what_is_broken_is_found(why: str) -> None:
    found = wrong_at_the_end(BROKEN[why](whole()))
    assert any(why in line for line in found), found
