"""`argosy failover`, `hold`, `resume`, `recover` and `approve`: steering the copies of one template."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from argosy.config import Settings
from argosy.errors import Refused
from cli.options import NamespaceOption, ProfileOption, WhatArgument
from cli.propagations import found
from cli.runtime import run

app = typer.Typer()

ReasonOption = Annotated[str, typer.Option("--reason", help="Why; it is kept in the history.")]
ClusterOption = Annotated[
    str | None, typer.Option("-C", "--cluster", help="Only the copy in this cluster.", show_default="all")
]


@app.command()
def failover(
    what: WhatArgument,
    cluster: Annotated[str, typer.Option("-C", "--cluster", help="The cluster to move away from.")],
    now: Annotated[
        bool, typer.Option("--now", help="Without the time that the workload is otherwise given.")
    ] = False,
    reason: ReasonOption = "",
    namespace: NamespaceOption = None,
    profile: ProfileOption = None,
) -> None:
    """Move one template away from a cluster, as if the cluster did not answer; `recover` ends it."""
    _steer("failover", what, namespace, profile, cluster=cluster, now=now, reason=reason)


@app.command()
def hold(
    what: WhatArgument,
    cluster: ClusterOption = None,
    reason: ReasonOption = "",
    namespace: NamespaceOption = None,
    profile: ProfileOption = None,
) -> None:
    """Keep the copies of a template where they are, whatever becomes of their clusters, until `resume`."""
    _steer("hold", what, namespace, profile, cluster=cluster, reason=reason)


@app.command()
def resume(
    what: WhatArgument,
    cluster: ClusterOption = None,
    reason: ReasonOption = "",
    namespace: NamespaceOption = None,
    profile: ProfileOption = None,
) -> None:
    """Let the copies of a template move again where that is due."""
    _steer("resume", what, namespace, profile, cluster=cluster, reason=reason)


@app.command()
def recover(
    what: WhatArgument,
    cluster: ClusterOption = None,
    reason: ReasonOption = "",
    namespace: NamespaceOption = None,
    profile: ProfileOption = None,
) -> None:
    """End a failover of a template, and let it return to clusters that it was moved away from."""
    _steer("recover", what, namespace, profile, cluster=cluster, reason=reason)


@app.command()
def approve(
    what: WhatArgument,
    cluster: Annotated[
        list[str] | None, typer.Option("-C", "--cluster", help="Only the copy in this cluster; repeatable.")
    ] = None,
    namespace: NamespaceOption = None,
    profile: ProfileOption = None,
) -> None:
    """Take an old copy for stopped, so that a fenced workload begins elsewhere; or let go of a copy that is kept."""

    async def command(settings: Settings) -> int:
        session, ref = await found(settings, profile, what, namespace)
        await session.require_worker()
        chosen = await session.approve(ref, clusters=cluster or ())
        if not chosen:
            raise Refused(f"{ref} waits for no approval; see `argosy status {ref.kind} {ref.name}`")
        sys.stdout.write(f"{ref}: approved for {', '.join(chosen)}\n")
        return 0

    run(command)


def _steer(
    action: str,
    what: list[str],
    namespace: str | None,
    profile: str | None,
    *,
    cluster: str | None,
    now: bool = False,
    reason: str = "",
) -> None:
    async def command(settings: Settings) -> int:
        from argosy.api.messages import Steer
        from argosy.api.steering import SteerAction
        from cli.connection import new_id

        session, ref = await found(settings, profile, what, namespace)
        await session.require_worker()
        order = Steer(
            request_id=new_id(), requested_by=session.actor, reason=reason, cluster=cluster or "", now=now
        )
        answer = await session.steer(ref, SteerAction(action), order)
        sys.stdout.write(f"{ref}: {answer}\n")
        return 0

    run(command)
