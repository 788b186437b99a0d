"""Plain Kubernetes objects: what they are called, and their canonical form."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from argosy.api.record import Record


class ResourceRef(Record):
    """Which object: version and kind as written in its manifest."""

    api_version: str
    kind: str
    namespace: str | None = None
    name: str

    @property
    def group(self) -> str:
        """The API group; empty for the core group."""
        return self.api_version.rpartition("/")[0]

    @property
    def version(self) -> str:
        """The version within the group."""
        return self.api_version.rpartition("/")[2]

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


def ref_of(manifest: Mapping[str, Any]) -> ResourceRef:
    """The reference of a manifest that has been checked on loading."""
    metadata = manifest["metadata"]
    return ResourceRef(
        api_version=manifest["apiVersion"],
        kind=manifest["kind"],
        namespace=metadata.get("namespace"),
        name=metadata["name"],
    )


def canonical_json(manifest: Mapping[str, Any]) -> str:
    """The manifest as JSON that is equal for equal objects: sorted keys, no spaces."""
    return json.dumps(manifest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(manifest: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical form, in hex."""
    return sha256(canonical_json(manifest).encode()).hexdigest()
