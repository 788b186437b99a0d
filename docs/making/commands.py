"""The reference of the command line, from the program's own definition."""

from __future__ import annotations

from collections.abc import Iterator

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from cli.main import app
from docs.making.markdown import cell, code, table


def commands() -> str:
    """Every public command with its arguments, options, defaults and variables."""
    return "\n\n".join(_section(path, command) for path, command in public())


def public() -> list[tuple[str, TyperCommand]]:
    """The commands that can be run, as `argosy cluster join` and what defines them, by name."""
    return sorted(_below("argosy", typer.main.get_command(app)), key=lambda found: found[0])


def _below(path: str, command: object) -> Iterator[tuple[str, TyperCommand]]:
    if isinstance(command, TyperCommand) and not command.hidden:
        yield path, command
    if isinstance(command, TyperGroup) and not command.hidden:
        for name, child in command.commands.items():
            yield from _below(f"{path} {name}", child)


def _section(path: str, command: TyperCommand) -> str:
    context = typer.Context(command, info_name=path)
    usage = " ".join((path, *command.collect_usage_pieces(context)))
    parts = [f"## {path}", _paragraphs(command.help or ""), f"```\n{usage}\n```"]
    for head, kind in (("Argument", TyperArgument), ("Option", TyperOption)):
        told = (one.get_help_record(context) for one in command.params if isinstance(one, kind))
        rows = [(code(names), cell(text)) for names, text in filter(None, told)]
        if rows:
            parts.append(table((head, "Meaning"), rows))
    return "\n\n".join(parts)


def _paragraphs(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))
