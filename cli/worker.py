"""`argosy worker`: run a worker in the foreground."""

from __future__ import annotations

import typer

from argosy.config import Settings
from cli.options import ProfileOption
from cli.runtime import run

app = typer.Typer(no_args_is_help=True, help="The worker, which plans, applies and watches.")


@app.callback()
def group() -> None:
    """The worker, which plans, applies and watches."""


@app.command(name="run")
def run_worker(profile: ProfileOption = None) -> None:
    """Poll Temporal until interrupted; needs the kubeconfig files of the joined clusters."""

    async def command(settings: Settings) -> int:
        from activities import logs
        from worker.main import run as serve

        logs.set_up(settings)
        await serve(settings, profile=profile)
        return 0

    run(command)
