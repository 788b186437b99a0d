"""Masking what Secrets hold, before anything is shown, stored or logged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from argosy.api.manifest import Manifest

MASK = "***"
BEFORE = "*** (before)"
AFTER = "*** (after)"
_SECRET_FIELDS = ("data", "stringData")
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def is_secret(manifest: Mapping[str, Any]) -> bool:
    """Whether `manifest` is a core Secret, of whatever version is written."""
    api_version = manifest.get("apiVersion")
    return manifest.get("kind") == "Secret" and not (isinstance(api_version, str) and "/" in api_version)


def redacted(manifest: Mapping[str, Any]) -> Manifest:
    """Return `manifest` with every value of a Secret masked; other objects come back as they are.

    Keys stay visible. The annotation in which kubectl keeps a whole copy is masked too, and lists of
    objects are masked item by item.
    """
    return _masked(manifest, against=None, changed=MASK)


def redacted_pair(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Manifest, Manifest]:
    """Return both versions of one object for a diff: equal secrets look equal, changed ones changed."""
    return _masked(before, against=after, changed=BEFORE), _masked(after, against=before, changed=AFTER)


def _masked(manifest: Mapping[str, Any], *, against: Mapping[str, Any] | None, changed: str) -> Manifest:
    items = manifest.get("items")
    if isinstance(items, list) and str(manifest.get("kind", "")).endswith("List"):
        masked = [redacted(item) if isinstance(item, Mapping) else item for item in items]
        return {**manifest, "items": masked}
    if not is_secret(manifest):
        return dict(manifest)
    other = against or {}
    shown = dict(manifest)
    for field in _SECRET_FIELDS:
        if field in manifest:
            shown[field] = _masked_values(manifest[field], other.get(field), against is not None, changed)
    annotations = _annotations(manifest)
    if _LAST_APPLIED in annotations:
        one = {_LAST_APPLIED: annotations[_LAST_APPLIED]}
        mask = _masked_values(one, _annotations(other), against is not None, changed)
        shown["metadata"] = {**manifest["metadata"], "annotations": {**annotations, **mask}}
    return shown


def _masked_values(values: Any, others: Any, comparing: bool, changed: str) -> Any:
    if not isinstance(values, Mapping):
        return MASK if values is not None else None
    known = others if isinstance(others, Mapping) else {}
    return {
        key: changed if comparing and (key not in known or known[key] != value) else MASK
        for key, value in values.items()
    }


def _annotations(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    metadata = manifest.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, Mapping) else None
    return annotations if isinstance(annotations, Mapping) else {}
