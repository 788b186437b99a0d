"""`argosy cluster get`: one cluster, what is judged of it, what happened, and what will happen when."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from rich.console import Group
from rich.live import Live
from rich.table import Table
from temporalio.client import WorkflowExecutionDescription, WorkflowExecutionStatus

from activities.failback import staying_away
from argosy.api.conditions import ClusterCondition, ConditionType
from argosy.api.ids import cluster_id
from argosy.api.membership import ClusterStatus
from argosy.errors import NotFound
from cli.foresight import Foresight, foresee, waits
from cli.membership import status_of, worker_inside
from cli.options import Output
from cli.output import age, console, emit_one, plain, styled, table
from cli.session import Session

INTERVAL = 1.0
_LABEL = 13


@dataclass(frozen=True)
class Page:
    """Everything that is shown.

    Attributes:
        probe: the monitor's last look, None where no monitor runs.
        away: templates that were moved away from the cluster and have not returned.
        inside: the worker inside it, by its identity; empty where none polls, None in push mode.
    """

    workflow: str
    status: ClusterStatus
    probe: dict[str, Any] | None
    foresight: Foresight
    away: int = 0
    inside: str | None = None

    def conditions(self) -> list[ClusterCondition]:
        """All of them, `Ready` first."""
        health = self.status.health
        ready = ClusterCondition(
            type=ConditionType.READY,
            status=health.status,
            reason=health.reason,
            message=health.message,
            since=health.since,
        )
        return [ready, *self.status.conditions]

    def as_data(self, *, now: datetime) -> dict[str, Any]:
        """For programs."""
        return {
            **self.status.model_dump(mode="json"),
            "conditions": [one.model_dump(mode="json") for one in self.conditions()],
            "last_probe": self.probe,
            "worker": self.inside,
            "away": self.away,
            "next": {
                "held": self.foresight.held,
                "guarded": self.foresight.guarded,
                "moves": [{"at": at.isoformat(), "propagation": who} for at, who in self.foresight.moves],
                "sentence": self.foresight.sentence(now=now),
            },
        }

    def rendered(self, *, now: datetime) -> Group:
        """For people."""
        status, settings, facts = self.status, self.status.settings, self.status.facts
        lines = [
            ("Name", plain(status.name)),
            ("Status", styled(str(status.phase)) + (" (held)" if settings.hold else "")),
            ("Last probe", plain(_probed(self.probe, now=now, inside=self.inside))),
            ("What next", f"[bold]{plain(self.foresight.sentence(now=now))}[/bold]"),
            *((("Stay away", plain(_away(self.away, status))),) if self.away or status.recovering else ()),
            ("Taints", plain(", ".join(_taints(status)) or "-")),
            ("Server", plain(facts.server or "-")),
            ("Mode", str(settings.sync_mode)),
            ("Connection", plain(_reached(status, self.inside))),
            ("Version", plain(facts.version or "-")),
            ("Nodes", "unknown" if facts.nodes is None else f"{facts.ready_nodes} of {facts.nodes} ready"),
            ("Region", plain(settings.region or "-")),
            ("Zones", plain(", ".join(settings.zones) or "-")),
            ("Provider", plain(settings.provider or "-")),
            ("Labels", plain(", ".join(f"{k}={v}" for k, v in settings.labels.items()) or "-")),
            ("Cluster ID", plain(facts.uid or "-")),
            ("Workflow", plain(self.workflow)),
        ]
        amounts = (
            (kind.capitalize(), plain(", ".join(f"{name} {amount}" for name, amount in sums.items())))
            for kind, sums in facts.resources.items()
        )
        notes = (("Note", plain(note)) for note in facts.notes)
        head = [f"[bold]{label + ':':<{_LABEL}}[/bold]{text}" for label, text in (*lines, *amounts, *notes)]
        return Group(*head, "", _conditions(self.conditions(), now=now), "", _steps(status, now=now))


async def read_page(session: Session, name: str) -> Page:
    """Read a cluster's page from its entity, and from the propagations that have a copy there.

    Raises:
        NotFound: no such cluster is joined.
    """
    described = await session.describe(cluster_id(name))
    status = await status_of(described)
    if described is None or status is None or described.status != WorkflowExecutionStatus.RUNNING:
        raise NotFound(f"no cluster {name} is joined; see `argosy cluster list`")
    probe = await _last_probe(session, described)
    inside = await worker_inside(session, name) if status.settings.pulls else None
    guard = (probe or {}).get("fleet_guard")
    return Page(described.id, status, probe, await foresee(session, status, guard=guard), inside=inside)


async def cluster_page(session: Session, name: str, output: Output) -> int:
    """Show everything about one cluster, once."""
    page = await read_page(session, name)
    page = replace(page, away=len(await staying_away(session.client, name)))
    now = datetime.now(UTC)
    if not emit_one(output, page.as_data(now=now), name=cluster_id(name)):
        console().print(page.rendered(now=now))
    return 0


async def watch_cluster(session: Session, name: str, *, timeout: float) -> int:
    """Show a cluster and count down until it leaves, the time is over, or the user interrupts.

    Where nobody sees a terminal, each change is a line.
    """
    live = Live(console=console(), auto_refresh=False) if sys.stdout.isatty() else None
    told: set[str] = set()
    if live is not None:
        live.start()
    try:
        async with asyncio.timeout(timeout):
            while True:
                try:
                    page = await read_page(session, name)
                except NotFound:
                    if not told:
                        raise
                    return 0
                now = datetime.now(UTC)
                if live is not None:
                    live.update(page.rendered(now=now), refresh=True)
                for line in _changes(page):
                    if line not in told and live is None:
                        sys.stdout.write(f"{line}\n")
                        sys.stdout.flush()
                    told.add(line)
                await asyncio.sleep(INTERVAL)
    except TimeoutError:
        return 0
    finally:
        if live is not None:
            live.stop()


def _changes(page: Page) -> Iterator[str]:
    for step in page.status.steps:
        yield " ".join(part for part in (f"{step.at:%H:%M:%S} UTC", step.what, step.by, step.why) if part)
    for one in page.conditions():
        yield f"{one.type} {one.status} {one.reason} {one.message}".rstrip()
    for at, who in page.foresight.moves:
        yield f"{who} moves away at {at:%H:%M:%S} UTC"
    if page.foresight.stays:
        yield page.foresight.stays


def _conditions(conditions: list[ClusterCondition], *, now: datetime) -> Table:
    grid = table("condition", "status", "since", "reason", "message")
    for one in conditions:
        style = {"True": "green", "False": "red"}.get(one.status, "yellow")
        grid.add_row(
            plain(one.type),
            f"[{style}]{one.status}[/{style}]",
            age(one.since, now=now),
            plain(one.reason),
            plain(one.message),
        )
    return grid


def _steps(status: ClusterStatus, *, now: datetime) -> Table:
    """The latest first."""
    grid = table("what happened", "ago", "by", "why")
    for step in reversed(status.steps):
        grid.add_row(plain(step.what), age(step.at, now=now), plain(step.by), plain(step.why))
    return grid


def _away(count: int, status: ClusterStatus) -> str:
    if status.recovering:
        return f"{count} templates return now, in waves"
    return (
        f"{count} templates were moved away from it; `argosy cluster recover {status.name}` lets them return"
    )


def _taints(status: ClusterStatus) -> list[str]:
    return [f"{one.key}{'=' + one.value if one.value else ''}:{one.effect}" for one in status.settings.taints]


def _reached(status: ClusterStatus, inside: str | None) -> str:
    if inside is None:
        return str(status.settings.connection)
    return f"by its own worker, {inside}" if inside else "by its own worker, of which none polls"


def _probed(probe: dict[str, Any] | None, *, now: datetime, inside: str | None) -> str:
    if probe is None:
        where = "" if inside is None else " inside it"
        return f"no monitor is running; is a worker polling{where}?"
    since = age(datetime.fromisoformat(probe["at"]), now=now)
    said = f"{'ok' if probe['ok'] else 'failed'}, {probe['latency_ms']} ms, {since} ago"
    if "since" not in probe:
        return said
    lasting = waits(now - datetime.fromisoformat(probe["since"])).removeprefix("in ")
    return f"{said}; {probe['change']} for {lasting}, which is being confirmed"


async def _last_probe(session: Session, described: WorkflowExecutionDescription) -> dict[str, Any] | None:
    """What the monitor's last heartbeat said."""
    for pending in described.raw_description.pending_activities:
        if pending.activity_type.name == "watch" and pending.HasField("heartbeat_details"):
            details: list[Any] = await session.client.data_converter.decode(
                list(pending.heartbeat_details.payloads)
            )
            seen: dict[str, Any] = details[0]
            return seen
    return None
