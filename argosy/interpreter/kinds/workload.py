"""What the controllers of `apps` have in common: replicas, generations, and sums of counters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from argosy.api.behaviour import Behaviour
from argosy.api.health import Assessment, ObjectHealth
from argosy.api.manifest import Manifest
from argosy.api.requirements import ReplicaRequirements
from argosy.errors import InterpreterError
from argosy.interpreter import requirements
from argosy.interpreter.behaviour import GENERATION
from argosy.interpreter.dependencies import Dependency, of_pod
from argosy.interpreter.kind import Item, Object, Replicas, Revise
from argosy.interpreter.reading import conditions, holds, integer, optional_integer, reason_of, section, text


def replicas_at(field: str = "replicas") -> Replicas:
    """Replicas from a field of the spec, with what the pod template says that each needs."""

    def replicas(manifest: Object, behaviour: Behaviour) -> tuple[int, ReplicaRequirements | None]:
        wanted = integer(manifest, "spec", field, default=1 if behaviour == "argosy" else 0)
        return wanted, pod_requirements(manifest, behaviour)

    return replicas


def revise_at(field: str = "replicas") -> Revise:
    """Another number in a field of the spec. Karmada leaves a template alone that does not have the field."""

    def revise(manifest: Object, replicas: int, behaviour: Behaviour) -> Manifest:
        spec = section(manifest, "spec")
        if behaviour == "karmada" and field not in spec:
            return dict(manifest)
        return {**manifest, "spec": {**spec, field: replicas}}

    return revise


def pod_requirements(manifest: Object, behaviour: Behaviour) -> ReplicaRequirements | None:
    """What the pod template asks for."""
    return requirements.of_pod(section(manifest, "spec", "template", "spec"), behaviour=behaviour)


def pod_dependencies(manifest: Object, _: Behaviour) -> tuple[Dependency, ...]:
    """What the pod template needs, each once."""
    pod = section(manifest, "spec", "template", "spec")
    return tuple(dict.fromkeys(of_pod(pod, text(manifest, "metadata", "namespace"))))


def reflected(manifest: Object, fields: Sequence[str], behaviour: Behaviour) -> dict[str, Any] | None:
    """The named fields of the status, with the generations by which sums tell whether they are up to date.

    Raises:
        InterpreterError: the status is no mapping; or, as in Karmada, the template's generation is not on the copy.
    """
    if "status" not in manifest:
        return None
    status = section(manifest, "status")
    kept = {name: status[name] for name in fields if name in status}
    kept["generation"] = integer(manifest, "metadata", "generation")
    written = text(manifest, "metadata", "annotations", GENERATION)
    if written.removeprefix("-").isdecimal() and written.isascii():
        kept["resourceTemplateGeneration"] = int(written)
    elif behaviour == "karmada":
        raise InterpreterError(f"annotation {GENERATION}: {written!r} is not a whole number; set it")
    return kept


def summed(
    manifest: Object, items: Sequence[Item], fields: Sequence[str], *, caught_up: int | None
) -> Manifest:
    """The template with a status of sums, and the generation that all clusters have caught up with.

    Args:
        caught_up: the generation to note; None keeps what was noted before.
    """
    before = section(manifest, "status")
    statuses = [section(item, "status") for item in items]
    status = {
        **before,
        **{name: sum(integer(one, name) for one in statuses) for name in fields},
    }
    if caught_up is not None:
        status["observedGeneration"] = caught_up
    return {**manifest, "status": status}


def generation_caught_up(
    manifest: Object,
    items: Sequence[Item],
    behaviour: Behaviour,
    *,
    at_least_own: bool = False,
    exactly: bool = False,
) -> int | None:
    """The template's generation if every cluster has taken it up, else None.

    Args:
        at_least_own: compare the copy's mark with the member's own generation, which is what Karmada does to
            StatefulSets.
        exactly: an observed generation beyond the object's own is none either.
    """
    generation = integer(manifest, "metadata", "generation")
    for item in items:
        status = section(item, "status")
        if "status" not in item or item["status"] is None:
            return None
        own = integer(status, "generation")
        mark = optional_integer(status, "resourceTemplateGeneration")
        observed = integer(status, "observedGeneration")
        if observed < own or (exactly and observed != own):
            return None
        # Copies of Argosy do not carry the mark.
        if mark is None and behaviour == "argosy":
            continue
        if (mark or 0) < (own if at_least_own else generation):
            return None
    return generation


def is_behind(manifest: Object) -> bool:
    """Whether the controller has not seen the last change."""
    return integer(manifest, "status", "observedGeneration") != integer(manifest, "metadata", "generation")


def unseen(*, desired: int | None = None) -> Assessment:
    """What is said while the controller has not seen the last change."""
    return Assessment(
        health=ObjectHealth.PROGRESSING,
        message="its controller has not seen the last change yet",
        desired=desired,
    )


def counted(
    ready: int, desired: int, state: str, *, health: ObjectHealth = ObjectHealth.HEALTHY
) -> Assessment:
    """`2 of 3 replicas are available`."""
    return Assessment(
        health=health, message=f"{ready} of {desired} replicas are {state}", ready=ready, desired=desired
    )


def rollout(manifest: Object, *, complete: bool) -> Assessment:
    """The health of a workload that replaces its pods gradually.

    Args:
        complete: the rollout has ended, so that what is not available has broken since.
    """
    wanted = optional_integer(manifest, "spec", "replicas")
    desired = 1 if wanted is None else wanted
    updated, available = (
        integer(manifest, "status", name) for name in ("updatedReplicas", "availableReplicas")
    )
    if is_behind(manifest):
        return unseen(desired=desired).model_copy(update={"ready": available})
    found = conditions(manifest)
    lacks = (wanted is not None and updated < wanted) or available < updated
    if lacks and (stalled := _stalled(found)):
        return Assessment(health=ObjectHealth.DEGRADED, message=stalled, ready=available, desired=desired)
    if wanted is not None and updated < wanted:
        return counted(updated, desired, "updated", health=ObjectHealth.PROGRESSING).model_copy(
            update={"ready": available}
        )
    if available < updated:
        health = ObjectHealth.DEGRADED if complete else ObjectHealth.PROGRESSING
        return counted(available, desired, "available", health=health)
    return counted(available, desired, "available")


def _stalled(found: Mapping[str, Object]) -> str:
    progressing = found.get("Progressing")
    if progressing is not None and progressing.get("status") == "False":
        return f"rollout stalled: {reason_of(progressing)}"
    if holds(found, "ReplicaFailure"):
        return f"pods cannot be made: {reason_of(found['ReplicaFailure'])}"
    return ""
