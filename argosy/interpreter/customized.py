"""What objects mean where customizations say so: their scripts, called and their answers checked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn, TypeVar

from pydantic import TypeAdapter, ValidationError

from argosy.api.behaviour import Behaviour
from argosy.api.customization import (
    DependentObjectReference,
    Operation,
    ResourceInterpreterCustomization,
)
from argosy.api.manifest import Manifest
from argosy.api.parsing import dotted
from argosy.api.requirements import Component, ReplicaRequirements
from argosy.api.validation import Problem
from argosy.errors import InterpreterError, NotCustomized
from argosy.interpreter.lua.pool import LuaPool

FUNCTIONS: Mapping[Operation, str] = {
    Operation.RETAIN: "Retain",
    Operation.REPLICAS: "GetReplicas",
    Operation.COMPONENTS: "GetComponents",
    Operation.REVISE: "ReviseReplica",
    Operation.REFLECT: "ReflectStatus",
    Operation.AGGREGATE: "AggregateStatus",
    Operation.HEALTH: "InterpretHealth",
    Operation.DEPENDENCIES: "GetDependencies",
}
"""What the script of each operation defines."""

_REQUIREMENTS: TypeAdapter[ReplicaRequirements] = TypeAdapter(ReplicaRequirements)
_COMPONENTS: TypeAdapter[tuple[Component, ...]] = TypeAdapter(tuple[Component, ...])
_DEPENDENCIES: TypeAdapter[tuple[DependentObjectReference, ...]] = TypeAdapter(
    tuple[DependentObjectReference, ...]
)
_LARGEST_INT32 = 2**31 - 1

T = TypeVar("T")


class CustomizedInterpreter:
    """Interprets objects by scripts.

    Where several customizations have a script for the same operation on the same kind, the first by name counts;
    dependencies are joined instead. Every operation raises:
        NotCustomized: no customization has a script for it.
        InterpreterError: the script fails, or answers what it may not; the message names the customization.
        InterpreterLost: its process was lost by no fault of the script; the call may be repeated.
    """

    title = "customization"

    def __init__(
        self,
        customizations: Iterable[ResourceInterpreterCustomization],
        pool: LuaPool,
        *,
        behaviour: Behaviour = "argosy",
    ) -> None:
        self._pool = pool
        self._behaviour: Behaviour = behaviour
        self._scripts: dict[tuple[str, str, Operation], list[_Script]] = defaultdict(list)
        for one in sorted(customizations, key=lambda one: one.name):
            target = one.spec.target
            for operation, text in one.spec.customizations.scripts().items():
                script = _Script(one.name, operation, text)
                self._scripts[target.api_version, target.kind, operation].append(script)

    def handles(self, api_version: str, kind: str, operation: Operation) -> bool:
        """Whether some customization has a script for `operation` on this kind in this version."""
        return (api_version, kind, operation) in self._scripts

    async def replicas(self, template: Manifest) -> tuple[int, ReplicaRequirements | None]:
        """How many replicas `template` asks for, and what each needs if the script says so."""
        script = self._first(template, Operation.REPLICAS)
        count, needs = await self._call(script, template, results=2)
        if isinstance(count, bool) or not isinstance(count, int | float):
            script.refuse(f"returned {_shown(count)} and not a number of replicas")
        if abs(count) > _LARGEST_INT32 or (count < 0 and self._behaviour == "argosy"):
            script.refuse(f"returned {count} replicas")
        return int(count), None if needs is None else _fitting(script, _REQUIREMENTS, needs or {})

    async def components(self, template: Manifest) -> tuple[Component, ...]:
        """The pod templates of a workload that has several, none where it says so."""
        script = self._first(template, Operation.COMPONENTS)
        return _fitting(script, _COMPONENTS, await self._call(script, template) or [])

    async def revise(self, template: Manifest, replicas: int) -> Manifest:
        """`template` asking for `replicas`."""
        script = self._first(template, Operation.REVISE)
        return self._object(script, template, await self._call(script, template, replicas))

    async def retain(self, desired: Manifest, observed: Manifest) -> Manifest:
        """`desired` with what its member cluster is to keep of `observed`."""
        script = self._first(desired, Operation.RETAIN)
        return self._object(script, desired, await self._call(script, desired, observed))

    async def reflect(self, observed: Manifest) -> dict[str, Any] | None:
        """What of the status of `observed` is collected; None where there is nothing to collect."""
        script = self._first(observed, Operation.REFLECT)
        status = await self._call(script, observed, part_of="status")
        return None if status is None else _mapping(script, status)

    async def aggregate(self, template: Manifest, items: Sequence[Mapping[str, Any]] | None) -> Manifest:
        """`template` with the status that `items` (AggregatedStatusItem, one for each cluster) make together."""
        script = self._first(template, Operation.AGGREGATE)
        given = None if items is None else list(items)
        return self._object(script, template, await self._call(script, template, given))

    async def health(self, observed: Manifest) -> bool:
        """Whether `observed` works as it should."""
        script = self._first(observed, Operation.HEALTH)
        healthy = await self._call(script, observed)
        if not isinstance(healthy, bool):
            script.refuse(f"returned {_shown(healthy)} and not true or false")
        return healthy

    async def dependencies(self, template: Manifest) -> tuple[DependentObjectReference, ...]:
        """The objects that `template` needs beside it by all customizations, sorted, each once."""
        self._first(template, Operation.DEPENDENCIES)
        found: dict[str, DependentObjectReference] = {}
        for script in self._all(template, Operation.DEPENDENCIES):
            for one in await self._dependencies(script, template):
                found[one.model_dump_json()] = one
        return tuple(
            sorted(found.values(), key=lambda one: (one.api_version, one.kind, one.namespace, one.name))
        )

    async def _dependencies(
        self, script: _Script, template: Manifest
    ) -> tuple[DependentObjectReference, ...]:
        listed = await self._call(script, template)
        if listed is None and self._behaviour == "karmada":
            script.refuse("returned nil and not a list")
        dependencies = _fitting(script, _DEPENDENCIES, listed or [])
        for one in dependencies:
            if not (one.api_version and one.kind and (one.name or one.label_selector is not None)):
                script.refuse(
                    "returned a dependency without apiVersion, kind, or both name and labelSelector"
                )
        return dependencies

    def _all(self, manifest: Manifest, operation: Operation) -> list[_Script]:
        key = (str(manifest.get("apiVersion", "")), str(manifest.get("kind", "")), operation)
        return self._scripts.get(key, [])

    def _first(self, manifest: Manifest, operation: Operation) -> _Script:
        found = self._all(manifest, operation)
        if not found:
            raise NotCustomized(
                f"No customization defines {operation} for {manifest.get('kind')} of "
                f"{manifest.get('apiVersion')}; add one."
            )
        return found[0]

    async def _call(
        self, script: _Script, *arguments: Any, results: int = 1, part_of: str | None = None
    ) -> Any:
        try:
            return await self._pool.call(
                script.text,
                FUNCTIONS[script.operation],
                *arguments,
                results=results,
                part_of=part_of,
                behaviour=self._behaviour,
            )
        except InterpreterError as error:
            raise InterpreterError(f"{script}: {error}") from None

    def _object(self, script: _Script, given: Manifest, answer: Any) -> Manifest:
        revised = _mapping(script, answer)
        if not (revised.get("apiVersion") and revised.get("kind")):
            script.refuse("returned an object without apiVersion or kind")
        if self._behaviour == "argosy" and _identity(revised) != _identity(given):
            script.refuse("returned another object than it was given")
        return revised


async def script_problems(customization: ResourceInterpreterCustomization, pool: LuaPool) -> list[Problem]:
    """Which scripts of `customization` do not load.

    Raises:
        InterpreterLost: a process was lost by no fault of a script; the check may be repeated.
    """
    problems = []
    for operation, text in customization.spec.customizations.scripts().items():
        try:
            await pool.check(text)
        except InterpreterError as error:
            path = f"spec.customizations.{operation}.luaScript"
            reason = str(error).removeprefix("The script failed: ").removesuffix("; correct it.")
            problems.append(Problem(path=path, message=f"does not load ({reason})", remedy="correct it"))
    return problems


class _Script:
    """The script of one operation, which knows how to name itself."""

    def __init__(self, customization: str, operation: Operation, text: str) -> None:
        self.customization = customization
        self.operation = operation
        self.text = text

    def __str__(self) -> str:
        return f"{self.customization}, {self.operation}"

    def refuse(self, what: str) -> NoReturn:
        """Raise InterpreterError: the script did `what`."""
        raise InterpreterError(f"{self}: {FUNCTIONS[self.operation]} {what}; correct the script.")


def _mapping(script: _Script, answer: Any) -> dict[str, Any]:
    if answer == []:
        return {}
    if not isinstance(answer, dict):
        script.refuse(f"returned {_shown(answer)} and not an object")
    return answer


def _identity(manifest: Mapping[str, Any]) -> tuple[Any, ...]:
    metadata = manifest.get("metadata")
    named = metadata if isinstance(metadata, dict) else {}
    return manifest.get("apiVersion"), manifest.get("kind"), named.get("namespace"), named.get("name")


def _fitting(script: _Script, model: TypeAdapter[T], answer: Any) -> T:
    """The model of `answer`, fields that it does not know left out, as Karmada does."""
    try:
        return model.validate_python(answer, by_alias=True, by_name=False)
    except ValidationError as error:
        problems = error.errors()
    unknown = [one["loc"] for one in problems if one["type"] == "extra_forbidden"]
    if not unknown:
        place, reason = dotted(problems[0]["loc"]) or "an answer", problems[0]["msg"]
        script.refuse(f"returned {place} that is wrong ({reason})")
    for location in unknown:
        _remove(answer, location)
    return _fitting(script, model, answer)


def _remove(answer: Any, place: tuple[int | str, ...]) -> None:
    for part in place[:-1]:
        answer = answer[part]
    del answer[place[-1]]


def _shown(value: Any) -> str:
    if value is None:
        return "nil"
    if isinstance(value, str | int | float):
        return repr(value)[:60]
    return "a table"
