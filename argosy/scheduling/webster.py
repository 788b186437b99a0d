"""Dividing seats by weight: the Webster (Sainte-Laguë) method, as Karmada's dispenser does it."""

from __future__ import annotations

import heapq
from collections.abc import Mapping

_FNV_OFFSET = 0x811C9DC5
_FNV_PRIME = 0x01000193


def divide(seats: int, weights: Mapping[str, int], *, tie_break: str = "") -> dict[str, int]:
    """Seats per party, one by one to the largest `weight / (2 * seats + 1)`.

    Args:
        tie_break: UID of the template. Among equals, the party with fewer seats goes first, then the lexically
            smaller name, or the larger one where the 32-bit FNV-1a hash of the UID is odd.

    Returns:
        Seats by party, sorted by name; no party has any where all weights are zero.
    """
    if sum(weights.values()) == 0:
        return dict.fromkeys(sorted(weights), 0)
    names = sorted(weights, reverse=bool(tie_break) and fnv1a_32(tie_break) % 2 == 1)
    order = {name: position for position, name in enumerate(names)}
    granted = dict.fromkeys(sorted(weights), 0)
    heap = [(-float(weight), 0, order[name], name) for name, weight in weights.items() if weight > 0]
    heapq.heapify(heap)
    for _ in range(seats):
        _, held, position, name = heap[0]
        granted[name] = held + 1
        heapq.heapreplace(heap, (-(weights[name] / (2 * (held + 1) + 1)), held + 1, position, name))
    return granted


def fnv1a_32(text: str) -> int:
    """The 32-bit FNV-1a hash of a text."""
    value = _FNV_OFFSET
    for byte in text.encode():
        value = ((value ^ byte) * _FNV_PRIME) & 0xFFFFFFFF
    return value
