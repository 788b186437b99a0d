"""Whose answer counts where Argosy's and Karmada's differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Behaviour = Literal["karmada", "argosy"]
"""`karmada` is followed exactly; `argosy` differs under the named rules of docs/differences-from-karmada.md."""

ANNOTATION = "argosy.dev/behaviour"
"""On a propagation policy: whose answer counts for what it places."""


def behaviour_of(annotations: Mapping[str, str], *, default: Behaviour = "argosy") -> Behaviour:
    """The behaviour that a policy's annotations ask for."""
    wish = annotations.get(ANNOTATION)
    return "karmada" if wish == "karmada" else "argosy" if wish == "argosy" else default
