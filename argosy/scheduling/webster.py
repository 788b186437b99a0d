"""Dividing seats by weight: the Webster (Sainte-Laguë) method, as Karmada's dispenser does it."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from math import ceil

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
    granted = dict.fromkeys(sorted(weights), 0)
    shares = {name: float(weight) for name, weight in weights.items() if weight > 0}
    if not shares or seats <= 0:
        return granted
    granted |= _certain(seats, shares)
    names = sorted(shares, reverse=bool(tie_break) and fnv1a_32(tie_break) % 2 == 1)
    heap = [
        (-(shares[name] / (2 * granted[name] + 1)), granted[name], order, name)
        for order, name in enumerate(names)
    ]
    heapq.heapify(heap)
    for _ in range(seats - sum(granted.values())):
        _, held, order, name = heap[0]
        granted[name] = held + 1
        heapq.heapreplace(heap, (-(shares[name] / (2 * held + 3)), held + 1, order, name))
    return granted


def _certain(seats: int, shares: Mapping[str, float]) -> dict[str, int]:
    """Seats that are granted whatever the ties, at once: all whose quotient lies above a bound.

    The bound leaves at least as many seats to the tail as there are parties, and a party has at most one
    quotient within a rounding error of it: ties are therefore all settled in the tail, one by one.
    """
    parties = len(shares)
    tail = 3 * parties
    if seats <= tail:
        return {}
    bound = sum(shares.values()) / (2 * seats - tail)
    return {name: max(0, ceil((share / bound - 1) / 2)) for name, share in shares.items()}


def fnv1a_32(text: str) -> int:
    """The 32-bit FNV-1a hash of a text."""
    value = _FNV_OFFSET
    for byte in text.encode():
        value = ((value ^ byte) * _FNV_PRIME) & 0xFFFFFFFF
    return value
