from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.scheduling.grouping import Group, choose


def groups(text: str) -> list[Group]:
    """`R1 1/80, R2 4/40`: name, clusters and score."""
    return [
        Group(name, int(size), int(score))
        for name, numbers in (part.split() for part in text.split(", "))
        for size, score in (numbers.split("/"),)
    ]


@pytest.mark.parametrize(
    ("given_groups", "least", "most", "clusters", "expected"),
    [
        ("R1 1/80, R3 1/80, R2 1/60, R5 2/60, R4 5/50, R6 3/50", 1, 3, 10, "R5 R4 R6"),
        ("R1 1/80, R2 4/40, R3 1/30, R4 3/30, R5 3/20, R6 5/10", 2, 6, 5, "R1 R2"),
        ("R1 1/60, R2 1/50, R3 1/40, R4 3/30, R5 3/20, R6 3/10", 1, 3, 6, "R1 R4 R5"),
        ("R1 1/60, R2 2/50, R3 3/40, R4 4/30", 1, 2, 5, "R1 R4"),
        ("R4 1/60, R3 3/50, R1 3/40, R2 4/30", 1, 2, 5, "R3 R1"),
        ("R1 1/10, R2 1/10", 1, 2, 3, None),
        ("R1 1/10, R2 1/10", 3, 3, 1, None),
        ("R1 1/10", 1, 0, 0, None),
    ],
)
def test_choice(given_groups: str, least: int, most: int, clusters: int, expected: str | None) -> None:
    chosen = choose(groups(given_groups), least=least, most=most, clusters=clusters)
    assert (None if chosen is None else " ".join(group.name for group in chosen)) == expected


def enumerated(given_groups: list[Group], least: int, most: int, clusters: int) -> list[str] | None:
    """Karmada's way: all selections, ranked, and a prefix of the best preferred to it."""
    ordered = sorted(given_groups, key=lambda one: (one.clusters, -one.score, one.name))
    found: list[tuple[int, ...]] = []

    def search(path: tuple[int, ...], start: int) -> None:
        total = sum(ordered[i].clusters for i in path)
        if path and total >= clusters and least <= len(path) <= most:
            found.append(path)
        elif len(path) < most:
            for position in range(start, len(ordered)):
                search((*path, position), position + 1)

    search((), 0)
    if not found:
        return None
    ranked = sorted(
        found, key=lambda p: (-sum(ordered[i].score for i in p), -sum(ordered[i].clusters for i in p))
    )
    names = [
        [ordered[i].name for i in sorted(path, key=lambda i: (-ordered[i].score, ordered[i].name))]
        for path in ranked
    ]
    best = names[0]
    for other in names[1:]:
        if len(other) < len(best) and best[: len(other)] == other:
            best = other
    return best


@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(0, 5)), min_size=1, max_size=7),
    st.integers(1, 4),
    st.integers(0, 8),
    st.integers(0, 12),
)
def test_the_short_cut_finds_what_enumeration_finds(
    sizes: list[tuple[int, int]], least: int, most: int, clusters: int
) -> None:
    all_groups = [Group(f"R{index}", size, score * 10) for index, (size, score) in enumerate(sizes)]
    chosen = choose(all_groups, least=least, most=most, clusters=clusters)
    found = None if chosen is None else [group.name for group in chosen]
    assert found == enumerated(all_groups, least, most, clusters)


def test_many_groups_do_not_take_for_ever() -> None:
    many = [Group(f"R{index:03}", 1 + index % 7, index * 37 % 101) for index in range(200)]
    chosen = choose(many, least=40, most=100, clusters=120)
    assert chosen is not None
    assert len(chosen) >= 40
    assert sum(group.clusters for group in chosen) >= 120
