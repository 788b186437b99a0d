"""Reading fields of untyped objects: what is absent has a default, what has the wrong type is an error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from argosy.errors import InterpreterError

Object = Mapping[str, Any]


def section(value: Object, *path: str) -> Object:
    """The mapping at a path; empty where it is absent.

    Raises:
        InterpreterError: there is something else.
    """
    current: Any = value
    for depth, part in enumerate(path, start=1):
        current = current.get(part)
        if current is None:
            return {}
        if not isinstance(current, Mapping):
            raise _wrong(path[:depth], current, "a mapping")
    found: Object = current
    return found


def entries(value: Object, *path: str) -> list[Object]:
    """The mappings in the list at a path; empty where it is absent.

    Raises:
        InterpreterError: there is something else.
    """
    found = section(value, *path[:-1]).get(path[-1])
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(one, Mapping) for one in found):
        raise _wrong(path, found, "a list of mappings")
    return found


def optional_integer(value: Object, *path: str) -> int | None:
    """The whole number at a path; None where it is absent.

    Raises:
        InterpreterError: there is something else.
    """
    found = section(value, *path[:-1]).get(path[-1])
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, int):
        raise _wrong(path, found, "a whole number")
    return found


def integer(value: Object, *path: str, default: int = 0) -> int:
    """The whole number at a path, or the default where it is absent.

    Raises:
        InterpreterError: there is something else.
    """
    found = optional_integer(value, *path)
    return default if found is None else found


def text(value: Object, *path: str) -> str:
    """The text at a path; empty where it is absent.

    Raises:
        InterpreterError: there is something else.
    """
    found = section(value, *path[:-1]).get(path[-1])
    if found is None:
        return ""
    if not isinstance(found, str):
        raise _wrong(path, found, "text")
    return found


def conditions(manifest: Object) -> dict[str, Object]:
    """The conditions of an object's status by their types; the last of one type counts.

    Raises:
        InterpreterError: they are not a list of mappings.
    """
    return {str(one.get("type")): one for one in entries(manifest, "status", "conditions")}


def holds(found: Mapping[str, Object], name: str) -> bool:
    """Whether a condition is there and true."""
    return name in found and found[name].get("status") == "True"


def reason_of(condition: Object) -> str:
    """`Reason: message` of a condition, as far as it has them."""
    return ": ".join(str(condition[key]) for key in ("reason", "message") if condition.get(key))


def _wrong(path: tuple[str, ...], found: Any, wanted: str) -> InterpreterError:
    shown = repr(found)
    return InterpreterError(f"{'.'.join(path)}: {shown[:60]} is not {wanted}; correct the object")
