"""Addresses that a cluster assigns: what Services and Ingresses report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from argosy.api.health import Assessment, ObjectHealth
from argosy.api.manifest import Manifest, canonical_json
from argosy.interpreter.kind import Item, Object
from argosy.interpreter.reading import entries, section, text


def addressed(manifest: Object) -> Assessment:
    """Healthy once there is an address or a host name."""
    addresses = [
        str(one.get("hostname") or one.get("ip"))
        for one in entries(manifest, "status", "loadBalancer", "ingress")
        if one.get("hostname") or one.get("ip")
    ]
    if addresses:
        return Assessment(health=ObjectHealth.HEALTHY, message=f"reached at {', '.join(addresses[:5])}")
    return Assessment(health=ObjectHealth.PROGRESSING, message="waiting for a load balancer's address")


def merged(manifest: Object, items: Sequence[Item]) -> Manifest:
    """All clusters' addresses, each once with all its ports; host names first, both in order."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for item in items:
        for one in entries(item, "status", "loadBalancer", "ingress"):
            key = (text(one, "hostname"), text(one, "ip"))
            known = found.setdefault(key, {**one, "ports": []})
            known["ports"] = [*known["ports"], *entries(one, "ports")]
    for one in found.values():
        unique = {canonical_json(port): port for port in one["ports"]}
        one["ports"] = sorted(unique.values(), key=lambda port: (port.get("port") or 0, str(port)))
        if not one["ports"]:
            del one["ports"]
    ordered = [found[key] for key in sorted(found, key=lambda key: (not key[0], key))]
    status = {**section(manifest, "status"), "loadBalancer": {"ingress": ordered}}
    return {**manifest, "status": status}
