"""YAML text to plain values, by the rules that kubectl applies, with bounds on what a text may cost.

Scalars resolve as in YAML 1.1 without base-60 numbers (Kubernetes' own library): `yes`, `on` and `y` are
booleans, `0755` is octal, dates stay text, integral floats are integers. Beyond that, what would be
silently lost or ambiguous is refused: repeated keys, unknown tags, numbers that JSON cannot hold. Nesting
and aliases are bounded, and no message repeats a scalar, because it may be secret.
"""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

DEEPEST = 200
"""Levels of nesting; parsing cost grows with the square of the depth."""
HEAVIEST = 64 * 2**20
"""Characters a document may hold after its aliases are expanded, every value counting 32 more."""
_NODE_WEIGHT = 32

_CONSTANTS: dict[str, bool | None] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
}
_INTEGER = re.compile(r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_STANDARD_TAG = "tag:yaml.org,2002:"
_LONGEST_NUMBER = 400


class YamlProblem(ValueError):
    """A text that cannot be read; `line` counts from 1, `remedy` says what to do."""

    def __init__(self, problem: str, *, line: int, remedy: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.line = line
        self.remedy = remedy


@dataclass(frozen=True)
class ReadDocument:
    """One document's value and the line it starts on, counted from 1."""

    value: Any
    line: int


def read_yaml(text: str) -> Iterator[ReadDocument]:
    """Yield the documents of `text` as they are read; empty ones have the value None.

    Raises:
        YamlProblem: the text is not YAML, or holds what Kubernetes cannot; documents before it were yielded.
    """
    loader = _Loader(text)
    building = _Document()
    line = 1
    try:
        while loader.check_event():
            event = loader.get_event()
            if isinstance(event, DocumentStartEvent):
                building, line = _Document(), _line(event)
            elif isinstance(event, DocumentEndEvent):
                yield ReadDocument(building.value, building.line or line)
            else:
                building.accept(event)
    except yaml.YAMLError as error:
        raise _syntax_problem(error, text) from None
    finally:
        loader.dispose()


def _syntax_problem(error: yaml.YAMLError, text: str) -> YamlProblem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be parsed"
    position = getattr(error, "position", None)
    line = mark.line + 1 if mark else text.count("\n", 0, position) + 1 if isinstance(position, int) else 1
    return YamlProblem(f"it is not YAML: {problem}", line=line, remedy="correct the YAML there")


@dataclass
class _Frame:
    """A container under construction; `key` awaits its value, `merges` are mappings for `<<`."""

    value: dict[str, Any] | list[Any]
    anchor: str | None
    line: int
    weight_before: int
    key: str | None = None
    merging: bool = False
    merges: list[Any] = field(default_factory=list)


@dataclass(frozen=True)
class _Anchored:
    value: Any
    weight: int
    depth: int


class _Document:
    """Builds one document's value from its events, without recursion."""

    def __init__(self) -> None:
        self.value: Any = None
        self.line: int | None = None
        self._frames: list[_Frame] = []
        self._anchors: dict[str, _Anchored | None] = {}
        self._weight = 0

    def accept(self, event: Event) -> None:
        match event:
            case ScalarEvent():
                self._scalar(event)
            case MappingStartEvent():
                self._open({}, event)
            case SequenceStartEvent():
                self._open([], event)
            case MappingEndEvent() | SequenceEndEvent():
                self._close(event)
            case AliasEvent():
                self._alias(event)
            case _:
                pass  # start and end of the stream

    def _open(self, value: dict[str, Any] | list[Any], event: MappingStartEvent | SequenceStartEvent) -> None:
        if self._awaits_key():
            raise self._problem("a key is not text", event, "use text as keys")
        if event.tag not in (None, "!", _STANDARD_TAG + "map", _STANDARD_TAG + "seq"):
            raise self._unknown_tag(event)
        if len(self._frames) >= DEEPEST:
            raise self._too_deep(event)
        self._weigh(0, event)
        if event.anchor:
            self._anchors[event.anchor] = None
        self._frames.append(_Frame(value, event.anchor, _line(event), self._weight))

    def _close(self, event: Event) -> None:
        frame = self._frames.pop()
        if isinstance(frame.value, dict):
            for merged in frame.merges:
                for key, value in merged.items():
                    frame.value.setdefault(key, value)
        if frame.anchor:
            depth = nesting(frame.value)
            self._anchors[frame.anchor] = _Anchored(frame.value, self._weight - frame.weight_before, depth)
        self._add(frame.value, event, frame.line)

    def _scalar(self, event: ScalarEvent) -> None:
        self._weigh(len(event.value), event)
        plain = event.implicit[0] and event.tag is None
        if plain and event.value == "<<" and self._awaits_key():
            self._frames[-1].merging = True
            return
        value = self._resolved(event)
        if event.anchor:
            self._anchors[event.anchor] = _Anchored(value, _NODE_WEIGHT + len(event.value), 0)
        if self._awaits_key():
            self._take_key(self._frames[-1], _as_key(value), event)
        else:
            self._add(value, event, _line(event))

    def _alias(self, event: AliasEvent) -> None:
        if event.anchor not in self._anchors:
            raise self._problem("an alias names no anchor before it", event, "define the anchor first")
        anchored = self._anchors[event.anchor]
        if anchored is None:
            raise self._problem("an alias contains itself", event, "write the value out")
        if len(self._frames) + anchored.depth > DEEPEST:
            raise self._too_deep(event)
        self._weight += anchored.weight
        self._weigh(0, event)
        if self._awaits_key():
            if isinstance(anchored.value, dict | list):
                raise self._problem("a key is not text", event, "use text as keys")
            self._take_key(self._frames[-1], _as_key(anchored.value), event)
        else:
            self._add(copy.deepcopy(anchored.value), event, _line(event))

    def _awaits_key(self) -> bool:
        if not self._frames:
            return False
        frame = self._frames[-1]
        return isinstance(frame.value, dict) and frame.key is None and not frame.merging

    def _take_key(self, frame: _Frame, key: str | None, event: Event) -> None:
        if key is None:
            raise self._problem("a key is empty or not text", event, "use text as keys")
        if key in frame.value:
            raise self._problem(f"{self._path(key)} is given twice", event, "keep one of them")
        frame.key = key

    def _add(self, value: Any, event: Event, line: int) -> None:
        if not self._frames:
            self.value, self.line = value, line
            return
        frame = self._frames[-1]
        if isinstance(frame.value, list):
            frame.value.append(value)
        elif frame.merging:
            merges = value if isinstance(value, list) else [value]
            if not all(isinstance(merged, dict) for merged in merges):
                raise self._problem("<< merges what is not a mapping", event, "merge mappings only")
            frame.merges += merges
            frame.merging = False
        else:
            frame.value[frame.key or ""] = value
            frame.key = None

    def _weigh(self, characters: int, event: Event) -> None:
        self._weight += _NODE_WEIGHT + characters
        if self._weight > HEAVIEST:
            raise self._problem(
                "a document is too large once its aliases are expanded",
                event,
                "split it or write fewer aliases",
            )

    def _resolved(self, event: ScalarEvent) -> Any:
        """Return the value of a scalar: quoted and tagged ones as told, plain ones by their look."""
        text, tag = event.value, event.tag
        if tag in ("!", _STANDARD_TAG + "str", _STANDARD_TAG + "timestamp") or (
            tag is None and not event.implicit[0]
        ):
            return text
        if tag is not None and tag not in _RESOLVED_TAGS:
            raise self._unknown_tag(event)
        try:
            value = resolve_plain(text)
        except ValueError as unfit:
            raise self._problem(f"{self._path()} {unfit}", event, "quote it to make it text") from None
        if tag is not None and not isinstance(value, _RESOLVED_TAGS[tag]):
            raise self._problem(f"{self._path()} does not fit its tag", event, "remove the tag")
        return value

    def _path(self, last: str | None = None) -> str:
        """The path of the place being read, such as `spec.containers[0].image`; it holds keys only."""
        parts = []
        for frame in self._frames:
            if isinstance(frame.value, list):
                parts.append(f"[{len(frame.value)}]")
            elif frame.key is not None:
                parts.append(f".{frame.key}")
        if last is not None:
            parts.append(f".{last}")
        return "".join(parts).lstrip(".") or "a value"

    def _unknown_tag(self, event: ScalarEvent | MappingStartEvent | SequenceStartEvent) -> YamlProblem:
        return self._problem(f"{self._path()} has a tag of its own", event, "write a plain value")

    def _too_deep(self, event: Event) -> YamlProblem:
        return self._problem(f"values are nested deeper than {DEEPEST} levels", event, "flatten them")

    def _problem(self, problem: str, event: Event, remedy: str) -> YamlProblem:
        return YamlProblem(problem, line=_line(event), remedy=remedy)


_RESOLVED_TAGS: dict[str, tuple[type, ...]] = {
    _STANDARD_TAG + "int": (int,),
    _STANDARD_TAG + "float": (int, float),
    _STANDARD_TAG + "bool": (bool,),
    _STANDARD_TAG + "null": (type(None),),
}


def resolve_plain(text: str) -> str | int | float | bool | None:
    """Return what an unquoted scalar stands for.

    Raises:
        ValueError: a number that JSON or Kubernetes cannot hold; the message does not repeat it.
    """
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] not in "+-.0123456789" or len(text) > _LONGEST_NUMBER:
        return text
    if _NOT_FINITE.fullmatch(text):
        raise ValueError("is not a finite number")
    digits = text.replace("_", "") if text[0] != "." else text
    integer = _INTEGER.fullmatch(digits)
    if integer is not None:
        return fitting_integer(_integer(integer))
    if not _FLOAT.fullmatch(digits):
        return text
    number = float(digits)
    # Kubernetes' library leaves what overflows a float as text.
    return text if math.isinf(number) else plain_number(number)


def _integer(found: re.Match[str]) -> int:
    sign, hexadecimal, binary, octal, decimal = found.groups()
    for digits, base in ((hexadecimal, 16), (binary, 2), (octal, 8), (decimal, 10)):
        if digits is not None:
            return int(sign + digits, base)
    raise AssertionError(found.re.pattern)


def fitting_integer(number: int) -> int:
    """Return `number` where it is an int64.

    Raises:
        ValueError: it is larger, and Kubernetes would silently round it.
    """
    if not -(2**63) <= number < 2**63:
        raise ValueError("is a whole number larger than Kubernetes can hold")
    return number


def plain_number(number: float) -> int | float:
    """Return `number` as JSON's readers see it: a whole one within int64 is an integer."""
    return int(number) if number.is_integer() and abs(number) < 2**63 else number


def _as_key(value: Any) -> str | None:
    """Return a scalar as the key JSON would have, or None where it cannot be one."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    return value if isinstance(value, str) else None


def nesting(value: Any) -> int:
    """Return how many containers are nested in `value`, itself included, without recursing."""
    depth, level = 0, [value]
    while level := [one for one in level if isinstance(one, dict | list)]:
        depth += 1
        level = [item for one in level for item in (one.values() if isinstance(one, dict) else one)]
    return depth


def _line(event: Event) -> int:
    mark = event.start_mark
    return int(mark.line) + 1 if mark else 1
