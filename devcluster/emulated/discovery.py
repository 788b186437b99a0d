"""The discovery documents, the same for every emulated cluster."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from hashlib import sha512
from typing import Any

from devcluster.build import KUBERNETES
from devcluster.emulated.schema import Kind, kinds

VERSION = f"v{KUBERNETES.lstrip('v')}-emulated"
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_VERBS = ["create", "delete", "get", "list", "patch", "watch"]


@dataclass(frozen=True)
class Document:
    """A document as it is sent."""

    body: bytes
    content_type: str = "application/json"
    etag: str = ""


@cache
def version() -> Document:
    """/version, which says that the server is emulated."""
    minor = VERSION.split(".")[1]
    return _document({"major": "1", "minor": minor, "gitVersion": VERSION, "platform": "emulated"})


@cache
def aggregated(root: str) -> Document:
    """Everything below /api or /apis."""
    items = [
        {"metadata": {"name": group} if group else {}, "versions": [_version_of(list(found))]}
        for group, found in _by_group(root).items()
    ]
    document = {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": items,
    }
    body = json.dumps(document).encode()
    return Document(body, AGGREGATED, f'"{sha512(body).hexdigest().upper()}"')


@cache
def root(path: str) -> Document:
    """/api or /apis, as clients without aggregated discovery ask for it."""
    if path == "api":
        return _document({"kind": "APIVersions", "versions": ["v1"]})
    groups = [_group(name, found) for name, found in _by_group(path).items()]
    return _document({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})


@cache
def resources(group_version: str) -> Document | None:
    """The kinds of one group version; None where there are none."""
    found = [kind for kind in kinds() if kind.api_version == group_version]
    if not found:
        return None
    listed = [
        {
            "name": kind.plural,
            "singularName": kind.singular,
            "namespaced": kind.namespaced,
            "kind": kind.kind,
            "verbs": _VERBS,
            **({"shortNames": kind.short} if kind.short else {}),
            **({"categories": kind.categories} if kind.categories else {}),
        }
        for kind in found
    ]
    return _document(
        {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": listed}
    )


@cache
def group(name: str) -> Document | None:
    """One group; None where there is none of that name."""
    found = _by_group("apis").get(name)
    return _document({"kind": "APIGroup", "apiVersion": "v1", **_group(name, found)}) if found else None


def _group(name: str, found: list[Kind]) -> dict[str, Any]:
    version = {"groupVersion": found[0].api_version, "version": found[0].version}
    return {"name": name, "versions": [version], "preferredVersion": version}


def _version_of(found: list[Kind]) -> dict[str, Any]:
    listed = [
        {
            "resource": kind.plural,
            "responseKind": {"group": "", "version": "", "kind": kind.kind},
            "scope": "Namespaced" if kind.namespaced else "Cluster",
            "singularResource": kind.singular,
            "verbs": _VERBS,
            **({"shortNames": kind.short} if kind.short else {}),
            **({"categories": kind.categories} if kind.categories else {}),
        }
        for kind in found
    ]
    return {"version": found[0].version, "resources": listed, "freshness": "Current"}


def _by_group(root: str) -> dict[str, list[Kind]]:
    found: dict[str, list[Kind]] = {}
    for kind in kinds():
        if bool(kind.group) == (root == "apis"):
            found.setdefault(kind.group, []).append(kind)
    return found


def _document(content: dict[str, Any]) -> Document:
    return Document(json.dumps(content).encode())
