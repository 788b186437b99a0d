"""Masking Secrets wherever they are inside a value: in lists, in fields, and in text that is JSON itself.

Entities carry manifests as JSON text inside JSON, and changes of manifests as operations with a path. An operation
does not say what kind of object it is for, so whatever is written below `/data` and `/stringData` is masked.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from argosy.api.redact import MASK, is_secret, redacted

_PATHS = ("/data", "/stringData")


def redacted_json(text: str) -> str:
    """Return `text` with the values of every Secret in it masked; text without any comes back as it is.

    Text that is nested too deeply to be looked through is masked as a whole.
    """
    try:
        found = json.loads(text)
        masked = redacted_value(found)
        return text if masked == found else json.dumps(masked, separators=(",", ":"))
    except RecursionError:
        return json.dumps(MASK)
    except ValueError:
        return text


def redacted_value(value: Any) -> Any:
    """The same for a value that is parsed already.

    Raises:
        RecursionError: it is nested too deeply.
    """
    if isinstance(value, Mapping):
        shown = redacted(value) if is_secret(value) else _operation(value)
        return {key: redacted_value(one) for key, one in shown.items()}
    if isinstance(value, list):
        return [redacted_value(one) for one in value]
    if isinstance(value, str) and value.lstrip()[:1] in {"{", "[", '"'}:
        return redacted_json(value)
    return value


def _operation(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """Mask what an operation writes into a Secret's fields: of RFC 6902, of plaintext, or of a field's text."""
    if "value" in value and _is_secret_path(value.get("path")):
        return {**value, "value": MASK}
    if _is_secret_path(value.get("fieldPath")):
        return {key: _values_masked(one) for key, one in value.items()}
    return value


def _values_masked(operations: Any) -> Any:
    if not isinstance(operations, list):
        return operations
    return [
        {**one, "value": MASK} if isinstance(one, Mapping) and "value" in one else one for one in operations
    ]


def _is_secret_path(path: Any) -> bool:
    return isinstance(path, str) and any(path == one or path.startswith(f"{one}/") for one in _PATHS)
