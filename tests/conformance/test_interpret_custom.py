"""Customizations answer as Karmada's do: one question at a time, in real processes."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from argosy.api.base import Model, to_manifest
from argosy.api.behaviour import Behaviour
from argosy.api.customization import ResourceInterpreterCustomization
from argosy.api.quantity import Quantity
from argosy.errors import InterpreterError, NotCustomized
from argosy.interpreter.customized import CustomizedInterpreter
from argosy.interpreter.lua.pool import LuaPool
from tests.conformance.cases import Case, parametrize


@pytest.fixture(scope="module")
async def pool() -> AsyncIterator[LuaPool]:
    async with LuaPool(size=1) as running:
        yield running


async def _replicas(interpreter: CustomizedInterpreter, given: dict[str, Any]) -> dict[str, Any]:
    replicas, needs = await interpreter.replicas(given["object"])
    return {"replicas": replicas, "requirements": None if needs is None else to_manifest(needs)}


async def _components(interpreter: CustomizedInterpreter, given: dict[str, Any]) -> dict[str, Any]:
    found = await interpreter.components(given["object"])
    return {"components": sorted(_manifests(found), key=lambda one: str(one["name"]))}


async def _revise(interpreter: CustomizedInterpreter, given: dict[str, Any]) -> dict[str, Any]:
    return {"object": await interpreter.revise(given["object"], given["replicas"])}


async def _retain(interpreter: CustomizedInterpreter, given: dict[str, Any]) -> dict[str, Any]:
    return {"object": await interpreter.retain(given["object"], given["observed"])}


async def _reflect(interpreter: CustomizedInterpreter, given: dict[str, Any]) -> dict[str, Any]:
    return {"status": await interpreter.reflect(given["object"])}


async def _aggregate(interpreter: CustomizedInterpreter, given: dict[str, Any]) -> dict[str, Any]:
    return {"status": (await interpreter.aggregate(given["object"], given.get("items"))).get("status")}


async def _health(interpreter: CustomizedInterpreter, given: dict[str, Any]) -> dict[str, Any]:
    return {"healthy": await interpreter.health(given["object"])}


async def _dependencies(interpreter: CustomizedInterpreter, given: dict[str, Any]) -> dict[str, Any]:
    return {"dependencies": _manifests(await interpreter.dependencies(given["object"]))}


def _manifests(models: tuple[Model, ...]) -> list[dict[str, Any]]:
    return [to_manifest(model) for model in models]


ASK: dict[str, Callable[[CustomizedInterpreter, dict[str, Any]], Awaitable[dict[str, Any]]]] = {
    "InterpretReplica": _replicas,
    "InterpretComponent": _components,
    "ReviseReplica": _revise,
    "Retain": _retain,
    "ReflectStatus": _reflect,
    "AggregateStatus": _aggregate,
    "InterpretHealth": _health,
    "InterpretDependency": _dependencies,
}


async def _answer(case: Case, pool: LuaPool, behaviour: Behaviour) -> dict[str, Any]:
    customizations = map(ResourceInterpreterCustomization.model_validate, case.input["customizations"])
    interpreter = CustomizedInterpreter(customizations, pool, behaviour=behaviour)
    try:
        return await ASK[case.input["operation"]](interpreter, case.input)
    except NotCustomized:
        return {"error": {"kind": "NoInterpreter"}}
    except InterpreterError:
        return {"error": {"kind": "InterpretError"}}


def _compared(answer: dict[str, Any]) -> Any:
    """The answer without what a round trip through Lua or Go adds and drops; an error by its kind only."""
    if "error" in answer:
        return answer["error"]["kind"]
    kept = _pruned(answer, "")
    for name in ("dependencies", "components"):
        if name in kept:
            kept[name] = sorted(kept[name], key=repr)
    return kept


def _pruned(value: Any, key: str) -> Any:
    if isinstance(value, dict):
        within = key == "resourceRequest"
        items = {name: Quantity(item) if within else _pruned(item, name) for name, item in value.items()}
        return {name: item for name, item in sorted(items.items()) if item not in (None, {}, [], "", 0)}
    return [_pruned(item, key) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("behaviour", ["karmada", "argosy"])
@parametrize("interpret_custom")
async def test_scripts_answer_as_in_karmada(case: Case, behaviour: Behaviour, pool: LuaPool) -> None:
    given = copy.deepcopy(case.input)

    answer = await _answer(case, pool, behaviour)

    assert _compared(answer) == _compared(case.expect)
    assert case.input == given, "the object was touched"


async def test_a_script_without_dependencies_may_return_nothing(pool: LuaPool) -> None:
    """The one rule of behaviour `argosy` here: Karmada takes its own library's answer for an error."""
    script = """
        function GetDependencies(obj)
          return require('kube').getPodDependencies(obj.spec.template, nil)
        end
    """
    target = {"apiVersion": "example.com/v1", "kind": "Widget"}
    customization = ResourceInterpreterCustomization.model_validate(
        {
            "metadata": {"name": "c"},
            "spec": {
                "target": target,
                "customizations": {"dependencyInterpretation": {"luaScript": script}},
            },
        }
    )
    widget = {**target, "metadata": {"name": "w"}, "spec": {"template": {"spec": {}}}}

    assert await CustomizedInterpreter([customization], pool).dependencies(widget) == ()
    with pytest.raises(InterpreterError, match=r"c, dependencyInterpretation: .* nil"):
        await CustomizedInterpreter([customization], pool, behaviour="karmada").dependencies(widget)
