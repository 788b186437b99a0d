"""JSON text to plain values, with the same refusals as YAML: repeated keys and numbers that do not fit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from argosy.api.yaml_reader import DEEPEST, ReadDocument, YamlProblem, fitting_integer, nesting, plain_number


class NotJson(ValueError):
    """The text is not JSON; it may still be YAML, whose flow style looks alike."""


def looks_like_json(text: str) -> bool:
    """Whether `text` begins as a JSON object or list does."""
    return text.lstrip()[:1] in ("{", "[")


def read_json(text: str) -> Iterator[ReadDocument]:
    """Yield the JSON values of `text`, which may stand one after another.

    Raises:
        NotJson: the text does not parse; nothing was yielded yet.
        YamlProblem: a value holds what Kubernetes cannot.
    """
    decoder = json.JSONDecoder(
        object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_constant
    )
    read: list[ReadDocument] = []
    position = _skip_space(text, 0)
    while position < len(text):
        line = text.count("\n", 0, position) + 1
        try:
            value, end = decoder.raw_decode(text, position)
        except json.JSONDecodeError as error:
            raise NotJson(error.msg) from None
        except RecursionError:
            raise YamlProblem("values are nested too deep", line=line, remedy="flatten them") from None
        except _Unfit as unfit:
            raise YamlProblem(unfit.problem, line=line, remedy=unfit.remedy) from None
        if nesting(value) > DEEPEST:
            problem = f"values are nested deeper than {DEEPEST} levels"
            raise YamlProblem(problem, line=line, remedy="flatten them")
        read.append(ReadDocument(value, line))
        position = _skip_space(text, end)
    yield from read


class _Unfit(Exception):
    """Raised inside the decoder; not a ValueError, which the decoder would take for bad JSON."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]  # the idiom for the first repetition
        raise _Unfit(f"{twice} is given twice", "keep one of them")
    return value


def _integer(digits: str) -> int:
    try:
        return fitting_integer(int(digits))
    except ValueError:
        raise _Unfit(
            "a whole number is larger than Kubernetes can hold", "quote it to make it text"
        ) from None


def _float(digits: str) -> int | float:
    number = float(digits)
    return plain_number(number) if abs(number) != float("inf") else _constant(digits)


def _constant(_: str) -> float:
    raise _Unfit("a number is not finite", "quote it to make it text")


def _skip_space(text: str, position: int) -> int:
    while position < len(text) and text[position] in " \t\r\n":
        position += 1
    return position
