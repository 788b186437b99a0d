"""ReplicationControllers, which Karmada does not know; they are read as the ReplicaSets that followed them."""

from __future__ import annotations

from argosy.interpreter.kind import Kind
from argosy.interpreter.kinds.replica_set import health
from argosy.interpreter.kinds.workload import pod_dependencies, replicas_at, revise_at

KIND = Kind(
    api_version="v1",
    kind="ReplicationController",
    replicas=replicas_at(),
    revise=revise_at(),
    health=health,
    dependencies=pod_dependencies,
    added=frozenset({"replicas", "revise", "health", "dependencies"}),
)
