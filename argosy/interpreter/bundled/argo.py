"""Argo Workflows (`argoproj.io`)."""

from __future__ import annotations

from argosy.api.behaviour import Behaviour
from argosy.api.health import Assessment, ObjectHealth
from argosy.api.manifest import Manifest
from argosy.api.requirements import ReplicaRequirements
from argosy.interpreter import requirements
from argosy.interpreter.dependencies import Dependency, of_pod
from argosy.interpreter.kind import Kind, Object
from argosy.interpreter.reading import integer, section, text

_CLAIMS = ("nodeSelector", "tolerations", "affinity")


def _replicas(manifest: Object, behaviour: Behaviour) -> tuple[int, ReplicaRequirements | None]:
    spec = section(manifest, "spec")
    pod = {name: spec[name] for name in _CLAIMS if name in spec}
    return integer(spec, "parallelism", default=1), requirements.of_pod(pod, behaviour=behaviour)


def _revise(manifest: Object, replicas: int, _: Behaviour) -> Manifest:
    return {**manifest, "spec": {**section(manifest, "spec"), "parallelism": replicas}}


def _retain(desired: Object, observed: Object) -> Manifest:
    """Whether it is suspended, and how far it has come."""
    kept = dict(desired)
    suspend = section(observed, "spec").get("suspend")
    if suspend is not None:
        kept["spec"] = {**section(desired, "spec"), "suspend": suspend}
    if observed.get("status") is not None:
        kept["status"] = observed["status"]
    return kept


def _health(manifest: Object, _: Behaviour) -> Assessment:
    phase = text(manifest, "status", "phase")
    progress = text(manifest, "status", "progress")
    said = text(manifest, "status", "message")
    if phase in {"Failed", "Error"}:
        return Assessment(
            health=ObjectHealth.DEGRADED, message=": ".join(filter(None, (phase.lower(), said)))
        )
    if not phase:
        return Assessment(health=ObjectHealth.PROGRESSING, message="not started yet")
    message = f"{phase.lower()}, {progress} steps" if progress else phase.lower()
    return Assessment(health=ObjectHealth.HEALTHY, message=message)


def _dependencies(manifest: Object, _: Behaviour) -> tuple[Dependency, ...]:
    found = of_pod(section(manifest, "spec"), text(manifest, "metadata", "namespace"))
    return tuple(dict.fromkeys(found))


KINDS = (
    Kind(
        api_version="argoproj.io/v1alpha1",
        kind="Workflow",
        replicas=_replicas,
        revise=_revise,
        retain=_retain,
        retains=lambda desired: "suspend" in section(desired, "spec"),
        health=_health,
        dependencies=_dependencies,
    ),
)
