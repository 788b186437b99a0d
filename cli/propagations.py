"""`argosy get`, `describe`, `status`, `history` and `retry`: what has become of templates."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from argosy.config import Settings
from argosy.errors import InvalidInput
from cli.options import (
    AllNamespacesOption,
    NamespaceOption,
    Output,
    OutputOption,
    ProfileOption,
    SelectorOption,
    TimeoutOption,
    WhatArgument,
)
from cli.runtime import run

app = typer.Typer()

_RESOURCES = {
    "propagations": "propagations",
    "propagation": "propagations",
    "prop": "propagations",
    "clusters": "clusters",
    "cluster": "clusters",
    "policies": "policies",
    "policy": "policies",
    "pp": "policies",
    "cpp": "policies",
    "ctp": "policies",
    "overrides": "overrides",
    "override": "overrides",
    "op": "overrides",
    "cop": "overrides",
    "interpreters": "interpreters",
    "interpreter": "interpreters",
    "ric": "interpreters",
}  # fmt: skip - a table


@app.command()
def get(
    resource: Annotated[
        str,
        typer.Argument(
            help="propagations, clusters, policies, overrides or interpreters; with -C any kind of object."
        ),
    ],
    name: Annotated[str | None, typer.Argument(help="Only this one.")] = None,
    namespace: NamespaceOption = None,
    all_namespaces: AllNamespacesOption = False,
    selector: SelectorOption = None,
    cluster: Annotated[
        list[str] | None,
        typer.Option(
            "-C", "--cluster", help="List live objects of this member instead; repeatable, '*' for all."
        ),
    ] = None,
    show_managed_fields: Annotated[
        bool,
        typer.Option("--show-managed-fields", help="Keep managedFields of live objects, in yaml and json."),
    ] = False,
    output: OutputOption = Output.TABLE,
    profile: ProfileOption = None,
) -> None:
    """List propagations, clusters, policies, overrides or interpreters."""

    async def command(settings: Settings) -> int:
        from cli import listing

        if cluster:
            from cli.live import Wanted, objects

            scope = None if all_namespaces else namespace or "default"
            return await objects(
                await _session(settings, profile),
                Wanted(kind=resource, name=name, namespace=scope, selector=selector or ""),
                cluster,
                output,
                show_managed_fields=show_managed_fields,
            )
        kind = _RESOURCES.get(resource.lower())
        if kind is None:
            raise InvalidInput(
                f"{resource!r} cannot be listed; write propagations, clusters, policies, overrides or interpreters, "
                "or say with -C CLUSTER whose live objects are meant"
            )
        session = await _session(settings, profile)
        scope = None if all_namespaces else namespace or "default"
        match kind:
            case "propagations":
                return await listing.propagations(session, scope, name, output)
            case "clusters":
                return await listing.clusters(session, name, selector, output)
            case "interpreters":
                return await listing.interpreters(session, name, output)
            case _:
                return await listing.policies(session, kind, scope, name, output)

    run(command)


@app.command()
def status(
    what: WhatArgument,
    namespace: NamespaceOption = None,
    watch: Annotated[
        bool, typer.Option("-w", "--watch", help="Go on showing changes until interrupted.")
    ] = False,
    timeout: TimeoutOption = 3600.0,
    output: OutputOption = Output.TABLE,
    profile: ProfileOption = None,
) -> None:
    """Show every copy of a template: its phase, and what holds it up."""

    async def command(settings: Settings) -> int:
        from cli.output import console, emit_one
        from cli.targets import health_line, status_table
        from cli.watching import watch_status

        session, ref = await found(settings, profile, what, namespace)
        if watch:
            return await watch_status(session, ref, timeout=timeout)
        observed = await session.observe(ref)
        if not emit_one(output, observed.status.model_dump(mode="json"), name=observed.workflow_id):
            shown = observed.status
            console().print(f"{ref}  revision {shown.revision}  {shown.phase}: {shown.message}", markup=False)
            if health := health_line(shown):
                console().print(health, markup=False)
            console().print(status_table([observed]))
        return 0

    run(command)


@app.command()
def describe(
    what: WhatArgument,
    namespace: NamespaceOption = None,
    output: OutputOption = Output.TABLE,
    profile: ProfileOption = None,
) -> None:
    """Show everything about one template: policy, reasons, copies, overrides, and where to look in the UI."""

    async def command(settings: Settings) -> int:
        from cli.pages import describe_page

        session, ref = await found(settings, profile, what, namespace)
        return await describe_page(session, ref, output)

    run(command)


@app.command()
def history(
    what: WhatArgument,
    namespace: NamespaceOption = None,
    output: OutputOption = Output.TABLE,
    profile: ProfileOption = None,
) -> None:
    """Show the last revisions of a template: who, when, why, and what became of them."""

    async def command(settings: Settings) -> int:
        from cli.pages import history_page

        session, ref = await found(settings, profile, what, namespace)
        return await history_page(session, ref, output)

    run(command)


@app.command()
def retry(
    what: WhatArgument,
    namespace: NamespaceOption = None,
    cluster: Annotated[
        list[str] | None, typer.Option("-C", "--cluster", help="Only this cluster; repeatable.")
    ] = None,
    profile: ProfileOption = None,
) -> None:
    """Try failed and waiting clusters again now, instead of at their next attempt."""

    async def command(settings: Settings) -> int:
        session, ref = await found(settings, profile, what, namespace)
        await session.require_worker()
        chosen = await session.retry(ref, clusters=cluster or ())
        sys.stdout.write(
            f"{ref}: retrying {', '.join(chosen)}\n" if chosen else f"{ref}: planned anew, nothing to retry\n"
        )
        return 0

    run(command)


async def _session(settings: Settings, profile: str | None) -> Any:
    from activities.connection import connect
    from cli.session import Session

    return Session(await connect(settings, profile=profile), settings)


async def found(
    settings: Settings, profile: str | None, what: list[str], namespace: str | None
) -> tuple[Any, Any]:
    """A session, and the template that the words KIND NAME mean."""
    from cli.documents import wanted

    group, kind, name = wanted(what)
    session = await _session(settings, profile)
    return session, await session.find(group, kind, name, namespace or "default")
