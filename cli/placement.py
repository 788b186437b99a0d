"""`argosy explain`, `schedule` and `reschedule`: where templates go, why, and anew."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from argosy.config import Settings
from cli.options import (
    FilesOption,
    NamespaceOption,
    Output,
    OutputOption,
    ProfileOption,
    RecursiveOption,
    WhatArgument,
)
from cli.propagations import found
from cli.runtime import run

app = typer.Typer()


@app.command()
def explain(
    what: WhatArgument,
    namespace: NamespaceOption = None,
    revision: Annotated[
        int | None, typer.Option("--revision", min=1, help="The last decision made for this revision.")
    ] = None,
    output: OutputOption = Output.TABLE,
    profile: ProfileOption = None,
) -> None:
    """Show the recorded decision: why each cluster was chosen or not, with score, room and share."""

    async def command(settings: Settings) -> int:
        from cli.decisions import recorded_decision
        from cli.output import console, emit_one, plain
        from cli.reasons import print_reasons

        session, ref = await found(settings, profile, what, namespace)
        decision = await recorded_decision(session, ref, revision=revision)
        state, plan = decision.state, decision.plan
        item = {
            "object": str(ref),
            "revision": state.revision,
            "pass": state.pass_number,
            "run_id": decision.run_id,
            "plan": plan.model_dump(mode="json"),
        }
        if not emit_one(output, item, name=str(ref)):
            out = console()
            policy = f"placed by {plan.policy}" if plan.policy else "not placed"
            where = f"revision {state.revision} (pass {state.pass_number}), {policy}"
            out.print(f"[bold]{plain(ref)}[/bold]  {plain(where)}")
            print_reasons(out, plan)
        return 0

    run(command)


@app.command()
def schedule(
    filenames: FilesOption,
    clusters: Annotated[
        list[str],
        typer.Option("--clusters", help="File with Cluster objects, such as `kubectl get clusters -o yaml`."),
    ],
    previous: Annotated[
        str | None,
        typer.Option("--previous", help="File with an earlier answer (-o json): where templates are now."),
    ] = None,
    recursive: RecursiveOption = False,
    namespace: NamespaceOption = None,
    behaviour: Annotated[
        str | None, typer.Option("--behaviour", help="argosy or karmada.", show_default="argosy")
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Place templates offline: the same decision as a worker's, with reasons, without any server.

    The files hold templates and the policies that place them.
    """

    async def command(settings: Settings) -> int:
        from cli.offline import answers, print_answers

        found = await answers(
            filenames,
            clusters,
            previous=previous,
            recursive=recursive,
            namespace=namespace,
            behaviour=behaviour or settings.behaviour,
        )
        print_answers(found, output)
        return 0 if all(one.is_placed for one in found) else 1

    run(command)


@app.command()
def render(
    filenames: FilesOption,
    clusters: Annotated[
        list[str],
        typer.Option("--clusters", help="File with Cluster objects, such as `kubectl get clusters -o yaml`."),
    ],
    diff: Annotated[bool, typer.Option("--diff", help="Show which rule changes what instead.")] = False,
    recursive: RecursiveOption = False,
    namespace: NamespaceOption = None,
    behaviour: Annotated[
        str | None, typer.Option("--behaviour", help="argosy or karmada.", show_default="argosy")
    ] = None,
    output: OutputOption = Output.YAML,
) -> None:
    """Print the manifest that each cluster would get, offline.

    The files hold templates, the policies that place them, and override policies. A template that no policy
    places is rendered for every cluster given. Where an override cannot be applied, that cluster alone fails.
    """

    async def command(settings: Settings) -> int:
        from cli.rendering import everything, print_rendered

        found = await everything(
            filenames,
            clusters,
            recursive=recursive,
            namespace=namespace,
            behaviour=behaviour or settings.behaviour,
        )
        return print_rendered(found, output, diff=diff)

    run(command)


@app.command()
def reschedule(
    what: WhatArgument,
    namespace: NamespaceOption = None,
    profile: ProfileOption = None,
) -> None:
    """Divide the replicas of a template anew, whatever runs where now."""

    async def command(settings: Settings) -> int:
        session, ref = await found(settings, profile, what, namespace)
        await session.require_worker()
        await session.reschedule(ref)
        _line(f"{ref} is placed anew; see `argosy explain {ref.kind} {ref.name}`")
        return 0

    run(command)


def _line(text: Any) -> None:
    sys.stdout.write(f"{text}\n")
