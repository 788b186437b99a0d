"""What nodes offer and pods ask for, summed exactly."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from argosy.api.quantity import Quantity

Amounts = dict[str, Quantity]

# In billionths, the unit of `Quantity.nanos`.
_GRAIN = 10**9
_CPU_GRAIN = 10**6


def add(into: Amounts, amounts: Mapping[str, Any]) -> None:
    """Add quantities, by resource name, to a running sum."""
    for name, amount in amounts.items():
        quantity = Quantity(amount)
        into[name] = into[name] + quantity if name in into else quantity


def pod_requests(spec: Mapping[str, Any]) -> Amounts:
    """What a scheduler reserves for a pod.

    Containers and sidecars run together. Init containers run before them, one after the other, each beside the
    sidecars that were started before it; so the larger of the two counts, and the pod's overhead comes on top.
    Requests of the pod as a whole replace the sum for the resources that they name.
    """
    together: Amounts = {}
    peak: Amounts = {}
    for container in spec.get("initContainers") or ():
        if container.get("restartPolicy") == "Always":
            add(together, _requests(container))
            _raise(peak, together)
        else:
            alone = dict(together)
            add(alone, _requests(container))
            _raise(peak, alone)
    for container in spec.get("containers") or ():
        add(together, _requests(container))
    _raise(together, peak)
    for name, amount in _requests(spec).items():
        together[name] = Quantity(amount)
    add(together, spec.get("overhead") or {})
    return together


def booked(amounts: Amounts) -> Amounts:
    """Amounts as a scheduler books them: CPU rounded up to thousandths, all else to whole units."""
    return {
        name: _rounded_up(amount, _CPU_GRAIN if name == "cpu" else _GRAIN) for name, amount in amounts.items()
    }


def as_text(amounts: Iterable[tuple[str, Quantity]]) -> dict[str, str]:
    """Quantities in their canonical form, sorted by name."""
    return {name: str(amount) for name, amount in sorted(amounts)}


def _requests(holder: Mapping[str, Any]) -> Mapping[str, Any]:
    requests: Mapping[str, Any] = (holder.get("resources") or {}).get("requests") or {}
    return requests


def _rounded_up(amount: Quantity, grain: int) -> Quantity:
    missing = -amount.nanos % grain
    return amount + Quantity(f"{missing}n") if missing else amount


def _raise(to: Amounts, least: Amounts) -> None:
    for name, amount in least.items():
        if name not in to or to[name] < amount:
            to[name] = amount
