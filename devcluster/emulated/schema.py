"""Which kinds are emulated, and what their fields are like, as recorded from a real API server."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

RECORD = Path(__file__).with_name("schema.json")

_NAMES = {str: "string", int: "int", float: "float", bool: "boolean", list: "list", dict: "map"}
_SCALAR_NAMES = {"string": "string", "number": "numeric (int or float)", "boolean": "boolean"}


@dataclass(frozen=True, eq=False)
class Type:
    """What may stand at a place in an object.

    Attributes:
        scalar: `string`, `number`, `boolean` or `any`; empty for lists and objects.
        fields: of an object with declared fields.
        items: of a list, or of an object that has any keys.
        keys: the fields, with their defaults, by which items of a list are told apart.
        is_list, is_set, atomic: atomic values are written and owned as a whole.
    """

    scalar: str = ""
    fields: Mapping[str, Type] | None = None
    items: Type | None = None
    keys: Mapping[str, Any] | None = None
    is_list: bool = False
    is_set: bool = False
    atomic: bool = False

    def of_field(self, name: str) -> Type | None:
        """The type of a field; None where it is not declared."""
        return self.fields.get(name) if self.fields is not None else self.items


@dataclass(frozen=True, eq=False)
class Kind:
    """One kind, as discovery describes it; `counted` is whether it has a generation."""

    group: str
    version: str
    kind: str
    plural: str
    singular: str
    short: tuple[str, ...]
    categories: tuple[str, ...]
    namespaced: bool
    counted: bool
    status: bool
    type: Type

    @property
    def api_version(self) -> str:
        """As in manifests."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def resource(self) -> str:
        """As in messages."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


@cache
def kinds() -> tuple[Kind, ...]:
    """Every kind that is emulated, each group's preferred version first."""
    record = json.loads(RECORD.read_text(encoding="utf-8"))
    types = _Types(record["types"])
    return tuple(
        Kind(
            **{
                **one,
                "short": tuple(one["short"]),
                "categories": tuple(one["categories"]),
                "type": types.named(one["type"]),
            }
        )
        for one in record["kinds"]
    )


def problems(value: Any, of: Type, at: str = "") -> Iterator[str]:
    """What of a value does not fit the type, as server-side apply puts it."""
    if value is None:
        return
    if of.scalar:
        if not _fits(value, of.scalar):
            yield f"{at}: expected {_SCALAR_NAMES[of.scalar]}, got {_NAMES[type(value)]}"
    elif of.is_list:
        if not isinstance(value, list):
            yield f"{at}: expected list, got {_NAMES[type(value)]}"
        elif of.items is not None:
            for number, item in enumerate(value):
                yield from problems(item, of.items, f"{at}[{number}]")
    elif not isinstance(value, dict):
        yield f"{at}: expected map, got {_NAMES[type(value)]}"
    elif of.fields is not None or of.items is not None:
        for name, inner in value.items():
            declared = of.of_field(name)
            if declared is None:
                yield f"{at}.{name}: field not declared in schema"
            else:
                yield from problems(inner, declared, f"{at}.{name}")


def _fits(value: Any, scalar: str) -> bool:
    match scalar:
        case "string":
            return isinstance(value, str)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "boolean":
            return isinstance(value, bool)
        case _:
            return True


class _Types:
    """Named types, each made once."""

    def __init__(self, recorded: Mapping[str, Any]) -> None:
        self._recorded = recorded
        self._made: dict[str, Type] = {}

    def named(self, name: str) -> Type:
        if name not in self._made:
            self._made[name] = self._type(self._recorded[name])
        return self._made[name]

    def _type(self, node: Any) -> Type:
        if isinstance(node, str):
            return Type(scalar=node)
        if "ref" in node:
            return self.named(node["ref"])
        if "list" in node:
            keys, is_set = node.get("keys"), node.get("set", False)
            return Type(
                is_list=True,
                items=self._type(node["list"]),
                keys=keys,
                is_set=is_set,
                atomic=not (keys or is_set),
            )
        atomic = node.get("atomic", False)
        if "fields" in node:
            return Type(
                fields={name: self._type(inner) for name, inner in node["fields"].items()}, atomic=atomic
            )
        return Type(items=self._type(node["map"]) if "map" in node else None, atomic=atomic)
