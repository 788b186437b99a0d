"""From template to the manifest of one cluster, where interpreter and overrides meet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from argosy.api.cluster import Cluster
from argosy.api.manifest import digest
from argosy.api.override import AnyOverridePolicy
from argosy.api.plan import PlannedTarget
from argosy.errors import OverrideError
from argosy.interpreter.interpreted import Interpreted
from argosy.interpreter.registry import prune, revise_replicas
from argosy.overrides.render import apply_patches, difference, render, rules_for
from argosy.scheduling.request import Target


def base(template: dict[str, Any], *, replicas: int | None) -> dict[str, Any]:
    """The template without server-set fields, with this cluster's share of the replicas."""
    pruned = prune(template)
    return pruned if replicas is None else revise_replicas(pruned, replicas)


def rendered(
    template: dict[str, Any], *, replicas: int | None, patches: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """The manifest of one cluster, as a plan describes it; the template is not touched."""
    return apply_patches(base(template, replicas=replicas), patches)


def rendered_targets(
    template: Mapping[str, Any],
    shares: Iterable[Target],
    clusters: Mapping[str, Cluster],
    overrides: list[AnyOverridePolicy],
    known: Interpreted | None = None,
    labels: Mapping[str, Mapping[str, str]] | None = None,
) -> tuple[PlannedTarget, ...]:
    """What each cluster gets, as a difference from the template with its share of the replicas.

    Args:
        shares: clusters with their replicas.
        clusters: by name, with every one that has a share.
        known: what was found out about the template; None means by Argosy's own rules.
        labels: cluster -> labels that its copy is given, whatever overrides say.
    """
    bases: dict[int | None, dict[str, Any]] = {}
    made: dict[tuple[Any, ...], PlannedTarget] = {}
    targets = []
    for share in shares:
        if share.replicas not in bases:
            bases[share.replicas] = base(dict(template), replicas=share.replicas)
        # Most clusters of a large fleet get the same manifest.
        given = (labels or {}).get(share.name, {})
        key = (share.replicas, rules_for(clusters[share.name], overrides), tuple(sorted(given.items())))
        if key not in made:
            start = bases[share.replicas]
            # Applying renders by Argosy's own rules only; what a script makes of them is part of the difference.
            revised = (
                start if known is None or share.replicas is None else known.revised.get(share.replicas, start)
            )
            made[key] = _rendered_target(share, start, revised, clusters[share.name], overrides, given)
        targets.append(made[key].model_copy(update={"cluster": share.name}))
    return tuple(targets)


def _rendered_target(
    share: Target,
    start: dict[str, Any],
    revised: dict[str, Any],
    cluster: Cluster,
    overrides: list[AnyOverridePolicy],
    labels: Mapping[str, str],
) -> PlannedTarget:
    try:
        manifest, applied = render(revised, cluster, overrides) if overrides else (revised, ())
    except OverrideError as error:
        return PlannedTarget(cluster=share.name, replicas=share.replicas, error=str(error))
    if labels:
        metadata = manifest["metadata"]
        manifest = {
            **manifest,
            "metadata": {**metadata, "labels": {**(metadata.get("labels") or {}), **labels}},
        }
    return PlannedTarget(
        cluster=share.name,
        replicas=share.replicas,
        patches=difference(start, manifest) if manifest is not start else (),
        digest=digest(manifest),
        overrides=tuple(str(rule) for rule in applied),
    )
