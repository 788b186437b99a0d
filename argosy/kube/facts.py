"""What a cluster is like: version, identity, APIs, nodes, resources; and whether it is well."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from typing import Any

from argosy.api.membership import ClusterFacts
from argosy.api.quantity import Quantity
from argosy.api.record import Record
from argosy.errors import Absent, ArgosyError, Forbidden
from argosy.kube.catalog import discover
from argosy.kube.connect import Member

PAGE = 500
_DONE = {"Succeeded", "Failed"}


class Probe(Record):
    """One look at a cluster; `latency` is in seconds."""

    ok: bool
    latency: float
    reason: str
    message: str = ""


class Collected(Record):
    """A cluster's facts and the full list of APIs it serves."""

    facts: ClusterFacts
    enablements: tuple[dict[str, Any], ...]


async def probe(member: Member, *, timeout: float) -> Probe:
    """Ask whether the API server is ready; servers without /readyz are asked for /healthz."""
    started = time.monotonic()
    try:
        status, text = await member.text("/readyz", what="probe", timeout=timeout)
        if status == 404:
            status, text = await member.text("/healthz", what="probe", timeout=timeout)
    except ArgosyError as error:
        return Probe(
            ok=False, latency=time.monotonic() - started, reason="ClusterNotReachable", message=str(error)
        )
    latency = time.monotonic() - started
    if status in {401, 403}:
        # It answers, and what it thinks of the credentials shows in every apply.
        return Probe(
            ok=True, latency=latency, reason="ClusterReady", message="answers, refuses the credentials"
        )
    if status != 200:
        brief = " ".join(text.split())[:200]
        return Probe(ok=False, latency=latency, reason="ClusterNotReady", message=f"{status}: {brief}")
    return Probe(ok=True, latency=latency, reason="ClusterReady")


async def collect(member: Member) -> Collected:
    """Read a cluster's facts; nodes and pods that may not be read are noted, not an error.

    Raises:
        ArgosyError: identity, version or APIs could not be read.
    """
    namespace = await member.request("GET", "/api/v1/namespaces/kube-system", what="read its identity")
    status, text = await member.text("/version", what="read its version")
    catalog = await discover(member)
    notes: list[str] = []
    nodes = await _listed(member, "/api/v1/nodes", notes)
    pods = await _listed(member, "/api/v1/pods", notes)
    return Collected(
        facts=ClusterFacts(
            uid=namespace["metadata"]["uid"],
            server=member.server,
            version=json.loads(text).get("gitVersion", "") if status == 200 else "",
            nodes=None if nodes is None else len(nodes),
            ready_nodes=None if nodes is None else sum(_is_ready(node) for node in nodes),
            resources=_resources(nodes or [], pods or []),
            enablements_digest=catalog.digest(),
            enablements_complete=catalog.complete,
            notes=tuple(notes),
        ),
        enablements=catalog.enablements(),
    )


async def _listed(member: Member, path: str, notes: list[str]) -> list[dict[str, Any]] | None:
    found: list[dict[str, Any]] = []
    query = {"limit": str(PAGE)}
    what = f"list {path.rpartition('/')[2]}"
    try:
        while True:
            page = await member.request("GET", path, what=what, query=query)
            found += page.get("items", [])
            token = page.get("metadata", {}).get("continue")
            if not token:
                return found
            query["continue"] = token
    except (Forbidden, Absent) as error:
        notes.append(str(error))
        return None


def _is_ready(node: Mapping[str, Any]) -> bool:
    conditions = node.get("status", {}).get("conditions") or ()
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)


def _resources(
    nodes: Iterable[Mapping[str, Any]], pods: Iterable[Mapping[str, Any]]
) -> dict[str, dict[str, str]]:
    """Allocatable of all nodes; requests of running pods (allocated) and of waiting ones (allocating)."""
    sums: dict[str, dict[str, Quantity]] = {"allocatable": {}, "allocated": {}, "allocating": {}}
    for node in nodes:
        _add(sums["allocatable"], (node.get("status") or {}).get("allocatable") or {})
    for pod in pods:
        if (pod.get("status") or {}).get("phase") in _DONE:
            continue
        spec = pod.get("spec") or {}
        into = sums["allocated"] if spec.get("nodeName") else sums["allocating"]
        _add(into, {"pods": "1"})
        for container in spec.get("containers") or ():
            _add(into, (container.get("resources") or {}).get("requests") or {})
    return {
        name: {resource: str(amount) for resource, amount in sorted(amounts.items())}
        for name, amounts in sums.items()
        if amounts
    }


def _add(into: dict[str, Quantity], amounts: Mapping[str, Any]) -> None:
    for resource, amount in amounts.items():
        quantity = Quantity(amount)
        into[resource] = into[resource] + quantity if resource in into else quantity
