"""`argosy worker`: run a worker in the foreground."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from argosy.config import Settings
from argosy.errors import InvalidInput
from cli.options import ProfileOption
from cli.runtime import run

app = typer.Typer(no_args_is_help=True, help="The worker, which plans, applies and watches.")


@app.callback()
def group() -> None:
    """The worker, which plans, applies and watches."""


@app.command(name="run")
def run_worker(
    cluster: Annotated[
        str | None,
        typer.Option(
            help="Work inside this cluster, which is in pull mode, and for no other.", show_default="none"
        ),
    ] = None,
    kubeconfig: Annotated[
        str | None,
        typer.Option(
            help="With --cluster: kubeconfig file for it.", show_default="the pod's service account"
        ),
    ] = None,
    context: Annotated[
        str | None, typer.Option(help="Context in that file.", show_default="the file's current context")
    ] = None,
    profile: ProfileOption = None,
) -> None:
    """Poll Temporal until interrupted.

    Without --cluster it plans, and applies to every cluster in push mode; it needs the kubeconfig files that they were
    joined with. With --cluster it applies to that cluster and watches it, and needs no other credentials than for it.
    """

    async def command(settings: Settings) -> int:
        from activities import logs
        from worker.main import run as serve

        inside = _inside(cluster, kubeconfig, context)
        logs.set_up(settings)
        await serve(settings, profile=profile, inside=inside)
        return 0

    run(command)


def _inside(cluster: str | None, kubeconfig: str | None, context: str | None) -> Any:
    """The cluster that is meant, and where its credentials are; None where none is."""
    from activities.members import Inside
    from argosy.api.cluster_connection import ConnectionReference
    from argosy.config import pod_api_server
    from argosy.kube.service_account import ServiceAccount
    from cli.membership import check_name

    if cluster is None:
        if kubeconfig or context:
            raise InvalidInput(
                "--kubeconfig and --context go with --cluster; name the cluster that they are for"
            )
        return None
    check_name(cluster)
    if kubeconfig:
        return Inside(cluster, ConnectionReference(kubeconfig=kubeconfig, context=context))
    if context:
        raise InvalidInput("--context goes with --kubeconfig; name the file that has it")
    return Inside(cluster, ServiceAccount(pod_api_server()))
