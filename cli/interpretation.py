"""`argosy interpret`: what an object means, by Argosy's own rules or by drafts, without a server."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from argosy.config import Settings
from cli.options import Output, OutputOption
from cli.runtime import run

app = typer.Typer()


@app.command()
def interpret(
    filename: Annotated[
        str, typer.Option("-f", "--filename", help="File with one object, or - for standard input.")
    ],
    operation: Annotated[
        str,
        typer.Option(
            "--operation",
            help="InterpretReplica, InterpretComponent, ReviseReplica, Retain, InterpretStatus, AggregateStatus, "
            "InterpretHealth or InterpretDependency; all that need nothing else where it is left out.",
        ),
    ] = "",
    observed: Annotated[
        str | None, typer.Option("--observed", help="File with the object as a member has it, for Retain.")
    ] = None,
    items: Annotated[
        str | None,
        typer.Option("--items", help="File with the list of what clusters report, for AggregateStatus."),
    ] = None,
    replicas: Annotated[
        int | None, typer.Option("--replicas", min=0, help="The number of replicas, for ReviseReplica.")
    ] = None,
    customization: Annotated[
        list[str] | None,
        typer.Option(
            "--customization",
            help="File with ResourceInterpreterCustomizations or webhook configurations to try; repeatable.",
        ),
    ] = None,
    behaviour: Annotated[
        str, typer.Option("--behaviour", help="Whose answer counts: argosy or karmada.")
    ] = "argosy",
    output: OutputOption = Output.TABLE,
) -> None:
    """Say what an object means: replicas, health, status, dependencies. Nothing is sent anywhere.

    Drafts of customizations are tried with --customization, exactly as a worker would run them.
    """

    async def command(settings: Settings) -> int:  # noqa: ARG001 - the signature of a command
        from cli.interpreting import Question, answers, shown

        found = await answers(
            Question(
                filename=filename,
                operation=operation,
                observed=observed,
                items=items,
                replicas=replicas,
                customizations=tuple(customization or ()),
                behaviour=behaviour,
            )
        )
        text, code = shown(found, output)
        sys.stdout.write(text)
        return code

    run(command)
