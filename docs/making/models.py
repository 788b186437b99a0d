"""The reference of the YAML: every field of a kind, from the models that read it.

The meaning of a field is its line under *Attributes* in the docstring of its model.
"""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from argosy.api.base import Model
from argosy.api.meta import ObjectMeta
from docs.making.markdown import cell, code, table

_ATTRIBUTE = re.compile(r"^    ((?:\w+, )*\w+): (.*(?:\n {8,}.*)*)", re.MULTILINE)
_WORDS: dict[Any, str] = {str: "text", int: "integer", float: "number", bool: "boolean", Any: "any value"}


def kinds(models: Sequence[type[Model]]) -> str:
    """Kinds with their parts, each with a table of its fields; a part stands below the first that has it."""
    return "\n\n".join(_section(one, level=2 if one in models else 3) for one in parts(models))


def parts(models: Sequence[type[Model]]) -> list[type[Model]]:
    """Models and those that their fields are made of, in the order in which they are met."""
    found: list[type[Model]] = []
    pending = list(models)
    while pending:
        one = pending.pop(0)
        if one in found or one is ObjectMeta:
            continue
        found.append(one)
        pending[:0] = [part for field in one.model_fields.values() for part in _models(field.annotation)]
    return found


def meanings(model: type[BaseModel]) -> dict[str, str]:
    """The lines under *Attributes*, by field; a subclass goes before what it is made from."""
    found: dict[str, str] = {}
    for one in model.__mro__:
        if one is BaseModel:
            break
        _, _, attributes = (inspect.cleandoc(one.__doc__ or "")).partition("Attributes:\n")
        for names, text in _ATTRIBUTE.findall(attributes):
            for name in names.split(", "):
                found.setdefault(name, " ".join(text.split()))
    return found


def fields(model: type[Model]) -> Iterator[tuple[str, FieldInfo, str]]:
    """Each field that is written, by its name in YAML, with its meaning; what says the kind is left out."""
    said = meanings(model)
    for name, field in model.model_fields.items():
        if name not in {"api_version", "kind", "metadata"} or not _is_identity(model):
            yield field.alias or name, field, said.get(name, "")


def _is_identity(model: type[Model]) -> bool:
    return {"api_version", "kind"} <= set(model.model_fields) and all(
        get_origin(model.model_fields[name].annotation) is Literal for name in ("api_version", "kind")
    )


def _section(model: type[Model], *, level: int) -> str:
    text = [f"{'#' * level} {model.__name__} {{ #{model.__name__.lower()} }}", _introduction(model)]
    if level == 2:
        text.append(_identity(model))
    rows = [
        (code(name), _type(field.annotation), _default(field), cell(_spelled(model, meaning)))
        for name, field, meaning in fields(model)
    ]
    text.append(table(("Field", "Type", "Default", "Meaning"), rows))
    return "\n\n".join(part for part in text if part)


def _introduction(model: type[Model]) -> str:
    doc = inspect.cleandoc(model.__doc__ or "")
    text = doc.partition("Attributes:\n")[0].strip()
    return _spelled(model, text)


def _spelled(model: type[Model], text: str) -> str:
    """The text with fields by the names that they have in YAML."""
    for name, field in model.model_fields.items():
        text = text.replace(f"`{name}`", f"`{field.alias or name}`")
    return text


def _identity(model: type[Model]) -> str:
    version, name = (get_args(model.model_fields[one].annotation)[0] for one in ("api_version", "kind"))
    metadata = ""
    if "metadata" in model.model_fields:
        scope = "in a namespace" if getattr(model, "namespaced", False) else "without a namespace"
        metadata = (
            f" Lives {scope}. `metadata` is as in Kubernetes; what a server sets in it is read and not used."
        )
    return f"`apiVersion: {version}`, `kind: {name}`.{metadata}"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.default
    if value is None or value is PydanticUndefined or (value in ("", (), 0) and value is not False):
        return ""
    return code("false" if value is False else "true" if value is True else str(value))


def _type(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(arguments[0])
    if origin in {Union, types.UnionType}:
        return " or ".join(_type(one) for one in arguments if one is not type(None))
    if origin is Literal:
        return ", ".join(code(str(one)) for one in arguments if one != "")
    if origin is tuple:
        return f"list of {_type(arguments[0])}"
    if origin is dict:
        return f"map of {_type(arguments[1])}"
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return f"[{annotation.__name__}](#{annotation.__name__.lower()})"
    return _WORDS.get(annotation) or str(getattr(annotation, "__name__", annotation))


def _models(annotation: Any) -> list[type[Model]]:
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return [annotation]
    return [found for one in get_args(annotation) for found in _models(one)]
