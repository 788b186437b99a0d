"""What must never happen on the way is found in what the members saw."""

from __future__ import annotations

from typing import Any

from tests.chaos.invariants import AFTERMATH, wrong_throughout
from tests.chaos.round import expected
from tests.chaos.script import CUT_OFF, DIVIDED, DUPLICATED, LONE, MEMBERS, STEERED, Script, Step
from tests.chaos.world import Act, Event, Wanted, replicas_of
from tests.unit.chaos.test_ending import copy

WEB, ONE = "ns/web", "ns/one"
DEAD = Script(1, "a member dies", 1, {}, (Step(1, "kill", "member3"), Step(12, "revive", "member3")))
CUT = Script(
    1,
    CUT_OFF,
    1,
    {},
    (
        *(Step(1, "drop", member) for member in MEMBERS[:2]),
        *(Step(12, "connect", member) for member in MEMBERS[:2]),
    ),
)
STEERS = Script(1, STEERED, 1, {}, ())


def event(
    at: float, kind: Any, member: str, key: str = WEB, replicas: int | None = 2, **changes: Any
) -> Event:
    return Event(at, kind, copy(member, key, replicas, **changes))


def there(key: str = WEB, replicas: int = 2, members: tuple[str, ...] = MEMBERS) -> list[Event]:
    return [event(-5, "ADDED", member, key, replicas) for member in members]


def judge(
    script: Script, events: list[Event], acts: list[Act] | None = None, *, kind: str = DIVIDED, key: str = WEB
) -> list[str]:
    before = [Act(-20, "submit", key, "4", -19.9)]
    return wrong_throughout(script, {key: kind}, [*before, *(acts or [])], events)


# -- deletions ------------------------------------------------------------------------------------------------


def test_a_copy_goes_when_the_others_have_everything_and_are_ready() -> None:
    moved = [event(9, "MODIFIED", member, replicas=3) for member in MEMBERS[:2]]
    assert judge(DEAD, [*there(), *moved, event(13, "DELETED", "member3")]) == []


def test_a_copy_that_goes_before_the_others_have_everything() -> None:
    (found,) = judge(DEAD, [*there(), event(13, "DELETED", "member3")])
    assert "ready copies elsewhere had 4 of 6 replicas" in found


def test_a_copy_that_was_away_for_long_goes_when_the_others_have_what_is_wanted_by_now() -> None:
    fewer = min(range(5, 9), key=lambda version: replicas_of(DIVIDED, version) or 0)
    assert (replicas_of(DIVIDED, fewer) or 0) <= 4 < (replicas_of(DIVIDED, 4) or 0)
    update = Act(2, "update", WEB, str(fewer), 2.1)
    moved = [event(9, "MODIFIED", member, replicas=2, version=fewer) for member in MEMBERS[:2]]
    assert judge(DEAD, [*there(), *moved, event(40, "DELETED", "member3")], [update]) == []


def test_a_copy_that_goes_before_the_others_are_ready() -> None:
    events = [event(-5, "ADDED", member, replicas=3, ready=False) for member in MEMBERS]
    (found,) = judge(DEAD, [*events, event(13, "DELETED", "member3", replicas=3)])
    assert "while no other copy was ready" in found


def test_the_last_copy() -> None:
    events = there(ONE, 1, ("member3",))
    (found,) = judge(DEAD, [*events, event(13, "DELETED", "member3", ONE, 1)], kind=LONE, key=ONE)
    assert "the last copy" in found


def test_a_loss_that_only_a_list_shows_counts_too() -> None:
    assert judge(DEAD, [*there(), event(13, "missed", "member3")])


def test_what_was_ready_a_moment_ago_may_be_relied_upon_but_not_for_long() -> None:
    moved = [event(9, "MODIFIED", member, replicas=3) for member in MEMBERS[:2]]
    ill = [event(12.5, "MODIFIED", member, replicas=3, ready=False) for member in MEMBERS[:2]]
    assert judge(DEAD, [*there(), *moved, *ill, event(13, "DELETED", "member3")]) == []
    assert judge(DEAD, [*there(), *moved, *ill, event(30, "DELETED", "member3")])


def test_a_member_that_has_been_dead_for_long_is_no_replacement() -> None:
    events = [event(-5, "ADDED", member, replicas=6) for member in ("member1", "member3")]
    script = Script(1, "a member dies", 1, {}, (Step(1, "kill", "member3"),))
    assert judge(script, [*events, event(2, "DELETED", "member1", replicas=6)]) == []
    (found,) = judge(script, [*events, event(20, "DELETED", "member1", replicas=6)])
    assert "that can be reached" in found


def test_what_users_delete_may_go() -> None:
    acts = [Act(5, "delete", WEB, "", 5.2)]
    gone = [event(6, "DELETED", member) for member in MEMBERS]
    assert judge(DEAD, [*there(), *gone], acts) == []
    assert judge(DEAD, [*there(), *gone], [Act(7, "delete", WEB, "", 7.2)])


def test_a_policy_may_take_a_copy_away_before_the_others_are_ready_but_not_before_they_are_there() -> None:
    acts = [Act(5, "narrow", DIVIDED, "member3", 5.2)]
    full = [event(6, "MODIFIED", member, replicas=3, ready=False) for member in MEMBERS[:2]]
    assert judge(STEERS, [*there(), *full, event(7, "DELETED", "member3")], acts) == []
    assert judge(STEERS, [*there(), event(7, "DELETED", "member3")], acts)


def test_a_whole_copy_stays_where_its_cluster_comes_back() -> None:
    events = [*there(), event(13, "DELETED", "member3")]
    (found,) = judge(DEAD, events, kind=DUPLICATED)
    assert "nobody had taken its share over" in found
    assert judge(STEERS, events, [Act(2, "failover", "member3", "--now", 3)], kind=DUPLICATED) == []


# -- cut off, held, single ---------------------------------------------------------------------------------------


def test_nothing_moves_while_most_members_are_cut_off_or_just_back() -> None:
    assert judge(CUT, [*there(), event(10, "MODIFIED", "member3", replicas=6)])
    assert judge(CUT, [*there(), event(12 + AFTERMATH - 1, "MODIFIED", "member3", replicas=6)])
    assert judge(CUT, [*there(), event(12 + AFTERMATH + 1, "MODIFIED", "member3", replicas=6)]) == []
    assert judge(CUT, [*there(WEB, 3, MEMBERS[:2]), event(10, "ADDED", "member3", replicas=6)])
    assert judge(CUT, [*there(replicas=6), event(10, "DELETED", "member3", replicas=6)])


def test_new_versions_come_through_to_who_is_not_cut_off() -> None:
    acts = [Act(9, "update", WEB, "5", 9.2)]
    assert judge(CUT, [*there(), event(10, "MODIFIED", "member3", replicas=3, version=5)], acts) == []
    assert judge(CUT, [*there(), event(10, "MODIFIED", "member3", ready=False)]) == []


def test_what_is_submitted_again_amid_a_cut_is_divided_again_when_more_members_are_there() -> None:
    fresh = [event(8, "ADDED", "member3", replicas=6, version=5), event(10, "MODIFIED", "member3", version=5)]
    again = [Act(3, "delete", WEB, "", 4), Act(7, "update", WEB, "5", 8)]
    gone = [event(4, "DELETED", member) for member in MEMBERS]
    assert judge(CUT, [*there(), *gone, *fresh], again) == []
    assert judge(CUT, [*there(), *gone, *fresh], again[1:])


def test_nothing_moves_from_a_member_that_is_held() -> None:
    held = [Act(1, "hold", "member1", "", 2), Act(6, "resume", "member1", "", 7)]
    full = [*there(replicas=6)]
    assert judge(STEERS, [*full, event(5, "DELETED", "member1", replicas=6)], held)
    assert judge(STEERS, [*full, event(5, "MODIFIED", "member1", replicas=3)], held)
    assert judge(STEERS, [*full, event(7, "DELETED", "member1", replicas=6)], held) == []
    assert judge(STEERS, [*full, event(1.5, "DELETED", "member1", replicas=6)], held) == []
    assert judge(STEERS, [*full, event(5, "DELETED", "member2", replicas=6)], held) == []


def test_nothing_moves_of_a_template_that_is_held_unless_that_had_begun() -> None:
    kept = [Act(1, "keep", WEB, "", 2), Act(6, "free", WEB, "", 7)]
    moved = [*there(replicas=6), event(5, "DELETED", "member1", replicas=6)]
    assert judge(STEERS, moved, kept)
    assert judge(STEERS, moved, [Act(1.5, "failover", "member1", "--now", 1.8), *kept]) == []
    assert judge(STEERS, moved, [*kept, Act(3, "failover", "member1", "--now", 3.5)])


def test_one_template_that_a_person_moves_goes_and_others_stay() -> None:
    goes = [*there(), event(9, "DELETED", "member1")]
    assert judge(STEERS, goes, [Act(8, "move", WEB, "member1", 8.5)], kind=DUPLICATED) == []
    assert judge(STEERS, goes, [Act(8, "move", "ns/other", "member1", 8.5)], kind=DUPLICATED)
    assert judge(STEERS, goes, [Act(8, "move", WEB, "member2", 8.5)], kind=DUPLICATED)
    moves = [*there(ONE, 1, ("member1",)), event(9, "ADDED", "member2", ONE, 1)]
    assert judge(STEERS, moves, [Act(8, "move", ONE, "member1", 8.5)], kind=LONE, key=ONE) == []


def test_a_slow_machine_has_more_time() -> None:
    events = [
        *(event(-5, "ADDED", member, replicas=6) for member in MEMBERS[:2]),
        *(event(0, "MODIFIED", member, replicas=6, ready=False) for member in MEMBERS[1:2]),
        event(9, "DELETED", "member1", replicas=6),
    ]
    kinds = {WEB: DIVIDED}
    assert wrong_throughout(STEERS, kinds, [], events)
    assert wrong_throughout(STEERS, kinds, [], events, lag=10) == []


def test_a_single_replica_is_nowhere_else_unless_a_person_wants_it_moved_now() -> None:
    events = [*there(ONE, 1, ("member1",)), event(9, "ADDED", "member2", ONE, 1)]
    (found,) = judge(STEERS, events, kind=LONE, key=ONE)
    assert "a single replica is in member1 too" in found
    now = [Act(8, "failover", "member1", "--now", 8.5)]
    assert judge(STEERS, events, now, kind=LONE, key=ONE) == []
    patiently = [Act(8, "failover", "member1", "", 8.5)]
    assert judge(STEERS, events, patiently, kind=LONE, key=ONE)


# -- what users may expect ---------------------------------------------------------------------------------------


def test_the_last_answered_version_counts_and_what_came_after_it_may() -> None:
    kinds = {WEB: DIVIDED}

    def wanted(*acts: Act) -> Wanted:
        return expected(kinds, list(acts))[WEB]

    first, second = Act(0, "submit", WEB, "1", 0.1), Act(1, "update", WEB, "2", 1.1)
    lost, gone = Act(2, "update", WEB, "3"), Act(3, "delete", WEB, "", 3.1)
    assert wanted(first, second).versions == {2}
    assert wanted(first, lost).versions == {1, 3}
    assert wanted(first, lost, second).versions == {2}
    assert wanted(first, gone).gone is True
    assert wanted(first, Act(3, "delete", WEB, "")).gone is None
    assert wanted(first, gone, second) == Wanted(DIVIDED, frozenset({2}), gone=False)
    assert wanted(first, Act(2, "narrow", DIVIDED, "member1", 2.1)).clusters == {"member2", "member3"}
    assert expected(kinds, []) == {}


def test_a_template_may_stay_away_from_what_has_failed_or_was_left_by_a_persons_wish() -> None:
    def away(*acts: Act) -> frozenset[str]:
        submitted = Act(0, "submit", WEB, "1", 0.1)
        return expected({WEB: DIVIDED}, [submitted, *acts], failed=frozenset({"member1"}))[WEB].away

    asked = Act(1, "failover", "member2", "--now", 1.5)
    moved, other = Act(2, "move", WEB, "member3", 2.5), Act(2, "move", "ns/other", "member3", 2.5)
    assert away() == {"member1"}
    assert away(asked, other) == {"member1", "member2"}
    assert away(asked, moved) == set(MEMBERS)
    assert away(asked, Act(3, "recover", "member2", "", 4)) == {"member1"}
    assert away(asked, Act(3, "recover", "member2")) == {"member1", "member2"}
    assert away(moved, Act(3, "return", WEB, "member3", 4)) == {"member1"}
