"""Overriders of documents embedded in a field: JSON or YAML inside a string, such as a ConfigMap's data."""

from __future__ import annotations

import json
from typing import Any

import jsonpointer
import yaml

from argosy.api.override import FieldOverrider
from argosy.errors import OverrideError
from argosy.overrides.jsonpatch import patched

LARGEST_DOCUMENT = 200_000
"""Values in an embedded YAML document, aliases expanded."""
DEEPEST_DOCUMENT = 200


def override_field(manifest: dict[str, Any], overrider: FieldOverrider) -> None:
    """Parse the string at the field's path, patch the document in it, and write it back.

    Raises:
        OverrideError: there is no such field, it holds no document, or the patch does not apply.
    """
    try:
        pointer = jsonpointer.JsonPointer(overrider.field_path)
        text = pointer.resolve(manifest)
    except jsonpointer.JsonPointerException as error:
        raise OverrideError(
            f"field {overrider.field_path} does not exist ({error}); correct fieldPath"
        ) from error
    if not isinstance(text, str):
        raise OverrideError(f"field {overrider.field_path} is not a string; correct fieldPath")
    if not overrider.json_operations and not overrider.yaml_operations:
        # Karmada writes back the empty result of patching nothing.
        pointer.set(manifest, "")
        return
    is_json = bool(overrider.json_operations)
    entries = overrider.json_operations or overrider.yaml_operations
    try:
        document = json.loads(text) if is_json else _yaml(text)
    except (ValueError, yaml.YAMLError) as error:
        language = "JSON" if is_json else "YAML"
        raise OverrideError(
            f"field {overrider.field_path} does not hold {language}; correct fieldPath"
        ) from error
    except RecursionError:
        raise OverrideError(
            f"field {overrider.field_path} holds a document that is nested too deeply; make it flatter"
        ) from None
    operations = [{"op": entry.operator, "path": entry.sub_path, "value": entry.value} for entry in entries]
    changed = patched(document, operations)
    written = (
        json.dumps(changed, separators=(",", ":"), sort_keys=True)
        if is_json
        else yaml.safe_dump(changed, sort_keys=True)
    )
    pointer.set(manifest, written)


def _yaml(text: str) -> Any:
    """A YAML document in which every alias is a copy of its own, so that a patch concerns one place only.

    Raises:
        ValueError: it is nested too deeply, or aliases make it too large.
        YAMLError: it is none.
    """
    depth = 0
    # Before it is loaded, because the parser takes ever longer the deeper it gets.
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST_DOCUMENT:
            raise ValueError("it is nested too deeply")
    left = LARGEST_DOCUMENT

    def copied(value: Any, depth: int) -> Any:
        nonlocal left
        left -= 1
        if left < 0 or depth > DEEPEST_DOCUMENT:
            raise ValueError("it has too many values, or is nested too deeply")
        if isinstance(value, dict):
            return {key: copied(item, depth + 1) for key, item in value.items()}
        if isinstance(value, list):
            return [copied(item, depth + 1) for item in value]
        return value

    return copied(yaml.safe_load(text), 0)
