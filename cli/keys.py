"""`argosy keys`: make key rings for payload encryption, and rotate their keys."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from argosy.config import Settings
from argosy.errors import Conflict, InvalidInput, Refused
from cli.options import Output, OutputOption, ProfileOption
from cli.runtime import run

if TYPE_CHECKING:
    from activities.key_ring import KeyRingDocument
    from activities.key_use import KeyUse

SHOWN_RUNS = 3

app = typer.Typer(no_args_is_help=True, help="Key rings for payload encryption.")
FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The key ring file.")]


@app.command()
def generate(
    file: FileArgument,
    key_id: Annotated[str, typer.Option("--id", help="ID of the key.", show_default="the date")] = "",
) -> None:
    """Make a key ring with one key, readable by its owner only; an existing file is never overwritten."""

    async def command(_: Settings) -> int:
        from datetime import UTC, datetime

        from activities.key_ring import KeyRingDocument

        made = KeyRingDocument.fresh(key_id, now=datetime.now(UTC))
        with _described(file):
            _write(file, made.to_json(), replacing=False)
        typer.echo(f"{file} has the key {made.active}; keep a copy where Temporal's backups are not")
        return 0

    run(command)


@app.command(name="list")
def list_keys(file: FileArgument, output: OutputOption = Output.TABLE) -> None:
    """Show the IDs of the keys and which one is active since when; never the keys."""

    async def command(_: Settings) -> int:
        from cli.output import emit, plain, table

        ring = _read(file)
        ids = sorted(ring.keys, key=lambda key_id: (key_id != ring.active, key_id))
        items = [
            {"id": one, "active": one == ring.active, "activated": ring.activated.get(one)} for one in ids
        ]
        grid = table("id", "active", "last made active")
        for item in items:
            active = "yes" if item["active"] else ""
            grid.add_row(plain(item["id"]), active, plain(item["activated"] or "not noted"))
        emit(output, items=items, names=ids, grid=grid, empty="no keys")
        return 0

    run(command)


@app.command()
def rotate(
    file: FileArgument,
    key_id: Annotated[
        str,
        typer.Option(
            "--id", help="ID of the key; one that is there is made active.", show_default="the date"
        ),
    ] = "",
    prepare: Annotated[
        bool, typer.Option("--prepare", help="Add the key and leave the old one active for now.")
    ] = False,
) -> None:
    """Add a key and make it active; old keys stay and go on opening what they have sealed.

    Where several processes share payloads, first `--prepare`, hand the file to all of them and restart them, then
    `rotate --id` and again: so none meets a key that it does not know.
    """

    async def command(_: Settings) -> int:
        from datetime import UTC, datetime

        now = datetime.now(UTC)
        told = ""

        def change(ring: KeyRingDocument) -> KeyRingDocument:
            nonlocal told
            known = key_id in ring.keys
            if prepare and known:
                raise InvalidInput(
                    f"{file} has the key {key_id} already; leave out --prepare to make it active"
                )
            more = ring if known else ring.with_key(key_id, now=now)
            chosen = key_id or next(iter(more.keys.keys() - ring.keys.keys()))
            told = f"{file}: {chosen} is {'added' if prepare else 'active'}"
            return more if prepare else more.activating(chosen, now=now)

        _change(file, change)
        typer.echo(f"{told}; hand the file to workers, `argosy serve` and clients, and restart them")
        return 0

    run(command)


@app.command()
def retire(
    file: FileArgument,
    key_id: Annotated[str, typer.Argument(metavar="ID", help="ID of the key to remove.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say which runs need it; change nothing.")
    ] = False,
    unchecked: Annotated[
        bool, typer.Option("--unchecked", help="Do not ask Temporal; you have made sure yourself.")
    ] = False,
    profile: ProfileOption = None,
) -> None:
    """Remove an old key, once no run that Temporal still has is sealed with it.

    Every payload of every open and retained run of the namespace is looked at.
    """

    async def command(settings: Settings) -> int:
        _read(file).without(key_id)
        checked = "unchecked"
        if not unchecked:
            from activities.connection import connect
            from activities.key_use import key_use

            client = await connect(settings, profile=profile)
            used = await key_use(client)
            checked = f"none of {used.runs} runs in namespace {client.namespace} needs it"
            _refuse_if_needed(key_id, used)
        if dry_run:
            typer.echo(f"{key_id} can be retired: {checked}")
            return 0
        _change(file, lambda ring: ring.without(key_id))
        typer.echo(f"{file}: {key_id} is removed; {checked}")
        return 0

    run(command)


def _refuse_if_needed(key_id: str, used: KeyUse) -> None:
    runs = used.needing.get(key_id, ())
    if not runs:
        return
    rest = f" and {len(runs) - SHOWN_RUNS} more" if len(runs) > SHOWN_RUNS else ""
    raise Refused(
        f"{len(runs)} of {used.runs} runs need key {key_id!r}: {', '.join(runs[:SHOWN_RUNS])}{rest}; open ones go on "
        "under the active key with their next change, and closed ones go when their retention ends"
    )


# -- the file -------------------------------------------------------------------------------------------


def _read(file: Path) -> KeyRingDocument:
    from activities.key_ring import KeyRingDocument

    with _described(file):
        text = file.read_text(encoding="utf-8", errors="replace")
    return KeyRingDocument.parse(text, source=str(file))


def _change(file: Path, change: Callable[[KeyRingDocument], KeyRingDocument]) -> None:
    """Replace the ring by what is made of it; two changes at once would lose a key, so they take turns."""
    with _described(file):
        # A link stays one.
        target = file.resolve(strict=True)
        directory = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(directory, fcntl.LOCK_EX)
            _write(target, change(_read(target)).to_json(), replacing=True)
        finally:
            os.close(directory)


def _write(file: Path, text: str, *, replacing: bool) -> None:
    """Write the whole file for its owner only; a crash leaves the old one or the new one."""
    scratch = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
            opened.write(text)
            opened.flush()
            os.fsync(opened.fileno())
        if replacing:
            scratch.replace(file)
        else:
            # Unlike a rename, this fails where the file exists.
            file.hardlink_to(scratch)
    finally:
        scratch.unlink(missing_ok=True)


@contextmanager
def _described(file: Path) -> Iterator[None]:
    try:
        yield
    except FileExistsError:
        raise Conflict(
            f"{file} exists, and payloads may be sealed with its keys; add one with `argosy keys rotate {file}`, "
            "or choose another file"
        ) from None
    except OSError as error:
        raise InvalidInput(
            f"the key ring {file} cannot be used: {error.strerror}; correct the path or its permissions"
        ) from error
