"""Smaller references, each from where the code says it once: settings, errors, annotations, refused fields."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic.fields import FieldInfo

from argosy import errors
from argosy.api import unsupported
from argosy.config import PREFIX, Settings
from docs.making.markdown import cell, code, table

ROOT = Path(__file__).parents[2]
_SIGNS = {Ge: "≥ {0.ge}", Gt: "> {0.gt}", Le: "≤ {0.le}", Lt: "< {0.lt}"}
_BASES = (errors.ArgosyError, errors.Transient)
_NAME = re.compile(r"([\w-]+\.)?(argosy\.dev|karmada\.io)/(?!v1)[\w-]+")
_PLACES = {
    "argosy/api/ownership.py": "copies",
    "argosy/api/kept_state.py": "copies",
    "argosy/api/backup.py": "exports",
    "argosy/api/membership.py": "taints",
    "argosy/interpreter/behaviour.py": "Karmada's copies",
}


# -- settings -------------------------------------------------------------------------------------------


def settings() -> str:
    """Every variable `ARGOSY_…`, from the model that reads them."""
    rows = [
        (code(PREFIX + name.upper()), _value(field), _bounds(field), cell(field.description or ""))
        for name, field in sorted(Settings.model_fields.items())
    ]
    return table(("Variable", "Default", "Values", "Meaning"), rows)


def _value(field: FieldInfo) -> str:
    value = field.default
    return (
        "none" if value in (None, "") else code(str(value).lower() if value in (True, False) else f"{value}")
    )


def _bounds(field: FieldInfo) -> str:
    if get_origin(field.annotation) is Literal:
        return ", ".join(code(one) for one in get_args(field.annotation))
    if field.annotation is bool:
        return "`true`, `false`"
    return ", ".join(_SIGNS[type(one)].format(one) for one in field.metadata if type(one) in _SIGNS)


# -- errors ---------------------------------------------------------------------------------------------


def failures() -> str:
    """Every category of error with what happens next."""
    rows = [
        (code(one.__name__), cell(_first(one)), "yes" if one.retryable else "no", str(one.exit_code))
        for one in categories()
    ]
    return table(("Category", "Meaning", "Tried again", "Exit code"), rows)


def categories() -> list[type[errors.ArgosyError]]:
    """The categories that a failure may have, by name."""
    found = vars(errors).values()
    kinds = [one for one in found if isinstance(one, type) and issubclass(one, errors.ArgosyError)]
    return sorted((one for one in kinds if one.__doc__ and one not in _BASES), key=lambda one: one.__name__)


def _first(one: type) -> str:
    return inspect.cleandoc(one.__doc__ or "").split("\n\n")[0]


# -- names ----------------------------------------------------------------------------------------------


class Name(NamedTuple):
    """A label, annotation or taint, and what the code says of it."""

    text: str
    meaning: str
    module: str


def marks() -> str:
    """The names that are written onto templates and policies."""
    return _names("")


def stamps() -> str:
    """The names that copies carry."""
    return _names("copies")


def taints() -> str:
    """The taints of clusters."""
    return _names("taints")


def exports() -> str:
    """The annotations of what `argosy export` writes."""
    return _names("exports")


def names() -> Iterator[Name]:
    """Every constant that is a label, an annotation or a taint, with the text below it."""
    for package in ("argosy", "activities"):
        for path in sorted((ROOT / package).rglob("*.py")):
            yield from _in_module(path)


def _names(place: str) -> str:
    found = sorted(one for one in names() if _PLACES.get(one.module, "") == place)
    return table(("Name", "Meaning"), [(code(one.text), cell(one.meaning)) for one in found])


def _in_module(path: Path) -> Iterator[Name]:
    body = ast.parse(path.read_text(encoding="utf-8")).body
    known: dict[str, str] = {}
    for statement, after in zip(body, [*body[1:], None], strict=True):
        if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Name):
            continue
        text = _text(statement.value, known)
        known[statement.targets[0].id] = text
        if _NAME.fullmatch(text):
            said = after.value.value if _is_text(after) else ""  # type: ignore[union-attr] # just asked
            yield Name(text, " ".join(str(said).split()), str(path.relative_to(ROOT)))


def _text(value: ast.expr, known: Mapping[str, str]) -> str:
    match value:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(_text(one, known) for one in values)
        case ast.FormattedValue(value=ast.Name(id=name)):
            return known.get(name, "")
        case _:
            return ""


def _is_text(statement: ast.stmt | None) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


# -- the rest -------------------------------------------------------------------------------------------


def refused() -> str:
    """Fields of policies that are read, and refused when they say something."""
    rows = [
        (code(row.path), ", ".join(code(str(one)) for one in row.harmless), cell(row.remedy))
        for row in (*unsupported.PROPAGATION, *unsupported.OVERRIDE)
    ]
    return table(("Field", "Except for", "What to do"), rows)


def decisions() -> str:
    """The records of decisions, by number."""
    rows = []
    for path in sorted((ROOT / "docs" / "adr").glob("[0-9]*.md")):
        title = path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
        rows.append(f"- [{title}]({path.name})")
    return "\n".join(rows)
