"""`argosy cluster`: join, unjoin, list, get, label, taint, cordon and uncordon."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from argosy.config import Settings
from argosy.errors import InvalidInput
from cli.options import Output, OutputOption, ProfileOption, SelectorOption, TimeoutOption
from cli.runtime import run

app = typer.Typer(no_args_is_help=True, help="Member clusters.")

NameArgument = Annotated[str, typer.Argument(help="Name of the cluster.")]

ReasonOption = Annotated[str, typer.Option(help="Why; it is kept in the cluster's record.")]

_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_TAINT = re.compile(r"(?P<key>[^=:]+)(=(?P<value>[^:]*))?:(?P<effect>\w+)")


@app.command()
def join(
    name: NameArgument,
    kubeconfig: Annotated[
        str | None, typer.Option(help="Kubeconfig file, as the worker finds it; in push mode only.")
    ] = None,
    context: Annotated[
        str | None, typer.Option(help="Context in it.", show_default="the file's current context")
    ] = None,
    region: Annotated[str, typer.Option(help="Region, for affinity and overrides.")] = "",
    zone: Annotated[list[str] | None, typer.Option(help="Zone; repeatable.")] = None,
    provider: Annotated[str, typer.Option(help="Provider, for affinity and overrides.")] = "",
    label: Annotated[list[str] | None, typer.Option(help="key=value; repeatable.")] = None,
    taint: Annotated[list[str] | None, typer.Option(help="key=value:Effect; repeatable.")] = None,
    sync_mode: Annotated[
        str,
        typer.Option(help="Push, or Pull: `argosy worker run --cluster NAME` inside it is what reaches it."),
    ] = "Push",
    worker_grace: Annotated[
        float,
        typer.Option(
            min=6, help="In pull mode: seconds that this worker may be away before that is a failure."
        ),
    ] = 40.0,
    timeout: TimeoutOption = 60.0,
    profile: ProfileOption = None,
) -> None:
    """Join a cluster: the worker connects, reads what it is, and watches it from then on.

    Credentials stay in the kubeconfig; only its path and context are stored. In pull mode not even these are.
    """

    async def command(settings: Settings) -> int:
        from argosy.api.membership import ClusterSettings
        from cli.membership import check_name, joined

        check_name(name)
        mode, connection = _reached(sync_mode, kubeconfig, context)
        wanted = ClusterSettings(
            connection=connection,
            sync_mode=mode,
            worker_grace=worker_grace,
            labels=dict(sorted(_pair(entry) for entry in label or ())),
            region=region,
            zones=tuple(zone or ()),
            provider=provider,
            taints=tuple(_taint(entry) for entry in taint or ()),
        )
        status = await joined(await _session(settings, profile), name, wanted, timeout=timeout)
        facts = status.facts
        nodes = "nodes unknown" if facts.nodes is None else f"{facts.ready_nodes}/{facts.nodes} nodes ready"
        sys.stdout.write(f"cluster {name} joined: {facts.server}, {facts.version}, {nodes}\n")
        for note in facts.notes:
            sys.stderr.write(f"note: {note}\n")
        return 0

    run(command)


@app.command()
def unjoin(
    name: NameArgument,
    delete_workloads: Annotated[
        bool, typer.Option("--delete-workloads", help="Delete what was propagated to it.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Let go of it at once, even if it cannot be reached.")
    ] = False,
    timeout: TimeoutOption = 120.0,
    profile: ProfileOption = None,
) -> None:
    """Let a cluster go; what runs in it is left alone unless you ask for its deletion."""

    async def command(settings: Settings) -> int:
        from cli.membership import unjoined

        if force and delete_workloads:
            raise InvalidInput(
                "--force and --delete-workloads exclude each other; a dead cluster deletes nothing"
            )
        session = await _session(settings, profile)
        await unjoined(session, name, delete_workloads=delete_workloads, force=force, timeout=timeout)
        sys.stdout.write(f"cluster {name} unjoined\n")
        return 0

    run(command)


@app.command(name="list")
def list_(
    selector: SelectorOption = None,
    output: OutputOption = Output.TABLE,
    profile: ProfileOption = None,
) -> None:
    """List member clusters."""

    async def command(settings: Settings) -> int:
        from cli.listing import clusters

        return await clusters(await _session(settings, profile), None, selector, output)

    run(command)


@app.command()
def get(
    name: NameArgument,
    watch: Annotated[
        bool, typer.Option("-w", "--watch", help="Keep showing it, and count down to what comes.")
    ] = False,
    timeout: TimeoutOption = 3600.0,
    output: OutputOption = Output.TABLE,
    profile: ProfileOption = None,
) -> None:
    """Show one cluster: its conditions, the last probe, what happened, and what will move away when."""

    async def command(settings: Settings) -> int:
        from cli.cluster_page import cluster_page, watch_cluster

        session = await _session(settings, profile)
        if watch:
            return await watch_cluster(session, name, timeout=timeout)
        return await cluster_page(session, name, output)

    run(command)


@app.command()
def label(
    name: NameArgument,
    changes: Annotated[list[str], typer.Argument(help="key=value to set, key- to remove.")],
    profile: ProfileOption = None,
) -> None:
    """Set or remove labels; placements that select by labels follow."""

    def edit(request: Any) -> Any:
        labels: dict[str, str | None] = {}
        for change in changes:
            if change.endswith("-") and "=" not in change:
                labels[change[:-1]] = None
            else:
                key, value = _pair(change)
                labels[key] = value
        return request.model_copy(update={"labels": labels})

    _edit(name, edit, profile, lambda settings: f"labels: {_shown(settings.labels)}")


@app.command()
def taint(
    name: NameArgument,
    changes: Annotated[
        list[str], typer.Argument(help="key=value:Effect to set, key:Effect- or key- to remove.")
    ],
    profile: ProfileOption = None,
) -> None:
    """Set or remove taints: NoSchedule keeps new copies away, NoExecute moves away what does not tolerate it."""

    def edit(request: Any) -> Any:
        added = [_taint(change) for change in changes if not change.endswith("-")]
        removed = []
        for change in changes:
            if change.endswith("-"):
                key, _, effect = change[:-1].partition(":")
                removed.append((key.partition("=")[0], effect))
        return request.model_copy(update={"taint": tuple(added), "untaint": tuple(removed)})

    _edit(name, edit, profile, _taints)


@app.command()
def cordon(name: NameArgument, profile: ProfileOption = None) -> None:
    """Keep new copies away; what is there stays and is still updated."""
    _edit(name, lambda request: _cordoned(request, cordoned=True), profile, _taints)


@app.command()
def uncordon(name: NameArgument, profile: ProfileOption = None) -> None:
    """Allow new copies again."""
    _edit(name, lambda request: _cordoned(request, cordoned=False), profile, _taints)


@app.command()
def failover(
    name: NameArgument,
    now: Annotated[
        bool, typer.Option("--now", help="Without the time that workloads are otherwise given.")
    ] = False,
    reason: ReasonOption = "",
    profile: ProfileOption = None,
) -> None:
    """Move everything away from a cluster, as if it did not answer; `recover` ends it.

    Copies go from it when there are healthy ones elsewhere. A policy that tolerates the taint argosy.dev/failover
    keeps its copies there.
    """
    _steer(name, "failover", profile, _taints, reason=reason, now=now)


@app.command()
def recover(
    name: NameArgument,
    wave: Annotated[int, typer.Option("--wave", min=1, help="How many templates return at once.")] = 10,
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would return.")] = False,
    reason: ReasonOption = "",
    output: OutputOption = Output.TABLE,
    profile: ProfileOption = None,
) -> None:
    """End a failover, and let templates return that were moved away: a wave at a time, while all is well.

    Shows first where each template is and where it would be, as far as that can be told without asking the clusters
    for room. The next wave follows when the one before is healthy.
    """

    async def command(settings: Settings) -> int:
        from argosy.api.messages import Steer
        from cli.connection import new_id
        from cli.returning import recover as recovered

        session = await _session(settings, profile)
        order = Steer(request_id=new_id(), requested_by=session.actor, reason=reason, wave=wave)
        return await recovered(session, name, order, confirmed=yes, dry_run=dry_run, output=output)

    run(command)


@app.command()
def hold(name: NameArgument, reason: ReasonOption = "", profile: ProfileOption = None) -> None:
    """Keep every copy on a cluster where it is, whatever becomes of the cluster, until `resume`."""
    _steer(name, "hold", profile, _holding, reason=reason)


@app.command()
def resume(name: NameArgument, reason: ReasonOption = "", profile: ProfileOption = None) -> None:
    """Let copies move away from a cluster again where that is due."""
    _steer(name, "resume", profile, _holding, reason=reason)


def _holding(settings: Any) -> str:
    return "is held: its copies stay" if settings.hold else "is not held"


def _cordoned(request: Any, *, cordoned: bool) -> Any:
    from argosy.api.membership import UNSCHEDULABLE_TAINT
    from argosy.api.meta import Taint

    if cordoned:
        mark = Taint(key=UNSCHEDULABLE_TAINT, effect="NoSchedule")
        return request.model_copy(update={"taint": (mark,)})
    return request.model_copy(update={"untaint": ((UNSCHEDULABLE_TAINT, "NoSchedule"),)})


def _edit(name: str, edit: Callable[[Any], Any], profile: str | None, shown: Callable[[Any], str]) -> None:
    async def command(settings: Settings) -> int:
        from argosy.api.membership import Edit
        from cli.connection import new_id
        from cli.membership import edited

        request = edit(Edit(request_id=new_id()))
        session = await _session(settings, profile)
        after = await edited(session, name, request.model_copy(update={"requested_by": session.actor}))
        sys.stdout.write(f"cluster {name} {shown(after)}\n")
        return 0

    run(command)


def _steer(
    name: str,
    action: str,
    profile: str | None,
    shown: Callable[[Any], str],
    *,
    reason: str,
    now: bool = False,
) -> None:
    async def command(settings: Settings) -> int:
        from argosy.api.messages import Steer
        from argosy.api.steering import SteerAction, SteerCluster
        from cli.connection import new_id
        from cli.membership import steered

        session = await _session(settings, profile)
        order = Steer(request_id=new_id(), requested_by=session.actor, reason=reason, now=now)
        after = await steered(session, name, SteerCluster(action=SteerAction(action), order=order))
        sys.stdout.write(f"cluster {name} {shown(after)}\n")
        return 0

    run(command)


async def _session(settings: Settings, profile: str | None) -> Any:
    from activities.connection import connect
    from cli.session import Session

    return Session(await connect(settings, profile=profile), settings)


def _reached(sync_mode: str, kubeconfig: str | None, context: str | None) -> tuple[Any, Any]:
    """Mode and connection of a cluster that joins."""
    from argosy.api.cluster_connection import NOT_FROM_HERE, ConnectionReference
    from argosy.api.membership import SyncMode

    modes = {one.lower(): one for one in SyncMode}
    mode = modes.get(sync_mode.lower())
    if mode is None:
        raise InvalidInput(f"--sync-mode {sync_mode!r} is no mode; write Push or Pull")
    if mode is SyncMode.PULL:
        if kubeconfig or context:
            raise InvalidInput(
                "a cluster in pull mode is joined without --kubeconfig and --context; give them to "
                "`argosy worker run --cluster`, inside it"
            )
        return mode, NOT_FROM_HERE
    if not kubeconfig:
        raise InvalidInput(
            "name the kubeconfig file of the cluster with --kubeconfig, or join it with --sync-mode Pull"
        )
    return mode, ConnectionReference(kubeconfig=kubeconfig, context=context)


def _pair(text: str) -> tuple[str, str]:
    from argosy.api.formats import is_label_key, is_label_value

    key, equals, value = text.partition("=")
    if not equals:
        raise InvalidInput(f"{text!r} is not key=value; add a value, or key- to remove it")
    if not (is_label_key(key) and is_label_value(value)):
        raise InvalidInput(
            f"{text!r} is no label; use at most 63 letters, digits, '-', '_' and '.' for its name and its value"
        )
    return key, value


def _taint(text: str) -> Any:
    from argosy.api.meta import Taint

    match = _TAINT.fullmatch(text)
    if match is None or match["effect"] not in _EFFECTS:
        raise InvalidInput(f"{text!r} is not key=value:Effect; the effects are {', '.join(_EFFECTS)}")
    return Taint(key=match["key"], value=match["value"] or "", effect=match["effect"])  # type: ignore[arg-type] # checked above


def _taints(settings: Any) -> str:
    shown = [f"{t.key}{'=' + t.value if t.value else ''}:{t.effect}" for t in settings.taints]
    return f"taints: {', '.join(shown) or 'none'}"


def _shown(labels: dict[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in labels.items()) or "none"
