"""Replicas that a cluster took and finds no node for: which propagation they belong to, and how many.

Algorithm source: Karmada's descheduler.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from argosy.api.manifest import ResourceRef
from argosy.api.ownership import owner_of
from argosy.kube.capacity import workload_pod
from argosy.kube.connect import Member
from argosy.kube.read import get, pages
from argosy.scheduling.fitting import stuck

_PENDING = "status.phase=Pending"
_REVISION = "deployment.kubernetes.io/revision"

Owner = tuple[str, str]
"""(namespace, name)"""


async def stuck_replicas(
    member: Member, *, instance: str, older_than_seconds: float, now: datetime
) -> dict[str, int]:
    """Propagation -> replicas of its Deployment that have found no node for longer than a threshold.

    Only pods of a Deployment's newest revision count, and never so many that ready ones would be among them.

    Args:
        instance: of the installation whose copies are meant.

    Raises:
        ArgosyError: typed by what went wrong.
    """
    waiting: Counter[Owner] = Counter()
    async for page in pages(member, "/api/v1/pods", what="list pods", fields=_PENDING):
        for pod in page.items:
            owner = _controller(pod, "ReplicaSet")
            if owner and stuck([workload_pod(pod)], older_than_seconds=older_than_seconds, now=now):
                waiting[owner] += 1
    found: dict[str, int] = {}
    for owner, count in sorted(waiting.items()):
        propagation, most = await _deployment_of(member, owner, instance)
        if propagation and min(count, most) > 0:
            found[propagation] = min(count, most)
    return found


async def _deployment_of(member: Member, replica_set: Owner, instance: str) -> tuple[str, int]:
    """The propagation that a replica set's Deployment is a copy of, and how many of its replicas are not ready."""
    nothing = ("", 0)
    replicas = await get(member, _ref("ReplicaSet", replica_set))
    owner = _controller(replicas, "Deployment") if replicas else None
    deployment = await get(member, _ref("Deployment", owner)) if owner else None
    if replicas is None or deployment is None:
        return nothing
    stamp = owner_of(deployment["metadata"])
    newest = _annotation(replicas, _REVISION) == _annotation(deployment, _REVISION)
    if stamp is None or stamp.instance != instance or not newest:
        return nothing
    wanted = int((deployment.get("spec") or {}).get("replicas") or 0)
    ready = int((deployment.get("status") or {}).get("readyReplicas") or 0)
    return stamp.propagation, wanted - ready


def _controller(item: Mapping[str, Any], kind: str) -> Owner | None:
    metadata = item["metadata"]
    for owner in metadata.get("ownerReferences") or ():
        if owner.get("controller") and owner.get("kind") == kind and owner.get("apiVersion") == "apps/v1":
            return str(metadata.get("namespace") or ""), str(owner["name"])
    return None


def _ref(kind: str, owner: Owner) -> ResourceRef:
    return ResourceRef(api_version="apps/v1", kind=kind, namespace=owner[0], name=owner[1])


def _annotation(item: Mapping[str, Any], name: str) -> str:
    return str((item["metadata"].get("annotations") or {}).get(name, ""))
