"""Between JSON and Lua tables, by Karmada's rules: what a table stands for when it comes back."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from lupa import lua51  # type: ignore[import-untyped]  # it has no types

DEEPEST = 200
"""Levels of tables in an answer; a table that holds itself has no end."""
_EXACT = 2**53
_LARGEST = 2**63
_VALUE_BYTES = 16
_TABLE_BYTES = 32
"""More than any other value takes, so that one that unfolds without end is found out well within the time limit."""

Path = tuple[str, ...]


class Unfit(Exception):
    """A Lua value that no JSON stands for, or too much of it; the message continues `the answer`."""


class Budget:
    """How much one answer may still hold, counted before it is built: a small table can unfold to a huge one."""

    def __init__(self, size: int) -> None:
        self._left = size

    def spend(self, size: int) -> None:
        """Take `size` bytes.

        Raises:
            Unfit: there are not so many left.
        """
        self._left -= size
        if self._left < 0:
            raise Unfit("is too large")


def to_json(value: Any, budget: Budget, depth: int = 0) -> Any:
    """What a Lua value is in JSON; an empty table is a list for now (see `settled`).

    A table is a list if its keys are 1 to n, and an object if they are text.

    Raises:
        Unfit: there is a function, a table of other keys, a number that is not finite, too deep nesting,
            or more than the budget.
    """
    budget.spend(_VALUE_BYTES)
    match value:
        case None | bool():
            return value
        case str():
            budget.spend(len(value))
            return value
        case int():
            return value if -_LARGEST <= value < _LARGEST else float(value)
        case float():
            if not math.isfinite(value):
                raise Unfit("holds a number that is not finite")
            return value
    if lua51.lua_type(value) != "table":
        raise Unfit(f"holds a {lua51.lua_type(value) or 'value of another language'}")
    if depth >= DEEPEST:
        raise Unfit(f"is nested deeper than {DEEPEST} levels")
    return _table(value, budget, depth + 1)


def _table(table: Any, budget: Budget, depth: int) -> list[Any] | dict[str, Any]:
    budget.spend(_TABLE_BYTES)
    found: dict[Any, Any] = {}
    texts = 0
    for key, item in table.items():
        if isinstance(key, str):
            texts += 1
            budget.spend(len(key))
        found[key] = to_json(item, budget, depth)
    if texts == len(found):
        return found or []
    # Whole numbers arrive as int, and no key is there twice: n keys within 1 to n are all of them.
    if not texts and all(type(key) is int and 1 <= key <= len(found) for key in found):
        return [found[position] for position in range(1, len(found) + 1)]
    raise Unfit("holds a table that is neither a list without gaps nor an object with text for keys")


def settled(value: Any, references: Iterable[Any]) -> Any:
    """`value` with every empty table made what it stands for, and large numbers made exact again.

    The objects that a script was given tell: an empty table is an object where one of them has an empty object at
    the same place (positions in lists aside), a list where one has an empty list, and left out otherwise; alone it
    stays a list. A whole number from 2^53 on, which Lua cannot hold exactly, is what it was before.
    """
    return value if value == [] else _settled(value, (), _Origins(references))


_NOTHING = object()
_ANYWHERE = None


class _Origins:
    """What the given objects say about values that Lua does not tell apart."""

    def __init__(self, references: Iterable[Any]) -> None:
        self._objects: set[Path] = set()
        self._lists: set[Path] = set()
        self._exact: dict[tuple[Path | None, float], float] = {}
        for reference in references:
            self._learn(reference, ())

    def _learn(self, value: Any, path: Path) -> None:
        if isinstance(value, dict):
            if not value:
                self._objects.add(path)
            for key, item in value.items():
                self._learn(item, (*path, key))
        elif isinstance(value, list):
            if not value:
                self._lists.add(path)
            for item in value:
                self._learn(item, path)
        elif type(value) in (int, float) and abs(value) >= _EXACT:
            for place in (path, _ANYWHERE):
                # Of two that Lua cannot tell apart neither is known to be meant.
                known = self._exact.setdefault((place, float(value)), value)
                self._exact[place, float(value)] = value if known == value else int(float(value))

    def empty(self, path: Path) -> Any:
        return {} if path in self._objects else [] if path in self._lists else _NOTHING

    def exact(self, number: float, path: Path) -> float:
        moved = self._exact.get((_ANYWHERE, float(number)), number)
        return self._exact.get((path, float(number)), moved)


def _settled(value: Any, path: Path, origins: _Origins) -> Any:
    if value == []:
        return origins.empty(path)
    if isinstance(value, dict):
        fields = {key: _settled(item, (*path, key), origins) for key, item in value.items()}
        return {key: item for key, item in fields.items() if item is not _NOTHING}
    if isinstance(value, list):
        items = [_settled(item, path, origins) for item in value]
        return [item for item in items if item is not _NOTHING]
    if type(value) in (int, float) and abs(value) >= _EXACT:
        return origins.exact(value, path)
    return value
