"""What a cluster is like: version, identity, APIs, nodes, resources; and whether it is well."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from argosy.api.conditions import NOT_REACHABLE_MESSAGE, NOT_READY_MESSAGE, READY_MESSAGE
from argosy.api.membership import ClusterFacts
from argosy.api.record import Record
from argosy.errors import Absent, ArgosyError, Expired, Forbidden
from argosy.kube.connect import Member
from argosy.kube.discovery import discover
from argosy.kube.read import pages
from argosy.kube.resources import Amounts, add, as_text, pod_requests

# Pods that have ended hold nothing any more; the server leaves them out.
_RUNNING = "status.phase!=Succeeded,status.phase!=Failed"


class Probe(Record):
    """One look at a cluster; `latency` is in seconds."""

    ok: bool
    latency: float
    reason: str
    message: str = ""


class Collected(Record):
    """A cluster's facts and the full list of APIs it serves, in Karmada's shape."""

    facts: ClusterFacts
    enablements: tuple[dict[str, Any], ...]


async def probe(member: Member, *, timeout: float) -> Probe:
    """Ask whether the API server is ready; servers without /readyz are asked for /healthz.

    Args:
        timeout: seconds that each of the two questions may take.
    """
    started = time.monotonic()
    try:
        response = await member.send("GET", "/readyz", what="probe", accept="*/*", timeout=timeout)
        if response.status == 404:
            response = await member.send("GET", "/healthz", what="probe", accept="*/*", timeout=timeout)
    except ArgosyError as error:
        return Probe(
            ok=False,
            latency=time.monotonic() - started,
            reason="ClusterNotReachable",
            message=f"{NOT_REACHABLE_MESSAGE}: {error}",
        )
    latency = time.monotonic() - started
    if response.status in {401, 403}:
        # It works; what it thinks of the credentials shows in every apply, and moving workloads would not help.
        return Probe(
            ok=True, latency=latency, reason="ClusterReady", message="answers, refuses the credentials"
        )
    if response.status != 200:
        text = " ".join(response.body.decode("utf-8", "replace").split())[:200]
        return Probe(
            ok=False,
            latency=latency,
            reason="ClusterNotReady",
            message=f"{NOT_READY_MESSAGE}: {response.status}: {text}",
        )
    return Probe(ok=True, latency=latency, reason="ClusterReady", message=READY_MESSAGE)


async def collect(member: Member) -> Collected:
    """Read a cluster's facts; nodes and pods that may not be read are noted, not an error.

    Raises:
        ArgosyError: identity, version or APIs could not be read.
    """
    namespace = await member.request("GET", "/api/v1/namespaces/kube-system", what="read its identity")
    version = await member.request("GET", "/version", what="read its version")
    catalog = await discover(member)
    usage = await _usage(member)
    notes = (
        usage.notes if catalog.complete else [*usage.notes, f"{member.name}: an API group does not answer"]
    )
    return Collected(
        facts=ClusterFacts(
            uid=namespace["metadata"]["uid"],
            server=member.server,
            version=str(version.get("gitVersion", "")),
            nodes=usage.nodes,
            ready_nodes=usage.ready_nodes,
            resources=usage.summary(),
            enablements_digest=catalog.digest,
            enablements_complete=catalog.complete,
            notes=tuple(notes),
        ),
        enablements=catalog.enablements,
    )


@dataclass
class _Usage:
    """Running sums over nodes and pods; the numbers are None where they may not be read."""

    nodes: int | None = None
    ready_nodes: int | None = None
    allocatable: Amounts = field(default_factory=dict)
    allocated: Amounts = field(default_factory=dict)
    allocating: Amounts = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add_node(self, node: Mapping[str, Any]) -> None:
        status = node.get("status") or {}
        conditions = status.get("conditions") or ()
        ready = any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)
        self.nodes = (self.nodes or 0) + 1
        self.ready_nodes = (self.ready_nodes or 0) + ready
        add(self.allocatable, status.get("allocatable") or {})

    def add_pod(self, pod: Mapping[str, Any]) -> None:
        spec = pod.get("spec") or {}
        into = self.allocated if spec.get("nodeName") else self.allocating
        add(into, {"pods": "1"})
        add(into, pod_requests(spec))

    def summary(self) -> dict[str, dict[str, str]]:
        sums = {
            "allocatable": self.allocatable,
            "allocated": self.allocated,
            "allocating": self.allocating,
        }
        return {name: as_text(amounts.items()) for name, amounts in sums.items() if amounts}


async def _usage(member: Member) -> _Usage:
    # Page by page: a large cluster's pods are never all in memory at once.
    usage = _Usage()
    try:
        usage.nodes = usage.ready_nodes = 0
        async for page in pages(member, "/api/v1/nodes", what="list nodes"):
            for node in page.items:
                usage.add_node(node)
    except (Forbidden, Absent, Expired) as error:
        usage = _Usage(notes=[str(error)])
    try:
        async for page in pages(member, "/api/v1/pods", what="list pods", fields=_RUNNING):
            for pod in page.items:
                usage.add_pod(pod)
    except (Forbidden, Absent, Expired) as error:
        usage.notes.append(str(error))
        usage.allocated, usage.allocating = {}, {}
    return usage
