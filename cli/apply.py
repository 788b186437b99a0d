"""`argosy apply` and `argosy delete`: from files to entities."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from argosy.config import Settings
from argosy.errors import ArgosyError, InvalidInput, NotFound
from cli.options import (
    FilesOption,
    NamespaceOption,
    Output,
    OutputOption,
    ProfileOption,
    RecursiveOption,
    TimeoutOption,
    WaitOption,
)
from cli.runtime import run

if TYPE_CHECKING:
    from argosy.api.rebalancer import WorkloadRebalancer

app = typer.Typer()


@app.command()
def apply(
    filenames: FilesOption,
    recursive: RecursiveOption = False,
    namespace: NamespaceOption = None,
    wait: WaitOption = False,
    timeout: TimeoutOption = 60.0,
    profile: ProfileOption = None,
) -> None:
    """Propagate templates and store policies from files, directories or standard input.

    Everything is checked before anything is sent. Policies are stored first, so that the order of the
    documents does not matter.
    """

    async def command(settings: Settings) -> int:
        from cli.documents import Batch, check_scripts
        from cli.settling import kinds_defined, look_before

        batch = Batch.read(filenames, recursive=recursive, namespace=namespace)
        await check_scripts(batch)
        session = await _session(settings, profile)
        await session.require_worker()
        before = await look_before(session, batch.policies) if wait else None
        generations = {}
        for scope, policies in batch.policies.items():
            edited = await session.edit_policies(scope, put=policies)
            for name, result in edited.results.items():
                _line(f"{name} {result}")
            # What is new beside templates is for these; what takes the place of another concerns others, too.
            if "configured" in edited.results.values() or not batch.templates:
                generations[scope] = edited.generation
        accepted = await session.submit_all(batch.templates)
        failures = reported(accepted)
        for rebalancer in batch.rebalancers:
            failures = max(failures, await _rebalanced(session, rebalancer))
        if wait:
            defined = kinds_defined(batch.templates)
            code = await waited(
                session,
                accepted,
                timeout,
                defined=defined,
                edits=(before, generations) if generations else None,
            )
            failures = code or failures
        return failures

    run(command)


@app.command()
def delete(
    what: Annotated[
        list[str] | None, typer.Argument(help="KIND NAME or KIND/NAME, where no file is given.")
    ] = None,
    filenames: Annotated[
        list[str] | None, typer.Option("-f", "--filename", help="File, directory, or - for standard input.")
    ] = None,
    recursive: RecursiveOption = False,
    namespace: NamespaceOption = None,
    orphan: Annotated[
        list[str] | None,
        typer.Option(
            "--orphan", help="Leave this cluster's copy behind untouched; for a cluster that is dead."
        ),
    ] = None,
    preserve: Annotated[
        bool, typer.Option("--preserve", help="Leave every copy running, released from Argosy.")
    ] = False,
    wait: Annotated[bool, typer.Option(help="Wait until every copy is gone.")] = True,
    timeout: TimeoutOption = 60.0,
    ignore_not_found: Annotated[
        bool, typer.Option("--ignore-not-found", help="Succeed where there is nothing to delete.")
    ] = False,
    profile: ProfileOption = None,
) -> None:
    """Delete templates with their copies, and policies without touching what they placed."""

    async def command(settings: Settings) -> int:
        from cli.documents import Batch, policy_scope, wanted
        from cli.waiting import is_gone, wait_for

        if bool(filenames) == bool(what):
            raise InvalidInput("give either files with -f, or KIND NAME")
        session = await _session(settings, profile)
        await session.require_worker()
        missing = 0
        if filenames:
            batch = Batch.read(filenames, recursive=recursive, namespace=namespace, for_deletion=True)
            policies = {
                scope: [(m["kind"], m["metadata"]["name"]) for m in found]
                for scope, found in batch.policies.items()
            }
            refs = batch.refs
        else:
            group, kind, name = wanted(what or [])
            scope = policy_scope(kind, namespace)
            policies = {scope[1]: [(kind, name)]} if scope[0] else {}
            refs = []
            if not scope[0]:
                try:
                    refs = [await session.find(group, kind, name, namespace or "default")]
                except NotFound:
                    if not ignore_not_found:
                        raise
        deleted = []
        for ref in refs:
            try:
                await session.delete(ref, orphan=orphan or (), preserve=preserve)
                deleted.append(ref)
            except NotFound as error:
                if not ignore_not_found:
                    sys.stderr.write(f"error: {error}\n")
                    missing = error.exit_code
        if wait:
            await wait_for(session, deleted, done=is_gone, timeout=timeout)
        for ref in deleted:
            _line(f"{ref} {'deleted' if wait else 'is being deleted'}")
        for scope_name, names in policies.items():
            edited = await session.edit_policies(scope_name, delete=names)
            for name, result in edited.results.items():
                if result == "missing" and not ignore_not_found:
                    sys.stderr.write(f"error: {name} does not exist; see `argosy get policies -A`\n")
                    missing = NotFound.exit_code
                elif result != "missing":
                    _line(f"{name} {result}")
        return missing

    run(command)


@app.command()
def promote(
    kind: Annotated[str, typer.Argument(help="Kind or plural, such as deployment.")],
    name: Annotated[str, typer.Argument(help="Name of the object.")],
    cluster: Annotated[str, typer.Option("-C", "--cluster", help="The member that it runs in.")],
    namespace: NamespaceOption = None,
    with_dependencies: Annotated[
        bool,
        typer.Option(
            "-d", "--with-dependencies", help="Also the ConfigMaps, Secrets and accounts that it needs."
        ),
    ] = False,
    policy_name: Annotated[
        str, typer.Option("--policy-name", help="Name of the policy that is made where none matches.")
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check everything, show template and policy, change nothing.")
    ] = False,
    timeout: TimeoutOption = 60.0,
    output: OutputOption = Output.TABLE,
    profile: ProfileOption = None,
) -> None:
    """Take a running application of one cluster under propagation, without restarting anything.

    Its object becomes a template and stays as it is, as the first copy. A policy that matches places it; where
    there is none, one is made that places it on its own cluster alone.
    """

    async def command(settings: Settings) -> int:
        from cli.promotion import Promotion
        from cli.promotion import promote as promoted

        wanted = Promotion(
            kind=kind,
            name=name,
            namespace=namespace or "default",
            cluster=cluster,
            with_dependencies=with_dependencies,
            policy_name=policy_name,
            dry_run=dry_run,
        )
        return await promoted(await _session(settings, profile), wanted, output, timeout=timeout)

    run(command)


async def _rebalanced(session: Any, rebalancer: WorkloadRebalancer) -> int:
    """Ask for a new division of every workload that a rebalancer names; each gets its own line."""
    from argosy.api.manifest import ResourceRef

    failures = 0
    for one in rebalancer.spec.workloads:
        ref = ResourceRef(
            api_version=one.api_version, kind=one.kind, namespace=one.namespace or None, name=one.name
        )
        try:
            await session.reschedule(ref)
            _line(f"{ref} is placed anew (WorkloadRebalancer {rebalancer.metadata.name})")
        except NotFound as error:
            sys.stderr.write(f"error: {error}\n")
            failures = error.exit_code
    return failures


def reported(accepted: Sequence[Any]) -> int:
    """Say what became of each template; the exit code that the worst of it deserves."""
    failures = 0
    for result in accepted:
        if isinstance(result, ArgosyError):
            sys.stderr.write(f"error: {result}\n")
            failures = max(failures, result.exit_code)
        elif isinstance(result, Exception):
            raise result
        else:
            _line(f"{result.ref} {result.action} (revision {result.revision})")
    return failures


async def waited(
    session: Any,
    accepted: Sequence[Any],
    timeout: float,
    *,
    defined: Collection[tuple[str, str]] = (),
    edits: tuple[Any, Mapping[str | None, int]] | None = None,
) -> int:
    """Wait until every template that was accepted has settled, and show how; 0 where all copies are applied.

    Args:
        defined: groups and kinds whose definitions are among the templates.
        edits: what there was before policies were edited, and the generation of each scope since; what they change
            is waited for and shown, too.
    """
    from cli.output import console
    from cli.settling import changed_by, has_no_policy, templates_settled
    from cli.targets import status_table, succeeded

    revisions = {entry.ref: entry.revision for entry in accepted if not isinstance(entry, Exception)}
    observed = await templates_settled(session, revisions, defined=defined, timeout=timeout)
    if edits is not None:
        changed = await changed_by(session, *edits, timeout=timeout)
        observed += [one for one in changed if one.status.ref not in revisions]
    if observed:
        console().print(status_table(observed))
    elif edits is not None:
        _line("no template is placed or applied otherwise")
    lost = [str(one.status.ref) for one in observed if has_no_policy(one)]
    if lost:
        sys.stderr.write(f"error: no policy matches {', '.join(lost)}; apply one, and it goes on by itself\n")
    return 0 if all(succeeded(one) for one in observed) else 1


async def _session(settings: Settings, profile: str | None) -> Any:
    from activities.connection import connect
    from cli.session import Session

    return Session(await connect(settings, profile=profile), settings)


def _line(text: str) -> None:
    sys.stdout.write(f"{text}\n")
