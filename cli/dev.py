"""`argosy dev` and `argosy demo`: a complete local environment of real parts."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from argosy.config import Settings
from argosy.errors import Conflict, InvalidInput
from cli.runtime import run
from devcluster.ports import DEFAULT_PORT, DEFAULT_UI_PORT

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
    pods: Annotated[
        bool,
        typer.Option(
            "--pods", help="Clusters in which workloads become ready: with a scheduler, and KWOK for a node."
        ),
    ] = False,
    port: Annotated[
        int, typer.Option("--port", help="Temporal's port, kept from the first start on; 0 finds one.")
    ] = DEFAULT_PORT,
    ui_port: Annotated[int, typer.Option("--ui-port", help="The same for Temporal's UI.")] = DEFAULT_UI_PORT,
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
    """Start Temporal, three real member clusters and a worker, and join the clusters.

    What runs already is left alone; what does not, such as a cluster that was killed, is started.
    """

    async def command(_: Settings) -> int:
        from cli.local import bring_up_or_emulate, environment_hint
        from devcluster.environment import Environment
        from devcluster.member import CONTROLLED, FULL

        if emulated and pods:
            raise InvalidInput("emulated clusters run no pods; leave out --pods or --emulated")
        if pods and any("kwok" not in member.parts for member in Environment().members):
            raise Conflict(
                "the clusters that are there are without pods; take them down with `argosy dev down`, then repeat"
            )
        environment = await bring_up_or_emulate(
            encrypt=encrypt,
            emulated=emulated,
            progress=_progress,
            warn=_warn,
            parts=FULL if pods else CONTROLLED,
            port=port,
            ui_port=ui_port,
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


@app.command()
def kill(
    member: Annotated[str, typer.Argument(help="Name of the cluster.", show_default=False)],
) -> None:
    """Kill the API server of one cluster, as if the cluster were lost; `up` starts it again."""

    async def command(_: Settings) -> int:
        from cli.local import kill_member

        kill_member(member)
        sys.stdout.write(f"{member} does not answer any more; `argosy dev up` starts it again\n")
        return 0

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
