"""Which kinds a cluster serves, and under which path: what API discovery says, as data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from argosy.api.manifest import ResourceRef
from argosy.errors import InvalidInput

Key = tuple[str, str]
"""(apiVersion, kind)"""


@dataclass(frozen=True)
class Served:
    """One kind as a cluster serves it."""

    group_version: str
    kind: str
    plural: str
    namespaced: bool
    verbs: frozenset[str] = frozenset()
    words: tuple[str, ...] = ()
    """Its singular and its short names, where the cluster says them."""

    @property
    def group(self) -> str:
        """The API group, empty for the core group."""
        return self.group_version.rpartition("/")[0]

    def collection(self, namespace: str | None = None) -> str:
        """The URL path of all objects of the kind, or of those in a namespace."""
        root = "/apis/" if "/" in self.group_version else "/api/"
        scope = f"/namespaces/{quote(namespace, safe='')}" if self.namespaced and namespace else ""
        return f"{root}{self.group_version}{scope}/{self.plural}"

    def path(self, ref: ResourceRef) -> str:
        """The URL path of one object.

        Raises:
            InvalidInput: the kind is namespaced and the reference names no namespace.
        """
        if self.namespaced and not ref.namespace:
            raise InvalidInput(f"{ref}: {ref.kind} lives in a namespace; set metadata.namespace")
        return f"{self.collection(ref.namespace)}/{quote(ref.name, safe=':')}"


@dataclass(frozen=True)
class Listing:
    """The answer of one discovery document; `complete` is False where a group did not answer.

    Attributes:
        etag: with it, the server says in a word that nothing has changed.
    """

    served: tuple[Served, ...]
    complete: bool = True
    etag: str = ""


@dataclass(frozen=True)
class Catalog:
    """All kinds that a cluster serves, by discovery document.

    Attributes:
        read_at: on the monotonic clock, in seconds.
    """

    listings: Mapping[str, Listing]
    read_at: float

    @property
    def complete(self) -> bool:
        """Whether every group has answered; what is missing from an incomplete list may well be served."""
        return all(listing.complete for listing in self.listings.values())

    @cached_property
    def served(self) -> Mapping[Key, Served]:
        """By apiVersion and kind; where several resources have the same kind, the one that can be applied."""
        found: dict[Key, Served] = {}
        for entry in self._all():
            key = (entry.group_version, entry.kind)
            if key not in found or ("patch" in entry.verbs and "patch" not in found[key].verbs):
                found[key] = entry
        return found

    def preferred(self) -> list[Served]:
        """One version of each resource: the one that its group names first."""
        found: dict[tuple[str, str], Served] = {}
        for entry in self._all():
            found.setdefault((entry.group, entry.plural), entry)
        return list(found.values())

    @cached_property
    def enablements(self) -> tuple[dict[str, Any], ...]:
        """The list in Karmada's shape: group versions and their resources, sorted."""
        groups: dict[str, list[dict[str, str]]] = {}
        for entry in self._all():
            groups.setdefault(entry.group_version, []).append({"name": entry.plural, "kind": entry.kind})
        return tuple(
            {"groupVersion": name, "resources": sorted(groups[name], key=lambda r: r["name"])}
            for name in sorted(groups)
        )

    @cached_property
    def digest(self) -> str:
        """Of the enablements, and of whether they are all."""
        lines = sorted(f"{entry.group_version}/{entry.plural}/{entry.kind}" for entry in self._all())
        return sha256("\n".join([str(self.complete), *lines]).encode()).hexdigest()[:16]

    def _all(self) -> Iterable[Served]:
        return (entry for listing in self.listings.values() for entry in listing.served)


def aggregated(document: Mapping[str, Any], *, etag: str = "") -> Listing:
    """Read an APIGroupDiscoveryList (apidiscovery.k8s.io v2 or v2beta1)."""
    served: list[Served] = []
    complete = True
    for group in document.get("items") or ():
        name = (group.get("metadata") or {}).get("name") or ""
        for version in group.get("versions") or ():
            group_version = f"{name}/{version['version']}" if name else version["version"]
            # A stale group is listed as it was, or empty, because its own server does not answer.
            complete = complete and version.get("freshness", "Current") == "Current"
            served += [
                Served(
                    group_version=group_version,
                    kind=resource["responseKind"]["kind"],
                    plural=resource["resource"],
                    namespaced=resource.get("scope") == "Namespaced",
                    verbs=frozenset(resource.get("verbs") or ()),
                    words=_words(resource.get("singularResource"), resource),
                )
                for resource in version.get("resources") or ()
                if (resource.get("responseKind") or {}).get("kind")
            ]
    return Listing(served=tuple(served), complete=complete, etag=etag)


def unaggregated(document: Mapping[str, Any]) -> list[Served]:
    """Read an APIResourceList, the discovery document of one group version; subresources are left out."""
    return [
        Served(
            group_version=document["groupVersion"],
            kind=resource["kind"],
            plural=resource["name"],
            namespaced=bool(resource.get("namespaced")),
            verbs=frozenset(resource.get("verbs") or ()),
            words=_words(resource.get("singularName"), resource),
        )
        for resource in document.get("resources") or ()
        if "/" not in resource["name"]
    ]


def _words(singular: str | None, resource: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(word for word in (singular, *(resource.get("shortNames") or ())) if word)


def group_versions(document: Mapping[str, Any]) -> list[str]:
    """The group versions named by an APIVersions or APIGroupList, each group's preferred one first."""
    if document.get("kind") == "APIVersions":
        return list(document.get("versions") or ())
    names: list[str] = []
    for group in document.get("groups") or ():
        versions = [version["groupVersion"] for version in group.get("versions") or ()]
        first = (group.get("preferredVersion") or {}).get("groupVersion")
        names += sorted(versions, key=lambda version: version != first)
    return names
