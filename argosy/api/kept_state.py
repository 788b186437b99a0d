"""State that a copy's successor is to get: named by paths into its status, which the copy itself carries along.

Whoever watches a cluster reads them from the copy, so that the values are known when the cluster is lost.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import jsonpath

from argosy.api.eviction import KeptState
from argosy.api.formats import is_label_value

ANNOTATION = "argosy.dev/keeps-state"
"""Labels and paths of a policy's `statePreservation`: what of the copy's status its successor gets."""


def written(keeps: Iterable[KeptState]) -> str:
    """The value of the annotation that says what is kept."""
    return json.dumps({one.label: one.path for one in keeps}, sort_keys=True, separators=(",", ":"))


def state_of(manifest: Mapping[str, Any]) -> dict[str, str]:
    """Label -> value, of what a copy's annotation asks for and its status has, as far as it can be a label."""
    asked = (manifest["metadata"].get("annotations") or {}).get(ANNOTATION)
    status = manifest.get("status")
    if not asked or not isinstance(status, dict):
        return {}
    try:
        paths = json.loads(asked)
    except ValueError:
        return {}
    found = (
        {str(label): value_at(str(path), status) for label, path in paths.items()}
        if isinstance(paths, dict)
        else {}
    )
    return {label: value for label, value in sorted(found.items()) if value and is_label_value(value)}


def value_at(path: str, status: Mapping[str, Any]) -> str:
    """The one value that a path, written as in Kubernetes (`{ .jobStatus.jobID }`), finds; empty where it is none.

    Never raises: a path that cannot be read finds nothing.
    """
    inner = path.strip().removeprefix("{").removesuffix("}").strip()
    try:
        values = jsonpath.findall(inner if inner.startswith("$") else f"${inner}", dict(status))
    except (jsonpath.JSONPathError, RecursionError):
        return ""
    if len(values) != 1 or isinstance(values[0], dict | list) or values[0] is None:
        return ""
    value = values[0]
    return str(value).lower() if isinstance(value, bool) else str(value)
