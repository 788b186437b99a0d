"""Questions about objects, put to Argosy's own rules, and how answers are compared with Karmada's."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from argosy.api.base import to_manifest
from argosy.api.behaviour import Behaviour
from argosy.api.quantity import Quantity
from argosy.errors import InterpreterError
from argosy.interpreter import registry
from argosy.interpreter.dependencies import Dependency
from argosy.interpreter.registry import Operation

OPERATIONS: dict[str, Operation] = {
    "InterpretReplica": "replicas",
    "InterpretComponent": "components",
    "ReviseReplica": "revise",
    "Retain": "retain",
    "ReflectStatus": "reflect",
    "AggregateStatus": "aggregate",
    "InterpretHealth": "health",
    "InterpretDependency": "dependencies",
}


def answer_of(given: dict[str, Any], behaviour: Behaviour) -> dict[str, Any]:
    """What Argosy's own rules say, in the shape of the cases."""
    operation = OPERATIONS[given["operation"]]
    general = operation == "reflect" or (operation == "health" and behaviour == "argosy")
    if not general and not registry.knows(given["object"], operation, behaviour):
        return {"error": {"kind": "NoInterpreter"}}
    try:
        return _asked(operation, given, behaviour)
    except InterpreterError:
        return {"error": {"kind": "InterpretError"}}


def _asked(operation: Operation, given: dict[str, Any], behaviour: Behaviour) -> dict[str, Any]:
    manifest = given["object"]
    match operation:
        case "replicas":
            found = registry.replicas_of(manifest, behaviour)
            assert found is not None
            needs = None if found[1] is None else to_manifest(found[1])
            return {"replicas": found[0], "requirements": needs}
        case "components":
            parts = registry.components_of(manifest, behaviour) or ()
            return {"components": [to_manifest(one) for one in parts]}
        case "revise":
            return {"object": registry.revise_replicas(manifest, given["replicas"], behaviour)}
        case "retain":
            return {"object": registry.retained(manifest, given["observed"])}
        case "reflect":
            return {"status": registry.reflected_status(manifest, behaviour)}
        case "aggregate":
            whole = registry.aggregated(manifest, given.get("items"), behaviour)
            assert whole is not None
            return {"status": whole.get("status")}
        case "health":
            return {"healthy": registry.health_of(manifest, behaviour).is_healthy}
        case "dependencies":
            needed = registry.dependencies_of(manifest, behaviour) or ()
            return {"dependencies": [_reference(one) for one in needed]}


def _reference(one: Dependency) -> dict[str, Any]:
    named = {"apiVersion": one.api_version, "kind": one.kind, "namespace": one.namespace, "name": one.name}
    return {**named, "labelSelector": {"matchLabels": dict(one.labels)}}


def compared(answer: dict[str, Any]) -> Any:
    """The answer without what a round trip through Lua or Go adds and drops; an error by its kind only."""
    if "error" in answer:
        return answer["error"]["kind"]
    kept = _pruned(answer, "")
    if "dependencies" in kept:
        kept["dependencies"] = sorted({repr(one) for one in kept["dependencies"]})
    if "components" in kept:
        kept["components"] = sorted(kept["components"], key=lambda one: str(one.get("name")))
    return kept


def _pruned(value: Any, key: str) -> Any:
    if isinstance(value, dict):
        within = key in {"resourceRequest", "requests", "limits"}
        items = {name: Quantity(item) if within else _pruned(item, name) for name, item in value.items()}
        return {name: item for name, item in sorted(items.items()) if item not in (None, {}, [], "", 0)}
    if isinstance(value, list):
        return [_pruned(item, key) for item in value]
    return value


def same(answer: dict[str, Any], expected: dict[str, Any]) -> bool:
    """Whether an answer is Karmada's; `<now>` stands for any time."""
    return _matches(compared(answer), compared(expected))


def _matches(answer: Any, expected: Any) -> bool:
    if expected == "<now>":
        return bool(datetime.fromisoformat(str(answer)))
    if isinstance(expected, dict) and isinstance(answer, dict):
        return answer.keys() == expected.keys() and all(
            _matches(answer[name], wanted) for name, wanted in expected.items()
        )
    if isinstance(expected, list) and isinstance(answer, list):
        return len(answer) == len(expected) and all(map(_matches, answer, expected))
    return bool(answer == expected)
