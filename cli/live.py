"""`argosy get KIND -C CLUSTER`: objects as the members have them, from several at once."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from activities.connection import instance_of
from activities.policies import interpreting
from activities.snapshot import list_clusters
from argosy.api.customization import Operation, ResourceInterpreterCustomization
from argosy.api.health import replicas_ready
from argosy.api.interpreter_webhook import ResourceInterpreterWebhookConfiguration
from argosy.api.membership import ClusterStatus
from argosy.api.names import parse_kind
from argosy.api.ownership import owner_of
from argosy.api.redact import redacted
from argosy.errors import ArgosyError, InterpreterError, InvalidInput, NotFound, OutOfReach
from argosy.interpreter.customized import CustomizedInterpreter
from argosy.interpreter.layered import Layered
from argosy.interpreter.lua.pool import LuaPool
from argosy.kube.catalog import Catalog, Served
from argosy.kube.connect import Member, connect
from argosy.kube.discovery import discover
from argosy.kube.read import pages
from argosy.kube.webhook import WebhookInterpreter
from cli.options import Output
from cli.output import age, emit, plain, styled, table
from cli.session import Session

EVERY = "*"
AT_ONCE = 20
"""Clusters that are asked at the same time."""


@dataclass(frozen=True)
class Wanted:
    """What to list."""

    kind: str
    name: str | None
    namespace: str | None
    selector: str


@dataclass(frozen=True)
class Found:
    """What one cluster has, or why that cannot be told."""

    cluster: str
    objects: tuple[dict[str, Any], ...] = ()
    error: str = ""


async def objects(
    session: Session, wanted: Wanted, clusters: Sequence[str], output: Output, *, show_managed_fields: bool
) -> int:
    """List live objects; a cluster that does not answer is a line on standard error, and exit code 1.

    Raises:
        NotFound: a cluster is not joined, or no cluster has the object that is named.
    """
    chosen = _chosen(await list_clusters(session.client), clusters)
    instance = await instance_of(session.client)
    gate = asyncio.Semaphore(AT_ONCE)

    async def ask(status: ClusterStatus) -> Found:
        async with gate:
            try:
                return Found(status.name, tuple(await _listed(session, status, wanted)))
            except ArgosyError as error:
                return Found(status.name, error=str(error))

    found = await asyncio.gather(*(ask(status) for status in chosen))
    failed = [one for one in found if one.error]
    for one in failed:
        sys.stderr.write(f"error: {one.cluster}: {one.error}\n")
    if wanted.name is not None and not failed and not any(one.objects for one in found):
        raise NotFound(
            f"none of these clusters has {wanted.kind} {wanted.name}; see `argosy get {wanted.kind} -A -C '*'`"
        )
    healths = await _healths(session, found)
    _print(found, healths, output, instance=instance, show_managed_fields=show_managed_fields)
    return 1 if failed else 0


def _print(
    found: Sequence[Found],
    healths: Iterator[tuple[str, str]],
    output: Output,
    *,
    instance: str,
    show_managed_fields: bool,
) -> None:
    grid = table("namespace", "name", "cluster", "owned", "health", "ready", "age")
    items, names = [], []
    for one in found:
        for item in one.objects:
            metadata = item["metadata"]
            health, ready = next(healths)
            grid.add_row(
                plain(metadata.get("namespace", "")),
                plain(metadata["name"]),
                plain(one.cluster),
                plain(owned_by(metadata, instance)),
                styled(health),
                ready,
                age(datetime.fromisoformat(metadata["creationTimestamp"])),
            )
            kept = {k: v for k, v in metadata.items() if show_managed_fields or k != "managedFields"}
            items.append(
                {
                    "cluster": one.cluster,
                    "owned": owned_by(metadata, instance),
                    "health": health,
                    "object": redacted({**item, "metadata": kept}),
                }
            )
            names.append(f"{one.cluster}/{item['kind']}/{metadata['name']}")
    emit(output, items=items, names=names, grid=grid, empty="No objects found.")


def owned_by(metadata: dict[str, Any], instance: str) -> str:
    """Whose copy an object is, in words; `-` where nobody's."""
    owner = owner_of(metadata)
    if owner is None:
        return "-"
    if owner.instance != instance:
        return "another installation's"
    _, _, path = owner.propagation.partition("/")
    scope, _, rest = path.partition("/")
    kind, _, name = rest.partition("/")
    where = "" if scope == "_" else f"{unquote(scope)}/"
    return f"{unquote(kind).partition('.')[0]} {where}{unquote(name)} revision {owner.revision}"


async def _healths(session: Session, found: Sequence[Found]) -> Iterator[tuple[str, str]]:
    """Health and ready replicas of every object, by the customizations that are stored.

    Both are empty where a web service would have to be asked, which only workers are sure to reach.
    """
    stored = interpreting(await session.policies(None))
    services = WebhookInterpreter(
        [ResourceInterpreterWebhookConfiguration.model_validate(one) for one in stored if "webhooks" in one]
    )
    scripts = [
        ResourceInterpreterCustomization.model_validate(one) for one in stored if "webhooks" not in one
    ]
    told: list[tuple[str, str]] = []
    async with LuaPool(size=1) as pool, services:
        layered = Layered((CustomizedInterpreter(scripts, pool), services))
        for item in (item for one in found for item in one.objects):
            if layered.layer_of(item, Operation.HEALTH) is services:
                told.append(("", ""))
                continue
            try:
                known = await layered.health(item)
            except InterpreterError:
                told.append(("Unknown", ""))
            else:
                told.append((str(known.health), replicas_ready(known)))
    return iter(told)


def _chosen(known: dict[str, ClusterStatus], wanted: Sequence[str]) -> list[ClusterStatus]:
    names = [name for word in wanted for name in word.split(",") if name]
    if EVERY in names:
        return [known[name] for name in sorted(known)]
    missing = [name for name in names if name not in known]
    if missing:
        raise NotFound(f"no cluster {missing[0]} is joined; see `argosy cluster list`")
    return [known[name] for name in dict.fromkeys(names)]


async def opened(session: Session, status: ClusterStatus) -> Member:
    """A connection of one's own with a cluster, by the kubeconfig file that it was joined with.

    Raises:
        OutOfReach: it is in pull mode, and nobody outside knows how to reach it.
        InvalidInput, Refused, Unauthorized: as `argosy.kube.connect.connect`.
    """
    if status.settings.pulls:
        raise OutOfReach(
            f"{status.name} is in pull mode and is not reached from here; look with kubectl and credentials of your "
            "own, or see `argosy status KIND NAME` for what its worker reports"
        )
    return await connect(status.name, status.settings.connection, allow_exec=session.settings.kubeconfig_exec)


async def _listed(session: Session, status: ClusterStatus, wanted: Wanted) -> list[dict[str, Any]]:
    member = await opened(session, status)
    try:
        kind = kind_served(await discover(member), wanted.kind)
        fields = f"metadata.name={wanted.name}" if wanted.name else ""
        found: list[dict[str, Any]] = []
        async for page in pages(
            member,
            kind.collection(wanted.namespace),
            what=f"list {kind.plural}",
            selector=wanted.selector,
            fields=fields,
        ):
            # A list names its own kind only.
            found += [{"apiVersion": kind.group_version, "kind": kind.kind, **item} for item in page.items]
        return found
    finally:
        await member.close()


def kind_served(catalog: Catalog, word: str) -> Served:
    """The kind that a word means in a cluster: a kind, a plural or a known short name, with its group or without.

    Raises:
        NotFound: the cluster serves no such kind.
        InvalidInput: it serves several.
    """
    try:
        known = parse_kind(word)
        name, group = known.kind.lower(), known.group
    except InvalidInput:
        name, _, rest = word.lower().partition(".")
        group = rest or None
    found = [
        one
        for one in catalog.preferred()
        if name in {one.kind.lower(), one.plural.lower(), *one.words}
        and group in {None, one.group}
        and "list" in one.verbs
    ]
    if not found:
        raise NotFound(f"it serves no kind {word!r}; write a kind or a plural, such as deployments.apps")
    if len({one.group for one in found}) > 1:
        groups = ", ".join(sorted(one.group for one in found))
        raise InvalidInput(f"{word} exists in {groups}; write {found[0].plural}.GROUP instead")
    return found[0]
