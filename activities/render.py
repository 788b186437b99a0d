"""From template to the manifest of one cluster, where interpreter and overrides meet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from argosy.interpreter.registry import prune, revise_replicas
from argosy.overrides.render import apply_patches


def base(template: dict[str, Any], *, replicas: int | None) -> dict[str, Any]:
    """The template without server-set fields, with this cluster's share of the replicas."""
    pruned = prune(template)
    return pruned if replicas is None else revise_replicas(pruned, replicas)


def rendered(
    template: dict[str, Any], *, replicas: int | None, patches: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """The manifest of one cluster, as a plan describes it; the template is not touched."""
    return apply_patches(base(template, replicas=replicas), patches)
