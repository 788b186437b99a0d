"""Choosing groups of clusters, such as regions, so that together they satisfy a spread constraint.

Algorithm source: Karmada's search for feasible paths. Karmada enumerates them, which takes exponential time;
here the same answer is computed from partial sums.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Group(NamedTuple):
    """Clusters that share a region, zone or provider: how many, and how well they suit."""

    name: str
    clusters: int
    score: int


class _Path(NamedTuple):
    """Groups chosen so far, as positions in search order."""

    score: int
    clusters: int
    positions: tuple[int, ...]

    def beats(self, other: _Path | None) -> bool:
        """Higher score, then more clusters, then found earlier."""
        if other is None:
            return True
        if self[:2] != other[:2]:
            return self[:2] > other[:2]
        return self.positions < other.positions


def choose(groups: Sequence[Group], *, least: int, most: int, clusters: int) -> list[Group] | None:
    """The best `least` to `most` groups that have at least `clusters` clusters together.

    Groups are taken in the order of their size, and no more of them than it takes: a selection that satisfies
    the constraint is not extended. Among selections the highest total score wins, then the most clusters; but
    where the best-scoring part of the winner is a selection of its own, that smaller one is taken.

    Returns:
        The groups by falling score, or None where no selection satisfies the constraint.
    """
    least = max(least, 1)
    ordered = sorted(groups, key=lambda one: (one.clusters, -one.score, one.name))
    best = _best(ordered, least=least, most=most, clusters=clusters)
    if best is None:
        return None
    by_score = sorted(best.positions, key=lambda position: (-ordered[position].score, ordered[position].name))
    for length in range(1, len(by_score)):
        if _ends_here(ordered, sorted(by_score[:length]), least=least, most=most, clusters=clusters):
            return [ordered[position] for position in by_score[:length]]
    return [ordered[position] for position in by_score]


def _best(ordered: Sequence[Group], *, least: int, most: int, clusters: int) -> _Path | None:
    """The best selection: for each number of groups and clusters so far, only the best way there can win."""
    best: _Path | None = None
    countable = most if most < len(ordered) else least
    open_paths: dict[tuple[int, int], _Path] = {(0, 0): _Path(0, 0, ())}
    for position, group in enumerate(ordered):
        for (length, _), path in list(open_paths.items()):
            longer = _Path(
                path.score + group.score, path.clusters + group.clusters, (*path.positions, position)
            )
            if length + 1 >= least and longer.clusters >= clusters:
                if len(longer.positions) <= most and longer.beats(best):
                    best = longer
            elif len(longer.positions) < most:
                state = (min(length + 1, countable), min(longer.clusters, clusters))
                if longer.beats(open_paths.get(state)):
                    open_paths[state] = longer
    return best


def _ends_here(
    ordered: Sequence[Group], positions: Sequence[int], *, least: int, most: int, clusters: int
) -> bool:
    """Whether the search would stop exactly at these positions: they suffice, and without the last they do not."""
    total = sum(ordered[position].clusters for position in positions)
    suffices = least <= len(positions) <= most and total >= clusters
    shorter = total - ordered[positions[-1]].clusters
    return suffices and not (len(positions) - 1 >= least and shorter >= clusters)
