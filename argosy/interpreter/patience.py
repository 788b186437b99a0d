"""How patient a workload has to be with a cluster that fails: what two copies of it at once could break."""

from __future__ import annotations

from argosy.interpreter.kind import Object
from argosy.interpreter.reading import entries, section, text

_FREELY_MOVED = {("apps/v1", "Deployment"), ("apps/v1", "ReplicaSet")}


_POD_MAKERS = {"Pod", "DaemonSet", "Job", "CronJob"}


def runs_pods(template: Object, *, replicas: int | None) -> bool:
    """Whether the object runs something, rather than being there for others that do."""
    return replicas is not None or str(template.get("kind") or "") in _POD_MAKERS


def moves_freely(template: Object, *, replicas: int | None) -> bool:
    """Whether a second copy of the workload may be started while the first may still run.

    That is a Deployment of at least two replicas that is updated by rolling, and mounts no volume claim. A StatefulSet
    may have data, a single replica may be a single writer on purpose, and a Job would run twice.
    """
    kind = (str(template.get("apiVersion") or ""), str(template.get("kind") or ""))
    if kind not in _FREELY_MOVED or (replicas or 0) < 2:
        return False
    if text(template, "spec", "strategy", "type") == "Recreate":
        return False
    volumes = entries(template, "spec", "template", "spec", "volumes")
    return not any(
        section(volume, "persistentVolumeClaim") or section(volume, "ephemeral") for volume in volumes
    )
