"""Overriders of labels, annotations, and of commands and arguments of containers."""

from __future__ import annotations

from typing import Any

from argosy.api.override import CommandArgsOverrider, LabelAnnotationOverrider

_POD_TEMPLATES = {"ReplicaSet", "Deployment", "DaemonSet", "StatefulSet", "Job"}


def override_metadata(manifest: dict[str, Any], overrider: LabelAnnotationOverrider, *, field: str) -> None:
    """Add, replace or remove labels or annotations of the object itself; replacing needs the key to exist."""
    metadata = manifest.setdefault("metadata", {})
    entries = dict(metadata.get(field) or {})
    for key, value in overrider.value.items():
        if overrider.operator == "remove":
            entries.pop(key, None)
        elif overrider.operator == "add" or key in entries:
            entries[key] = value
    if entries or field in metadata:
        metadata[field] = entries


def override_command(manifest: dict[str, Any], overrider: CommandArgsOverrider, *, field: str) -> None:
    """Append to, or remove from, `command` or `args` of the containers with the given name."""
    kind = manifest.get("kind")
    spec = manifest.get("spec") or {}
    if kind in _POD_TEMPLATES:
        spec = (spec.get("template") or {}).get("spec") or {}
    elif kind != "Pod":
        return
    values = list(overrider.value)
    for container in spec.get("containers") or ():
        if container.get("name") == overrider.container_name:
            current = list(container.get(field) or ())
            if overrider.operator == "add":
                container[field] = current + values
            else:
                container[field] = [entry for entry in current if entry not in values]
