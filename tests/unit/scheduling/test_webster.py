from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.scheduling.webster import divide, fnv1a_32

ODD = "b"  # a UID whose hash is odd

WEIGHTS = st.dictionaries(st.text("abcdefgh", min_size=1, max_size=3), st.integers(0, 10**6), max_size=12)
UIDS = st.sampled_from(["", "a", "b", "5bc8fbbc-bde5-4099-8164-d8399f767c45"])


def one_by_one(seats: int, weights: dict[str, int], uid: str) -> dict[str, int]:
    """The definition itself, without any short cut."""
    granted = dict.fromkeys(weights, 0)
    names = sorted(weights, reverse=bool(uid) and fnv1a_32(uid) % 2 == 1)
    for _ in range(seats if any(weights.values()) else 0):
        winner = min(names, key=lambda name: (-(weights[name] / (2 * granted[name] + 1)), granted[name]))
        granted[winner] += 1
    return granted


@pytest.mark.parametrize(
    ("seats", "weights", "expected"),
    [
        (12, (3, 2, 1), (6, 4, 2)),
        (13, (3, 2, 1), (7, 4, 2)),
        (14, (3, 2, 1), (7, 5, 2)),
        (9, (1, 2), (3, 6)),
        (9, (1, 3), (2, 7)),
        (3, (1, 1), (2, 1)),
        (5, (1, 1, 1), (2, 2, 1)),
        (10, (1, 1, 1), (4, 3, 3)),
        (7, (2, 1, 1, 1), (3, 2, 1, 1)),
        (6, (2, 1, 1, 1), (3, 1, 1, 1)),
        (4, (1200, 900, 400), (2, 1, 1)),
        (8, (100, 80, 30, 20), (3, 3, 1, 1)),
        (5, (0, 0), (0, 0)),
        (0, (1, 2), (0, 0)),
    ],
)
def test_seats(seats: int, weights: tuple[int, ...], expected: tuple[int, ...]) -> None:
    granted = divide(seats, {f"m{i}": weight for i, weight in enumerate(weights, start=1)})
    assert tuple(granted.values()) == expected


@pytest.mark.parametrize(("uid", "expected"), [("", (2, 2, 1)), ("a", (2, 2, 1)), (ODD, (1, 2, 2))])
def test_the_uid_settles_ties(uid: str, expected: tuple[int, ...]) -> None:
    assert tuple(divide(5, {"m1": 1, "m2": 1, "m3": 1}, tie_break=uid).values()) == expected


@pytest.mark.parametrize(("text", "expected"), [("", 0x811C9DC5), ("a", 0xE40C292C), ("foobar", 0xBF9CF968)])
def test_hash(text: str, expected: int) -> None:
    assert fnv1a_32(text) == expected


@given(st.integers(0, 400), WEIGHTS, UIDS)
def test_granting_many_seats_at_once_changes_nothing(seats: int, weights: dict[str, int], uid: str) -> None:
    assert divide(seats, weights, tie_break=uid) == one_by_one(seats, weights, uid)


@given(st.integers(0, 400), st.integers(1, 12), UIDS)
def test_equal_weights_leave_nothing_to_the_short_cut(seats: int, parties: int, uid: str) -> None:
    weights = {f"m{i:02}": 7 for i in range(parties)}
    assert divide(seats, weights, tie_break=uid) == one_by_one(seats, weights, uid)


@given(st.integers(0, 2**31 - 1), WEIGHTS, UIDS)
def test_all_seats_are_granted_in_proportion(seats: int, weights: dict[str, int], uid: str) -> None:
    granted = divide(seats, weights, tie_break=uid)
    total = sum(weights.values())
    assert sum(granted.values()) == (seats if total else 0)
    for name, weight in weights.items():
        # Webster's method violates the quota only rarely, and never by as much as one seat a party.
        assert total == 0 or abs(granted[name] - Fraction(seats * weight, total)) <= len(weights)


@given(st.integers(0, 300), WEIGHTS, UIDS, st.randoms())
def test_the_order_of_parties_means_nothing(
    seats: int,
    weights: dict[str, int],
    uid: str,
    random: object,  # hypothesis' own generator
) -> None:
    names = list(weights)
    random.shuffle(names)  # type: ignore[attr-defined]  # st.randoms() gives a random.Random
    assert divide(seats, {name: weights[name] for name in names}, tie_break=uid) == divide(
        seats, weights, tie_break=uid
    )
