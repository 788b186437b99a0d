"""`argosy dev` and `argosy demo`: a complete local environment of real parts."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from argosy.config import Settings
from cli.runtime import run

app = typer.Typer(
    no_args_is_help=True, help="A local environment: Temporal with its UI, three clusters, a worker."
)


@app.command()
def up(
    encrypt: Annotated[
        bool,
        typer.Option(
            "--encrypt",
            help="Encrypt payloads; a codec server opens them for the UI's pages, without values of Secrets.",
        ),
    ] = False,
    emulated: Annotated[
        int,
        typer.Option(
            "--emulated",
            metavar="N",
            min=0,
            max=2000,
            help="Have N emulated clusters instead of real ones: they keep objects, and do nothing else.",
        ),
    ] = 0,
) -> None:
    """Start Temporal, three real member clusters and a worker, and join the clusters."""

    async def command(_: Settings) -> int:
        from cli.local import bring_up_or_emulate, environment_hint

        environment = await bring_up_or_emulate(
            encrypt=encrypt, emulated=emulated, progress=_progress, warn=_warn
        )
        sys.stdout.write(environment_hint(environment))
        return 0

    run(command)


@app.command()
def down(
    keep_data: Annotated[
        bool, typer.Option("--keep-data", help="Keep the databases for the next `up`.")
    ] = False,
) -> None:
    """Stop everything that `up` started, and delete its data."""

    async def command(_: Settings) -> int:
        from devcluster.environment import Environment

        environment = Environment()
        if not environment.exists():
            sys.stdout.write("no local environment is up\n")
            return 0
        environment.down(keep_data=keep_data)
        sys.stdout.write("local environment stopped\n")
        return 0

    run(command)


@app.command()
def status() -> None:
    """Show the processes of the local environment."""

    async def command(_: Settings) -> int:
        from cli.local import status_page

        return status_page()

    run(command)


def demo(
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the environment running.", envvar="KEEP")
    ] = False,
) -> None:
    """Watch a guestbook reach three clusters, change, survive a dead API server, and go away."""

    async def command(_: Settings) -> int:
        from cli.demo import demonstrate

        return await demonstrate(keep=keep, progress=_progress)

    run(command)


def _warn(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _progress(text: str) -> None:
    sys.stdout.write(f"  · {text}\n")
    sys.stdout.flush()
