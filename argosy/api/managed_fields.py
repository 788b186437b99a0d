"""Who owns which field of a live object: Kubernetes' `metadata.managedFields`, read.

A field set is nested: `f:name` is a field, `k:{...}` an item of a list by its keys, `v:...` an item by its value,
`i:n` one by its position, and `.` the container itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple

from pydantic_core import to_json

from argosy.api.record import Record

APPLY = "Apply"

FieldSet = Mapping[str, Any]
Path = tuple[str, ...]
"""Keys of a field set, from the outermost on."""


class Writer(Record):
    """Who wrote to an object, with which program and when, as the API server has recorded it."""

    manager: str
    operation: str = ""
    at: str = ""

    def __str__(self) -> str:
        return f"{self.manager} at {self.at}" if self.at else self.manager


class Lost(NamedTuple):
    """Fields that a manager owned and does not any more, and who has them now."""

    fields: tuple[str, ...]
    writers: tuple[Writer, ...]


def applied_fields(metadata: Mapping[str, Any], manager: str) -> FieldSet:
    """What `manager` owns by server-side apply; empty where it owns nothing."""
    for entry in _entries(metadata):
        if (
            entry.get("manager") == manager
            and entry.get("operation") == APPLY
            and not entry.get("subresource")
        ):
            return _set(entry)
    return {}


def digest_of(fields: FieldSet) -> str:
    """A short digest that is the same for the same fields, whatever their values."""
    return _digest_of(to_json(fields))


# The copies of a fan-out have the same fields, and to put them in order takes longer than all the rest.
@lru_cache(maxsize=256)
def _digest_of(fields: bytes) -> str:
    written = json.dumps(json.loads(fields), sort_keys=True, separators=(",", ":"))
    return sha256(written.encode()).hexdigest()[:12]


def lost(before: Mapping[str, Any], after: Mapping[str, Any], manager: str) -> Lost:
    """What `manager` did not own before an apply and owns after it: what others had changed or removed.

    Args:
        before, after: the object's metadata on both sides of the apply.
    """
    regained = set(_leaves(applied_fields(after, manager))) - set(_leaves(applied_fields(before, manager)))
    outermost = sorted(
        path for path in regained if not any(path[:n] in regained for n in range(1, len(path)))
    )
    writers = [
        Writer(
            manager=str(entry.get("manager") or "unknown"),
            operation=str(entry.get("operation") or ""),
            at=str(entry.get("time") or ""),
        )
        for entry in _entries(before)
        if entry.get("manager") != manager and regained.intersection(_leaves(_set(entry)))
    ]
    return Lost(tuple(_shown(path) for path in outermost), tuple(writers))


# Tools that declare what objects should be, by the names they write under; controllers are not among them, nor are
# single commands such as `kubectl rollout`, whose marks would be lost.
DECLARERS = frozenset(
    {
        "argocd-application-controller",
        "argocd-controller",
        "helm",
        "karmada-agent",
        "karmada-controller-manager",
        "kubectl",
        "kubectl-client-side-apply",
        "kubectl-create",
        "kustomize-controller",
    }
)


def without_declarers(metadata: Mapping[str, Any]) -> list[Mapping[str, Any]] | None:
    """The owners of an object's fields without the tools that used to declare it; None where there are none.

    What they own together with somebody else loses one owner, what they own alone stays in the object unowned:
    nothing of it changes, and a later removal by whoever declares it now is one.
    """
    entries = list(_entries(metadata))
    kept = [entry for entry in entries if entry.get("manager") not in DECLARERS or entry.get("subresource")]
    return None if len(kept) == len(entries) else kept


def owns(fields: FieldSet, manifest: Any, pointer: Sequence[str]) -> bool:
    """Whether a field set holds what a JSON pointer names in a manifest, or anything inside of it.

    Args:
        manifest: tells what the positions of lists stand for.
        pointer: the unescaped parts of the pointer.
    """
    current: FieldSet = fields
    value = manifest
    for part in pointer:
        if isinstance(value, list):
            if not part.isdigit() or int(part) >= len(value):
                return False
            value = value[int(part)]
            found = _item(current, value, int(part))
        else:
            value = value.get(part) if isinstance(value, Mapping) else None
            found = current.get(f"f:{part}")
        if not isinstance(found, Mapping):
            return False
        current = found
    return True


def _item(fields: FieldSet, value: Any, position: int) -> Any:
    for key, inner in fields.items():
        written = key[2:]
        if key.startswith("k:") and isinstance(value, Mapping):
            keys = json.loads(written)
            # An absent key stands for its default, which the manifest need not write.
            if all(value.get(name, wanted) == wanted for name, wanted in keys.items()):
                return inner
        elif (key.startswith("v:") and json.loads(written) == value) or key == f"i:{position}":
            return inner
    return None


def _entries(metadata: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    return [entry for entry in metadata.get("managedFields") or () if isinstance(entry, Mapping)]


def _set(entry: Mapping[str, Any]) -> FieldSet:
    fields = entry.get("fieldsV1")
    return fields if isinstance(fields, Mapping) else {}


def _leaves(fields: FieldSet, above: Path = ()) -> Iterator[Path]:
    for key, inner in fields.items():
        path = above if key == "." else (*above, key)
        if key == "." or not inner:
            yield path
        elif isinstance(inner, Mapping):
            yield from _leaves(inner, path)


def _shown(path: Path) -> str:
    """`spec.template.spec.containers[name=web].image`, as a person would write it."""
    shown = ""
    for part in path:
        kind, _, written = part.partition(":")
        if kind == "f":
            shown += f".{written}" if shown else written
        elif kind == "k":
            keys = json.loads(written)
            shown += f"[{','.join(f'{name}={value}' for name, value in sorted(keys.items()))}]"
        else:
            shown += f"[{written}]"
    return shown
