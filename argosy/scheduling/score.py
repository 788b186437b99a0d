"""Which clusters go first: those that hold the object already."""

from __future__ import annotations

LOCALITY = 100


def score(*, holding: bool) -> int:
    """The score of a cluster that passed the filters; staying is worth more than any room elsewhere."""
    return LOCALITY if holding else 0
