"""RFC 6902 as Karmada's library reads it: negative list indices count from the end, leading zeros are ignored."""

from __future__ import annotations

import re
from typing import Any

import jsonpatch
import jsonpointer

from argosy.errors import OverrideError

_INDEX = re.compile(r"-?\d+")


def patched(document: Any, operations: list[dict[str, Any]]) -> Any:
    """Operations applied in order; the document may be changed in place.

    Raises:
        OverrideError: an operation does not apply.
    """
    for operation in operations:
        exact = {**operation, "path": _exact(document, operation["path"])}
        try:
            document = jsonpatch.JsonPatch([exact]).apply(document, in_place=True)
        except (
            jsonpatch.JsonPatchException,
            jsonpointer.JsonPointerException,
            TypeError,
            KeyError,
            ValueError,
            AttributeError,
        ) as error:
            text = " ".join(str(error).split())[:200]
            raise OverrideError(
                f"{operation['op']} {operation['path']} does not apply ({text}); "
                "correct the path in the override policy"
            ) from error
    return document


def _exact(document: Any, path: str) -> str:
    """The path with list indices as the library wants them."""
    parts = path.split("/")
    for position, part in enumerate(parts[1:], start=1):
        if isinstance(document, list):
            if not _INDEX.fullmatch(part):
                break
            index = int(part)
            index = index + len(document) if index < 0 else index
            if index < 0:
                break
            parts[position] = str(index)
            document = document[index] if index < len(document) else None
        elif isinstance(document, dict):
            document = document.get(part.replace("~1", "/").replace("~0", "~"))
        else:
            break
    return "/".join(parts)
