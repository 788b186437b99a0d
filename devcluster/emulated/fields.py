"""Sets of fields, in the form of `managedFields`, and what they do to objects.

A set is nested: an empty one is a member, and one that holds `.` is a member with others inside. Sets and objects are
values: nothing here changes what it was given, so that a thousand clusters can share them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from devcluster.emulated.schema import Type

FieldSet = dict[str, Any]
NOTHING: FieldSet = {}
_SELF: FieldSet = {".": {}}
_ABSENT: Any = object()


def fields_of(value: Any, of: Type) -> FieldSet | None:
    """The fields that a value sets, without itself; None for one that is a member as a whole."""
    if of.scalar or of.atomic or value is None:
        return None
    if of.is_list:
        return {key: _item(fields_of(item, _items(of))) for key, item in keyed(value, of)}
    found: FieldSet = {}
    for name, inner in value.items():
        declared = of.of_field(name)
        below = None if declared is None else fields_of(inner, declared)
        if below is None or inner == {}:
            found[f"f:{name}"] = {}
        elif below:
            # What has a free name is a field of its own, besides what is in it.
            found[f"f:{name}"] = below if of.fields is not None else _SELF | below
    return found


def keyed(items: list[Any], of: Type) -> Iterator[tuple[str, Any]]:
    """The items of a list with what names them in a set."""
    for item in items or ():
        yield key_of(item, of), item


def key_of(item: Any, of: Type) -> str:
    """What names an item of a list in a set."""
    if of.keys is None:
        return f"v:{json.dumps(item)}"
    keys = {
        name: item.get(name, default)
        for name, default in sorted(of.keys.items())
        if item.get(name, default) is not None
    }
    return f"k:{json.dumps(keys, separators=(',', ':'))}"


def union(one: FieldSet, other: FieldSet) -> FieldSet:
    """What is in either; of members with something inside, both."""
    found = dict(one)
    for key, inner in other.items():
        found[key] = _joined(found[key], inner) if key in found else inner
    return found


def _joined(one: FieldSet, other: FieldSet) -> FieldSet:
    if one == other:
        return one
    # An empty one is a member, which has to stay one beside what is inside of the other.
    return union(one or _SELF, other or _SELF)


def minus(one: FieldSet, other: FieldSet) -> FieldSet:
    """The members of one that are not in the other."""
    found: FieldSet = {}
    for key, inner in one.items():
        if key not in other:
            found[key] = inner
            continue
        theirs = other[key]
        if key == "." or not inner:
            # A member of its own: gone if it is one of the other's.
            if _is_member(theirs) or key == ".":
                continue
            found[key] = inner
        else:
            left = minus(inner, theirs or _SELF)
            if left:
                found[key] = {} if left == _SELF else left
    return found


def _is_member(inner: FieldSet) -> bool:
    return not inner or "." in inner


def without(value: Any, fields: FieldSet, of: Type) -> Any:
    """A value without the members of a set; an item of a list goes as a whole."""
    if of.is_list:
        kept = []
        for key, item in keyed(value, of):
            inner = fields.get(key)
            if inner is None:
                kept.append(item)
            elif not _is_member(inner):
                kept.append(without(item, inner, _items(of)))
        return kept
    found = dict(value)
    for key, inner in fields.items():
        name = key[2:]
        if key == "." or name not in found:
            continue
        declared = of.of_field(name)
        if _is_member(inner) and not (set(inner) - {"."}):
            del found[name]
        elif declared is not None and isinstance(found[name], dict | list):
            left = without(found[name], inner, declared)
            if left in ({}, []):
                del found[name]
            else:
                found[name] = left
    return found


def merged(live: Any, config: Any, of: Type) -> Any:
    """What becomes of a value when a configuration is applied to it."""
    if live is None or of.scalar or of.atomic or config is None:
        return config
    if of.is_list:
        wanted = dict(keyed(config, of))
        known = dict(keyed(live, of))
        if not known:
            return config
        # The order is the configuration's; what only others have stays behind what it followed.
        result = [
            merged(known[key], item, _items(of)) if key in known else item for key, item in wanted.items()
        ]
        return result + [item for key, item in known.items() if key not in wanted]
    found = dict(live)
    for name, inner in config.items():
        declared = of.of_field(name)
        found[name] = merged(live.get(name), inner, declared) if declared is not None else inner
    return found


def changed(old: Any, new: Any, of: Type) -> tuple[FieldSet, FieldSet]:
    """The fields that were set or changed from one value to another, and those that were removed."""
    if old == new:
        return NOTHING, NOTHING
    if of.is_list:
        olds, news = dict(keyed(old, of)), dict(keyed(new, of))
        below = _items(of)
    else:
        olds = {f"f:{name}": inner for name, inner in (old or {}).items()}
        news = {f"f:{name}": inner for name, inner in (new or {}).items()}
        below = None
    put: FieldSet = {}
    gone: FieldSet = {}
    for key in [*news, *(key for key in olds if key not in news)]:
        declared = below or of.of_field(key[2:])
        one, other = olds.get(key, _ABSENT), news.get(key, _ABSENT)
        if one == other:
            continue
        if declared is None or _is_whole(one, other, declared):
            present, into = (one, gone) if other is _ABSENT else (other, put)
            fields = None if declared is None else fields_of(present, declared)
            into[key] = _item(fields) if below is not None else fields or {}
            continue
        inner_put, inner_gone = changed(one, other, declared)
        if inner_put:
            put[key] = inner_put
        if inner_gone:
            gone[key] = inner_gone
    return put, gone


def _is_whole(one: Any, other: Any, of: Type) -> bool:
    return bool(of.scalar) or of.atomic or one in (_ABSENT, None) or other in (_ABSENT, None)


def differing(
    fields: FieldSet, live: Any, config: Any, of: Type, at: str = ""
) -> Iterator[tuple[str, FieldSet]]:
    """The members of a set whose values differ, as (path, the set of that member alone)."""
    if of.is_list:
        olds, news = dict(keyed(live, of)), dict(keyed(config, of))
    else:
        olds = {f"f:{name}": inner for name, inner in (live or {}).items()}
        news = {f"f:{name}": inner for name, inner in (config or {}).items()}
    for key, inner in fields.items():
        if key == "." or key not in news:
            continue
        declared = _items(of) if of.is_list else of.of_field(key[2:])
        path = f"{at}{_shown(key)}"
        deeper = {name: below for name, below in inner.items() if name != "."}
        if deeper and declared is not None:
            for where, single in differing(deeper, olds.get(key), news[key], declared, path):
                yield where, {key: single}
        elif not of.is_list and olds.get(key, _ABSENT) != news[key]:
            yield path, {key: {}}


def common(one: FieldSet, other: FieldSet) -> FieldSet:
    """The members of one that are members of the other too."""
    return minus(one, minus(one, other))


def _shown(key: str) -> str:
    kind, _, written = key.partition(":")
    if kind == "f":
        return f".{written}"
    if kind == "v":
        return f"[={written}]"
    keys: Mapping[str, Any] = json.loads(written)
    return f"[{','.join(f'{name}={json.dumps(value)}' for name, value in keys.items())}]"


def _item(inside: FieldSet | None) -> FieldSet:
    """An item of a list, which is a member itself, besides what is in it."""
    return _SELF | inside if inside else {}


def _items(of: Type) -> Type:
    if of.items is None:
        raise TypeError("a list without a type of its items")
    return of.items
