"""Where Argosy deliberately reads objects otherwise than Karmada: named rules, each a condition on what is asked.

With behaviour `karmada` none of them counts. With `argosy` answers may differ only where a rule applies;
`docs/differences-from-karmada.md` lists them for users.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Object = Mapping[str, Any]

GENERATION = "resourcetemplate.karmada.io/generation"
"""Karmada writes the template's generation on each copy; Argosy has stamps of its own."""

_ASKS_FOR_REPLICAS = {
    "Deployment": "replicas",
    "StatefulSet": "replicas",
    "ReplicaSet": "replicas",
    "ReplicationController": "replicas",
    "Job": "parallelism",
}
_CARRY_GENERATION = {"Deployment", "StatefulSet", "ReplicaSet", "DaemonSet"}
_SUMMED_BY_GENERATION = _CARRY_GENERATION | {
    "Bucket",
    "CloneSet",
    "GitRepository",
    "HelmChart",
    "HelmRelease",
    "HelmRepository",
    "Kustomization",
    "OCIRepository",
    "UnitedDeployment",
}
_KNOWN_HEALTH = _CARRY_GENERATION | {
    "Service",
    "Ingress",
    "PersistentVolumeClaim",
    "Pod",
    "PodDisruptionBudget",
}


@dataclass(frozen=True, slots=True)
class ReadingRule:
    """A difference from Karmada: what Argosy does, and why; `applies` tells where answers may differ.

    Attributes:
        applies: operation, by Karmada's name; object; what clusters report of it.
    """

    name: str
    argosy: str
    reason: str
    applies: Callable[[str, Object, Sequence[Object]], bool]


def _lacks_replicas(operation: str, manifest: Object, _: Sequence[Object]) -> bool:
    field = _ASKS_FOR_REPLICAS.get(str(manifest.get("kind")))
    return (
        operation in {"InterpretReplica", "ReviseReplica"}
        and field is not None
        and (manifest.get("spec") or {}).get(field) is None
    )


def _has_sidecars(operation: str, manifest: Object, _: Sequence[Object]) -> bool:
    pod = ((manifest.get("spec") or {}).get("template") or {}).get("spec") or manifest.get("spec") or {}
    containers = pod.get("initContainers") or ()
    return operation == "InterpretReplica" and any(one.get("restartPolicy") == "Always" for one in containers)


def _carries_no_generation(operation: str, manifest: Object, items: Sequence[Object]) -> bool:
    if operation == "AggregateStatus" and manifest.get("kind") in _SUMMED_BY_GENERATION:
        statuses = [item["status"] for item in items if item.get("status") is not None]
        return any("resourceTemplateGeneration" not in status for status in statuses)
    annotations = (manifest.get("metadata") or {}).get("annotations") or {}
    written = str(annotations.get(GENERATION, ""))
    return (
        operation == "ReflectStatus"
        and manifest.get("kind") in _CARRY_GENERATION
        and not written.removeprefix("-").isdecimal()
    )


READING: tuple[ReadingRule, ...] = (
    ReadingRule(
        name="unset-replicas-mean-one",
        argosy="a template that does not say how many replicas it wants asks for one, and gets a share like any other",
        reason="Karmada reads templates from an API server, which has written the default of one into them",
        applies=_lacks_replicas,
    ),
    ReadingRule(
        name="sidecars-run-beside",
        argosy="an init container that is always restarted counts beside the containers that start after it",
        reason="Karmada takes it for one that runs alone, so that replicas are sent where they do not fit",
        applies=_has_sidecars,
    ),
    ReadingRule(
        name="health-of-every-kind",
        argosy="Jobs, CronJobs, autoscalers and, by the conventions of their conditions, all other kinds have a health",
        reason="what Karmada has no rule for it calls healthy, a Job that has failed included",
        applies=lambda operation, manifest, _: (
            operation == "InterpretHealth" and manifest.get("kind") not in _KNOWN_HEALTH
        ),
    ),
    ReadingRule(
        name="no-generation-mark-needed",
        argosy=f"status is read from workloads without the annotation {GENERATION} too",
        reason="Karmada fails without it, and copies of Argosy do not carry it",
        applies=_carries_no_generation,
    ),
    ReadingRule(
        name="stateful-sets-are-observed",
        argosy="the observed generation of a StatefulSet is collected, and summed up as that of other workloads",
        reason="Karmada drops it, so that the sum never says that a change has been taken up",
        applies=lambda operation, manifest, _: (
            operation in {"ReflectStatus", "AggregateStatus"}
            and (manifest.get("apiVersion"), manifest.get("kind")) == ("apps/v1", "StatefulSet")
        ),
    ),
    ReadingRule(
        name="nothing-needed-is-no-error",
        argosy="an OpenKruise StatefulSet that needs nothing beside it has no dependencies",
        reason="Karmada's rule for it fails where there is nothing to name",
        applies=lambda operation, manifest, _: (
            operation == "InterpretDependency"
            and (manifest.get("apiVersion"), manifest.get("kind"))
            == ("apps.kruise.io/v1beta1", "StatefulSet")
        ),
    ),
    ReadingRule(
        name="ingress-without-secret",
        argosy="an entry of an Ingress's `tls` without a secret needs nothing",
        reason="it is valid, and asks for the controller's default certificate; Karmada fails on it",
        applies=lambda operation, manifest, _: (
            operation == "InterpretDependency"
            and manifest.get("kind") == "Ingress"
            and any(not one.get("secretName") for one in (manifest.get("spec") or {}).get("tls") or ())
        ),
    ),
)
