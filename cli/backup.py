"""`argosy export` and `argosy import`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from argosy.config import Settings
from argosy.errors import ArgosyError
from cli.options import FilesOption, ProfileOption, TimeoutOption, WaitOption
from cli.runtime import run

app = typer.Typer()


@app.command(name="export")
def export_(
    directory: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="Directory for one file an object; standard output where none is given."
        ),
    ] = None,
    include_secrets: Annotated[
        bool, typer.Option("--include-secrets", help="Also templates of Secrets, with what they hold.")
    ] = False,
    profile: ProfileOption = None,
) -> None:
    """Write clusters, policies and templates as YAML that `argosy import` takes back.

    Files are readable by you alone. Those of objects that are gone are dropped from the directory's folders
    clusters, policies and templates.
    """

    async def command(settings: Settings) -> int:
        from activities.connection import connect
        from argosy.api.yaml_writer import written
        from cli.exporting import exported, write_files
        from cli.session import Session

        session = Session(await connect(settings, profile=profile), settings)
        export = await exported(session, include_secrets=include_secrets)
        if directory is None:
            sys.stdout.write(written(export.documents()))
        else:
            for name in write_files(export, directory):
                _say(f"dropped {name}, which is gone")
            _say(
                f"exported {len(export.clusters)} clusters, {len(export.policies)} policies and "
                f"{len(export.templates)} templates to {directory}"
            )
        if export.secrets:
            _say(f"left out {export.secrets} templates of Secrets; --include-secrets writes them too")
        return 0

    run(command)


@app.command(name="import")
def import_(
    filenames: FilesOption,
    takeover: Annotated[
        bool,
        typer.Option(
            "--takeover", help="Take over the copies that the exporting installation has in the clusters."
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and change nothing.")
    ] = False,
    wait: WaitOption = False,
    timeout: TimeoutOption = 60.0,
    profile: ProfileOption = None,
) -> None:
    """Join clusters, store policies and submit templates, as `argosy export` has written them.

    Directories are read with everything in them. What is there already stays: clusters that are joined keep their
    settings, and nothing is deleted.
    """

    async def command(settings: Settings) -> int:
        from activities.connection import connect
        from cli.apply import reported, waited
        from cli.documents import check_scripts
        from cli.importing import Backup, Import
        from cli.session import Session

        backup = Backup.read(filenames)
        await check_scripts(backup.batch)
        session = Session(await connect(settings, profile=profile), settings)
        work = Import(session, backup, takeover=takeover)
        if dry_run:
            await work.preview()
            try:
                await work.check()
            except ArgosyError as error:
                _say(f"would be refused: {error}")
            return 0
        await work.check()
        await session.require_worker()
        await work.join(timeout=timeout)
        await work.store()
        accepted = await work.submit()
        failures = reported(accepted)
        if wait:
            failures = await waited(session, accepted, timeout) or failures
        return failures

    run(command)


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
