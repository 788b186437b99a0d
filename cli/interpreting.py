"""The questions of `argosy interpret`, and how answers are shown."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from argosy.api import documents
from argosy.api.base import to_manifest
from argosy.api.behaviour import Behaviour
from argosy.api.customization import Operation
from argosy.api.health import Assessment
from argosy.api.interpreter_webhook import NAMES
from argosy.api.manifest import Manifest
from argosy.api.redact import redacted
from argosy.errors import ArgosyError, InvalidInput, NotCustomized
from argosy.interpreter.dependencies import Dependency
from argosy.interpreter.layered import Layered
from cli.documents import Batch, check_scripts
from cli.offline import layered_by
from cli.options import Output

_BY_NAME = {name: operation for operation, name in NAMES.items()}
# Those that need nothing beside the object.
_ALONE = (
    Operation.REPLICAS,
    Operation.COMPONENTS,
    Operation.DEPENDENCIES,
    Operation.HEALTH,
    Operation.REFLECT,
)


@dataclass(frozen=True)
class Question:
    """What was asked on the command line."""

    filename: str
    operation: str
    observed: str | None
    items: str | None
    replicas: int | None
    customizations: tuple[str, ...]
    behaviour: str


@dataclass(frozen=True)
class Answer:
    """One operation's answer, who gave it, or why there is none."""

    operation: str
    by: str
    answer: Any = None
    error: str = ""


async def answers(question: Question) -> list[Answer]:
    """Ask one operation, or all that need nothing beside the object.

    Raises:
        InvalidInput: something cannot be read, is wrong, or is missing.
    """
    if question.behaviour not in {"argosy", "karmada"}:
        raise InvalidInput(f"--behaviour is {question.behaviour!r}; write argosy or karmada")
    behaviour = cast("Behaviour", question.behaviour)
    operations = _operations(question.operation)
    manifest = _one_object(question.filename, "-f")
    drafts = (
        Batch.read(question.customizations, recursive=False, namespace=None)
        if question.customizations
        else Batch()
    )
    await check_scripts(drafts)
    async with layered_by(drafts, behaviour) as layered:
        return [await _answer(layered, manifest, one, question) for one in operations]


def shown(found: list[Answer], output: Output) -> tuple[str, int]:
    """The text to print, and the exit code: 1 where a rule failed, or the one that was asked for does not exist."""
    failed = any(one.error for one in found) or (len(found) == 1 and not found[0].by)
    items = [
        {"operation": one.operation, "by": one.by or None, "answer": one.answer}
        | ({"error": one.error} if one.error else {})
        for one in found
    ]
    whole = items[0] if len(items) == 1 else items
    if output == Output.JSON:
        return json.dumps(whole, indent=2) + "\n", int(failed)
    if output == Output.YAML:
        return yaml.safe_dump(whole, sort_keys=False), int(failed)
    return "".join(_page(one) for one in found), int(failed)


def _page(one: Answer) -> str:
    if one.error:
        return f"{one.operation} (by {one.by}) failed: {one.error}\n"
    if not one.by:
        return f"{one.operation}: nobody defines it for this kind\n"
    written = yaml.safe_dump(one.answer, sort_keys=False).removesuffix("...\n").rstrip()
    if isinstance(one.answer, dict | list) and one.answer:
        written = "\n  " + written.replace("\n", "\n  ")
        return f"{one.operation} (by {one.by}):{written}\n"
    return f"{one.operation} (by {one.by}): {written}\n"


def _operations(name: str) -> tuple[Operation, ...]:
    if not name:
        return _ALONE
    operation = _BY_NAME.get(name)
    if operation is None:
        raise InvalidInput(f"--operation is {name!r}; write one of {', '.join(_BY_NAME)}")
    return (operation,)


def _one_object(filename: str, option: str) -> Manifest:
    found = documents.read([filename], recursive=False)
    if len(found) != 1:
        raise InvalidInput(f"{filename} holds {len(found)} objects; give {option} a file with one")
    return found[0].manifest


async def _answer(layered: Layered, manifest: Manifest, operation: Operation, question: Question) -> Answer:
    by = layered.title_of(manifest, operation)
    name = NAMES[operation]
    try:
        return Answer(name, by, _plain(await _ASK[operation](layered, manifest, question)))
    except NotCustomized:
        return Answer(name, "")
    except InvalidInput:
        raise
    except ArgosyError as error:
        return Answer(name, by, error=str(error))


async def _replicas(layered: Layered, manifest: Manifest, _: Question) -> Any:
    replicas, needs = await layered.replicas(manifest)
    return {"replicas": replicas, "requirements": None if needs is None else to_manifest(needs)}


async def _components(layered: Layered, manifest: Manifest, _: Question) -> Any:
    return [to_manifest(one) for one in await layered.components(manifest)]


async def _revise(layered: Layered, manifest: Manifest, question: Question) -> Any:
    if question.replicas is None:
        raise InvalidInput("ReviseReplica needs a number; give --replicas")
    return await layered.revise(manifest, question.replicas)


async def _retain(layered: Layered, manifest: Manifest, question: Question) -> Any:
    if question.observed is None:
        raise InvalidInput("Retain needs the object as a member has it; give --observed")
    return await layered.retain(manifest, _one_object(question.observed, "--observed"))


async def _aggregate(layered: Layered, manifest: Manifest, question: Question) -> Any:
    if question.items is None:
        raise InvalidInput("AggregateStatus needs what clusters report; give --items")
    return (await layered.aggregate(manifest, _reports(question.items))).get("status")


async def _reflect(layered: Layered, manifest: Manifest, _: Question) -> Any:
    return await layered.reflect(manifest)


async def _health(layered: Layered, manifest: Manifest, _: Question) -> Any:
    return await layered.health(manifest)


async def _dependencies(layered: Layered, manifest: Manifest, _: Question) -> Any:
    return await layered.dependencies(manifest)


_ASK: Mapping[Operation, Callable[[Layered, Manifest, Question], Awaitable[Any]]] = {
    Operation.REPLICAS: _replicas,
    Operation.COMPONENTS: _components,
    Operation.REVISE: _revise,
    Operation.RETAIN: _retain,
    Operation.AGGREGATE: _aggregate,
    Operation.REFLECT: _reflect,
    Operation.HEALTH: _health,
    Operation.DEPENDENCIES: _dependencies,
}


def _reports(filename: str) -> list[dict[str, Any]]:
    try:
        read = yaml.safe_load(Path(filename).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InvalidInput(
            f"{filename} cannot be read: {error}; name a file with a list of reports"
        ) from None
    if not isinstance(read, list) or not all(
        isinstance(one, dict) and one.get("clusterName") for one in read
    ):
        raise InvalidInput(
            f"{filename} holds no list of reports; write for each cluster `clusterName` and `status`"
        )
    return read


def _plain(value: Any) -> Any:
    """An answer as JSON."""
    if isinstance(value, Assessment):
        return value.model_dump(mode="json", exclude_none=True)
    if isinstance(value, Dependency):
        found = {"apiVersion": value.api_version, "kind": value.kind, "namespace": value.namespace}
        if value.name:
            return found | {"name": value.name}
        return found | {"labelSelector": {"matchLabels": dict(value.labels)}}
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    return redacted(value) if isinstance(value, dict) and "kind" in value else value
