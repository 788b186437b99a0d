"""Operations by kind: what to leave out of a copy, how many replicas it asks for, how to give it another number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from argosy.api.behaviour import Behaviour
from argosy.api.health import Assessment
from argosy.api.requirements import ReplicaRequirements
from argosy.interpreter import prune as pruning
from argosy.interpreter import requirements
from argosy.interpreter.conventions import health_by_conventions

Manifest = dict[str, Any]

# Where each kind keeps its replicas; a missing number means the default of its API.
REPLICA_PATHS: Mapping[tuple[str, str], tuple[str, int]] = {
    ("apps", "Deployment"): ("replicas", 1),
    ("apps", "StatefulSet"): ("replicas", 1),
    ("apps", "ReplicaSet"): ("replicas", 1),
    ("", "ReplicationController"): ("replicas", 1),
    ("batch", "Job"): ("parallelism", 1),
}

# By kind alone, whatever the group, as Karmada does it.
_KIND_PRUNERS: Mapping[str, Callable[[Manifest], None]] = {
    "Deployment": pruning.deployment,
    "Job": pruning.job,
    "Service": pruning.service,
    "ServiceAccount": pruning.service_account,
    "Secret": pruning.secret,
    "PersistentVolumeClaim": pruning.persistent_volume_claim,
}


def prune(manifest: Mapping[str, Any]) -> Manifest:
    """A copy without what a server has set and what must not travel; the given one is not touched."""
    copy = pruning.common(manifest)
    special = _KIND_PRUNERS.get(str(manifest.get("kind")))
    if special is not None:
        special(copy)
    return copy


def replicas_of(manifest: Mapping[str, Any]) -> int | None:
    """The replicas that a template asks for, or None for kinds that have none."""
    path = REPLICA_PATHS.get(_kind_of(manifest))
    if path is None:
        return None
    field, default = path
    value = (manifest.get("spec") or {}).get(field)
    return default if value is None else int(value)


def requirements_of(
    manifest: Mapping[str, Any], *, behaviour: Behaviour = "argosy"
) -> ReplicaRequirements | None:
    """What one replica needs; None where the template says nothing, or its kind has no replicas."""
    if _kind_of(manifest) not in REPLICA_PATHS:
        return None
    template = (manifest.get("spec") or {}).get("template") or {}
    return requirements.of_pod(template.get("spec") or {}, behaviour=behaviour)


def revise_replicas(manifest: Mapping[str, Any], replicas: int) -> Manifest:
    """A copy that asks for `replicas`; kinds without replicas stay as they are."""
    path = REPLICA_PATHS.get(_kind_of(manifest))
    if path is None:
        return dict(manifest)
    return {**manifest, "spec": {**(manifest.get("spec") or {}), path[0]: replicas}}


def health_of(manifest: Mapping[str, Any]) -> Assessment:
    """How a live object fares."""
    return health_by_conventions(manifest)


def _kind_of(manifest: Mapping[str, Any]) -> tuple[str, str]:
    return str(manifest.get("apiVersion", "")).rpartition("/")[0], str(manifest.get("kind", ""))
