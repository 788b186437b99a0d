"""The options that many commands share."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer


class Output(StrEnum):
    """How results are printed."""

    TABLE = "table"
    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"
    NAME = "name"


OutputOption = Annotated[Output, typer.Option("-o", "--output", help="How to print the result.")]
NamespaceOption = Annotated[
    str | None,
    typer.Option("-n", "--namespace", help="Namespace of objects that name none.", show_default="default"),
]
AllNamespacesOption = Annotated[bool, typer.Option("-A", "--all-namespaces", help="Every namespace.")]
SelectorOption = Annotated[
    str | None, typer.Option("-l", "--selector", help="Only what has these labels: key=value,key=value.")
]
ProfileOption = Annotated[
    str | None,
    typer.Option("--profile", help="Profile of Temporal's configuration file.", envvar="TEMPORAL_PROFILE"),
]
FilesOption = Annotated[
    list[str], typer.Option("-f", "--filename", help="File, directory, or - for standard input; repeatable.")
]
RecursiveOption = Annotated[
    bool, typer.Option("-R", "--recursive", help="Read directories inside directories.")
]
WaitOption = Annotated[
    bool, typer.Option("--wait", help="Wait until every copy is applied, and show progress.")
]
TimeoutOption = Annotated[float, typer.Option("--timeout", min=0.1, help="Seconds to wait at most.")]
WhatArgument = Annotated[
    list[str], typer.Argument(help="KIND NAME or KIND/NAME; plurals and short names work as in kubectl.")
]
