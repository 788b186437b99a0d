"""Masking: no output shows what a Secret holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MASK = "***"
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def redacted(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """A copy fit to be shown: the keys of a Secret stay, its values do not."""
    if manifest.get("kind") != "Secret":
        return dict(manifest)
    shown = dict(manifest)
    for field in ("data", "stringData"):
        if isinstance(shown.get(field), Mapping):
            shown[field] = dict.fromkeys(shown[field], MASK)
    metadata = dict(shown.get("metadata") or {})
    annotations = dict(metadata.get("annotations") or {})
    if _LAST_APPLIED in annotations:
        annotations[_LAST_APPLIED] = MASK
        shown["metadata"] = {**metadata, "annotations": annotations}
    return shown
