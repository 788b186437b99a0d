"""The `argosy` command. Heavy imports stay inside commands, so that help and completion are instant."""

from __future__ import annotations

from typing import Annotated

import typer

from argosy import __version__
from argosy.config import Settings
from cli import (
    apply,
    backup,
    cluster,
    dev,
    interpretation,
    keys,
    moving,
    placement,
    propagations,
    serve,
    worker,
)
from cli.options import ProfileOption
from cli.runtime import run

app = typer.Typer(
    name="argosy",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Durable multi-cluster propagation for Kubernetes, on Temporal.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for group in (apply.app, propagations.app, placement.app, moving.app, interpretation.app, backup.app):
    app.registered_commands.extend(group.registered_commands)
app.add_typer(cluster.app, name="cluster")
app.add_typer(dev.app, name="dev")
app.add_typer(worker.app, name="worker")
app.add_typer(keys.app, name="keys")
app.command(name="demo")(dev.demo)
app.command(name="serve")(serve.serve)


@app.callback(invoke_without_command=True)
def root(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True)
    ] = False,
) -> None:
    if version:
        typer.echo(f"argosy {__version__}")
        raise typer.Exit


@app.command()
def init(profile: ProfileOption = None) -> None:
    """Prepare a Temporal namespace: search attributes and 30 days of retention. May be repeated."""

    async def command(settings: Settings) -> int:
        from activities.connection import connect, initialise

        client = await connect(settings, profile=profile)
        created = await initialise(client)
        what = f"created {', '.join(created)}" if created else "nothing was missing"
        typer.echo(f"namespace {client.namespace} is ready: {what}")
        return 0

    run(command)


def main() -> None:
    """Entry point."""
    app()
