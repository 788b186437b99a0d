"""The `kube` library of Karmada's customizations, on plain JSON values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from argosy.api.base import to_manifest
from argosy.api.behaviour import Behaviour
from argosy.api.quantity import Quantity
from argosy.interpreter import dependencies, requirements

Function = Callable[..., Any]


class Misuse(Exception):
    """A call that the function does not accept; the message is the script's to see."""


def functions(behaviour: Behaviour) -> Mapping[str, Function]:
    """The library by name; each function takes JSON values and returns one, None for nil.

    The functions raise `Misuse` for arguments of the wrong number, type or value.
    """
    return {
        "resourceAdd": _resource_add,
        "accuratePodRequirements": partial(_accurate_pod_requirements, behaviour),
        "getPodDependencies": _get_pod_dependencies,
        "getResourceQuantity": _get_resource_quantity,
    }


def _resource_add(*quantities: Any) -> str:
    total = Quantity(0)
    for position, quantity in enumerate(quantities, start=1):
        total += _quantity(position, quantity)
    return str(total)


def _accurate_pod_requirements(behaviour: Behaviour, *arguments: Any) -> dict[str, Any] | None:
    (template,) = _exactly(1, arguments)
    spec = _table(1, template).get("spec")
    found = requirements.of_pod(spec if isinstance(spec, Mapping) else {}, behaviour=behaviour)
    return None if found is None else to_manifest(found)


def _get_pod_dependencies(*arguments: Any) -> list[dict[str, Any]] | None:
    template, namespace = _exactly(2, arguments)
    if namespace is None:
        namespace = "default"
    if not isinstance(namespace, str):
        raise Misuse(_mismatch(2, "text", namespace))
    spec = _table(1, template).get("spec")
    found = dict.fromkeys(dependencies.of_pod(spec if isinstance(spec, Mapping) else {}, namespace))
    listed = sorted(found, key=lambda one: (one.kind, one.name))
    # Nil rather than an empty table, as in Karmada.
    return [
        {"apiVersion": one.api_version, "kind": one.kind, "namespace": one.namespace, "name": one.name}
        for one in listed
    ] or None


def _get_resource_quantity(*arguments: Any) -> float:
    (written,) = _exactly(1, arguments)
    quantity = _quantity(1, written)
    if quantity < Quantity(0):
        raise Misuse(f"{written} is negative")
    try:
        return quantity.nanos / 10**9
    except OverflowError:
        raise Misuse(f"{written} is too large for a number") from None


def _quantity(position: int, written: Any) -> Quantity:
    if written is None:
        return Quantity(0)
    if not isinstance(written, str):
        raise Misuse(_mismatch(position, "text", written))
    try:
        return Quantity(written)
    except ValueError as error:
        raise Misuse(str(error)) from None


def _exactly(count: int, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(arguments) != count:
        raise Misuse(f"takes {count} argument{'s' if count > 1 else ''}, not {len(arguments)}")
    return arguments


def _table(position: int, value: Any) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    if value == []:
        return {}
    raise Misuse(_mismatch(position, "a table", value))


def _mismatch(position: int, expected: str, value: Any) -> str:
    return f"argument #{position} should be {expected}, not {_kind(value)}"


def _kind(value: Any) -> str:
    if value is None:
        return "nil"
    kinds = {bool: "a boolean", int: "a number", float: "a number", str: "text"}
    return kinds.get(type(value), "a table")
