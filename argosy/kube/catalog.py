"""Which kinds a cluster serves, and under which path: API discovery, cached per connection."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from weakref import WeakKeyDictionary

from argosy.api.manifest import ResourceRef
from argosy.errors import NotEstablished
from argosy.kube.connect import Member

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"
# A kind that is not served is asked for again at most this often.
REFRESH_EVERY = 0.5


@dataclass(frozen=True)
class Served:
    """One kind as a cluster serves it."""

    group_version: str
    kind: str
    plural: str
    namespaced: bool
    verbs: frozenset[str] = frozenset()

    def path(self, namespace: str | None, name: str | None = None) -> str:
        """The URL path of the collection, or of one object in it."""
        root = "/apis/" if "/" in self.group_version else "/api/"
        scope = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return f"{root}{self.group_version}{scope}/{self.plural}" + (f"/{name}" if name else "")


@dataclass(frozen=True)
class Catalog:
    """All kinds that a cluster serves; `complete` is False where a group did not answer."""

    served: Mapping[tuple[str, str], Served]
    complete: bool = True
    read_at: float = field(default_factory=time.monotonic)

    def enablements(self) -> tuple[dict[str, Any], ...]:
        """The list in Karmada's shape: group versions and their kinds, sorted."""
        groups: dict[str, list[dict[str, str]]] = {}
        for served in self.served.values():
            groups.setdefault(served.group_version, []).append({"name": served.plural, "kind": served.kind})
        return tuple(
            {"groupVersion": name, "resources": sorted(groups[name], key=lambda r: r["name"])}
            for name in sorted(groups)
        )

    def digest(self) -> str:
        """Of the enablements."""
        names = sorted(f"{version}/{kind}" for version, kind in self.served)
        return sha256("\n".join(names).encode()).hexdigest()[:16]


# Kinds that every API server has, so that a first apply needs no discovery.
_BUILT_IN = {
    ("apps/v1", "Deployment"): "deployments",
    ("apps/v1", "StatefulSet"): "statefulsets",
    ("apps/v1", "DaemonSet"): "daemonsets",
    ("batch/v1", "Job"): "jobs",
    ("batch/v1", "CronJob"): "cronjobs",
    ("v1", "ConfigMap"): "configmaps",
    ("v1", "Secret"): "secrets",
    ("v1", "Service"): "services",
    ("v1", "ServiceAccount"): "serviceaccounts",
}
_catalogs: WeakKeyDictionary[Member, Catalog] = WeakKeyDictionary()
_locks: WeakKeyDictionary[Member, asyncio.Lock] = WeakKeyDictionary()


async def served(member: Member, ref: ResourceRef) -> Served:
    """How the cluster serves the kind of `ref`; asks the cluster where it is not known.

    Raises:
        NotEstablished: the kind is not served (yet).
        ArgosyError: the cluster did not answer.
    """
    key = (ref.api_version, ref.kind)
    if key in _BUILT_IN:
        return Served(ref.api_version, ref.kind, _BUILT_IN[key], namespaced=True)
    known = _catalogs.get(member)
    if known is None or (key not in known.served and time.monotonic() - known.read_at > REFRESH_EVERY):
        known = await discover(member)
    found = known.served.get(key)
    if found is None:
        raise NotEstablished(
            f"{member.name}: kind {ref.kind} of {ref.api_version} is not served there yet; "
            "is its CRD installed or propagated?"
        )
    return found


async def discover(member: Member) -> Catalog:
    """Read the whole catalog from the cluster; concurrent callers share one reading."""
    lock = _locks.setdefault(member, asyncio.Lock())
    asked = time.monotonic()
    async with lock:
        known = _catalogs.get(member)
        if known is not None and known.read_at > asked:
            return known
        found: dict[tuple[str, str], Served] = {}
        complete = True
        for root in ("/api", "/apis"):
            listed = await member.request("GET", root, what="discover its APIs", accept=AGGREGATED)
            for group in listed.get("items", []):
                complete = _add_group(group, found) and complete
        catalog = Catalog(served=found, complete=complete)
        _catalogs[member] = catalog
        return catalog


def _add_group(group: Mapping[str, Any], found: dict[tuple[str, str], Served]) -> bool:
    name = (group.get("metadata") or {}).get("name") or ""
    fresh = True
    for version in group.get("versions", []):
        group_version = f"{name}/{version['version']}" if name else version["version"]
        fresh = fresh and version.get("freshness", "Current") == "Current"
        for resource in version.get("resources", []):
            kind = (resource.get("responseKind") or {}).get("kind")
            if kind:
                found[group_version, kind] = Served(
                    group_version=group_version,
                    kind=kind,
                    plural=resource["resource"],
                    namespaced=resource.get("scope") == "Namespaced",
                    verbs=frozenset(resource.get("verbs", ())),
                )
    return fresh
