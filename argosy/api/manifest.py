"""Manifests as they are: plain mappings, their identity and their digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from argosy.api.base import Model
from argosy.errors import InvalidInput

Manifest = dict[str, Any]
"""A Kubernetes object as JSON: nothing is known about it but what it says."""


class ResourceRef(Model):
    """The identity of one object; `namespace` is None for cluster scope and where none is written."""

    api_version: str
    kind: str
    namespace: str | None = None
    name: str

    @property
    def group(self) -> str:
        """The API group, empty for the core group."""
        return self.api_version.rpartition("/")[0]

    @property
    def version(self) -> str:
        return self.api_version.rpartition("/")[2]

    def __str__(self) -> str:
        """`Deployment default/web`, or `Namespace web` without a namespace."""
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


def ref_of(manifest: Mapping[str, Any]) -> ResourceRef:
    """Return the identity of `manifest`.

    Raises:
        InvalidInput: apiVersion, kind or metadata.name is missing or not text.
    """
    metadata = manifest.get("metadata")
    fields = metadata if isinstance(metadata, Mapping) else {}
    required = {
        "apiVersion": manifest.get("apiVersion"),
        "kind": manifest.get("kind"),
        "metadata.name": fields.get("name"),
    }
    for path, value in required.items():
        if not isinstance(value, str) or not value:
            raise InvalidInput(f"{path} is missing; every object needs apiVersion, kind and metadata.name.")
    namespace = fields.get("namespace")
    if namespace is not None and not isinstance(namespace, str):
        raise InvalidInput("metadata.namespace is not text; write it as a string or remove it.")
    return ResourceRef(
        api_version=required["apiVersion"] or "",
        kind=required["kind"] or "",
        namespace=namespace or None,
        name=required["metadata.name"] or "",
    )


def canonical_json(manifest: Any) -> bytes:
    """Return the one JSON text of a value: sorted keys, no spaces, UTF-8.

    Raises:
        ValueError: the value holds a number that JSON cannot express (NaN, infinity).
    """
    text = json.dumps(manifest, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def digest(manifest: Any) -> str:
    """Return the SHA-256 of the canonical JSON, in hex: equal contents have equal digests."""
    return hashlib.sha256(canonical_json(manifest)).hexdigest()
