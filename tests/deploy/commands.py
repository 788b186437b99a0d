"""Whether a command line that a deployment holds is one that `argosy` takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import typer.main
from typer.core import TyperGroup
from typer.exceptions import TyperException

from argosy.config import PREFIX, Settings
from cli.main import app


def check_command(words: Sequence[str]) -> None:
    """Go through the groups to the command and let it parse its options.

    Raises:
        AssertionError: there is no such command or option, or a value does not fit.
    """
    said = f"`argosy {' '.join(words)}`"
    command = typer.main.get_command(app)
    context = command.context_class(command, info_name="argosy")
    left = list(words)
    while isinstance(command, TyperGroup):
        assert left, f"{said} names a group and no command"
        found = command.get_command(context, left[0])
        assert found is not None, f"{said}: there is no command {left[0]}"
        command, context = found, found.context_class(found, info_name=left.pop(0), parent=context)
    try:
        command.make_context(command.name, left, parent=context.parent)
    except TyperException as error:
        raise AssertionError(f"{said}: {error}") from error


def check_environment(environment: Mapping[str, str | None]) -> None:
    """Every variable with Argosy's prefix is a setting, and has a value that it takes."""
    given = {name: value or "" for name, value in environment.items() if name.startswith(PREFIX)}
    unknown = {name for name in given if name.removeprefix(PREFIX).lower() not in Settings.model_fields}
    assert not unknown, f"no settings: {sorted(unknown)}"
    assert given, "an empty environment would not encrypt"
    Settings.from_env(given)
