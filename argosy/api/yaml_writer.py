"""Values as YAML text that this project's reader, kubectl and YAML 1.2 all read back as the same values.

Keys are sorted after apiVersion, kind and metadata, and texts of several lines are blocks, so that a change of one
field is a change of one line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import yaml

_FIRST = ("apiVersion", "kind", "metadata")
_WIDTH = 2**20
# Texts that no reader takes for anything else. All others are quoted.
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
_Dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Writer(_Dumper):  # type: ignore[misc, valid-type] # either class, as libyaml is there or not
    """Quotes what is not certainly text, and never writes aliases."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the signature of the base
        return True


def _text(dumper: Any, text: str) -> Any:
    if "\n" in text:
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|")
    plain = _PLAIN.fullmatch(text) and text.lower() not in _WORDS
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else '"')


_Writer.add_representer(str, _text)


def written(manifests: Iterable[Mapping[str, Any]]) -> str:
    """The manifests as one text, each after a line of dashes where there are several."""
    text: str = yaml.dump_all(
        [_ordered(one) for one in manifests],
        Dumper=_Writer,
        sort_keys=False,
        allow_unicode=True,
        width=_WIDTH,
    )
    return text


def _ordered(manifest: Mapping[str, Any]) -> dict[str, Any]:
    first = [key for key in _FIRST if key in manifest]
    return {key: _sorted(manifest[key]) for key in (*first, *sorted(manifest.keys() - {*first}))}


def _sorted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _sorted(value[key]) for key in sorted(value)}
    if isinstance(value, list | tuple):
        return [_sorted(one) for one in value]
    return value
