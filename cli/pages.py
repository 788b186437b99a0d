"""The pages behind `argosy describe` and `argosy history`."""

from __future__ import annotations

import json
from collections.abc import Sequence

from rich.table import Table

from argosy.api.manifest import ResourceRef
from argosy.api.propagation import PropagationStatus
from argosy.api.redact import redacted
from argosy.api.steering import Step
from cli.options import Output
from cli.output import age, console, emit, emit_one, plain, styled, table
from cli.session import Session
from cli.targets import health_line, status_table


async def describe_page(session: Session, ref: ResourceRef, output: Output) -> int:
    """Everything about one template; the template itself is shown with secrets masked."""
    observed = await session.observe(ref)
    start = await session.state(ref)
    item = {
        **observed.status.model_dump(mode="json"),
        "workflow_id": observed.workflow_id,
        "template": redacted(json.loads(start.template)),
    }
    if emit_one(output, item, name=observed.workflow_id):
        return 0
    out = console()
    status = observed.status
    lines = [
        ("Name", str(ref)),
        ("Revision", f"{status.revision} (pass {status.pass_number}, {status.reason})"),
        ("Status", f"{status.phase}: {status.message}"),
        ("Health", health_line(status)),
        ("Policy", str(status.policy or "none")),
        ("Decision", status.decision),
        (
            "Submitted",
            f"{status.submitted_at:%Y-%m-%d %H:%M:%S} UTC by {status.submitted_by}"
            if status.submitted_at
            else "",
        ),
        ("Digest", status.digest[:16]),
        ("Workflow", observed.workflow_id),
        *_steering(status),
    ]
    for label, text in lines:
        out.print(f"[bold]{label + ':':<11}[/bold]{plain(text)}")
    out.print()
    out.print(status_table([observed]))
    _overrides(status)
    if status.rejected:
        out.print("\n[bold]Clusters that were not chosen[/bold]")
        grid = table("cluster", "reason")
        for cluster, reason in status.rejected.items():
            grid.add_row(plain(cluster), plain(reason))
        out.print(grid)
    return 0


async def history_page(session: Session, ref: ResourceRef, output: Output) -> int:
    """The ledger of revisions; the newest is completed by what is published now."""
    observed = await session.observe(ref)
    start = await session.state(ref)
    entries = [entry for entry in start.state.ledger if entry.revision < observed.status.revision]
    status = observed.status
    rows = [
        (entry.revision, entry.submitted_at, entry.submitted_by, entry.reason, entry.result, entry.placement)
        for entry in entries
    ]
    rows.append(
        (
            status.revision,
            status.submitted_at,
            status.submitted_by,
            status.reason,
            str(status.phase),
            {name: target.replicas for name, target in status.clusters.items()},
        )
    )
    grid = table("revision", "age", "by", "reason", "result", "placement")
    for revision, at, actor, reason, result, placement in rows:
        where = ", ".join(name if n is None else f"{name}: {n}" for name, n in placement.items())
        grid.add_row(str(revision), age(at), plain(actor), reason, styled(result), plain(where))
    items = [
        {
            "revision": revision,
            "submitted_at": at.isoformat() if at else None,
            "submitted_by": actor,
            "reason": reason,
            "result": result,
            "placement": placement,
        }
        for revision, at, actor, reason, result, placement in rows
    ]
    steps = [*start.state.steps, *(step for step in status.steps if step not in start.state.steps)]
    if output in {Output.JSON, Output.YAML}:
        document = {"revisions": items, "steps": [step.model_dump(mode="json") for step in steps]}
        emit_one(output, document, name=str(ref))
        return 0
    emit(output, items=items, names=[str(row[0]) for row in rows], grid=grid, empty="No revisions yet.")
    if steps and output != Output.NAME:
        console().print()
        console().print(steps_table(steps))
    return 0


def steps_table(steps: Sequence[Step]) -> Table:
    """What has become of copies, the latest first, with the time that passed since the step before."""
    grid = table("at (UTC)", "after", "what", "by", "why")
    before = [None, *(step.at for step in steps)]
    for step, previous in reversed(list(zip(steps, before, strict=False))):
        passed = f"{(step.at - previous).total_seconds():.1f} s" if previous else ""
        grid.add_row(f"{step.at:%m-%d %H:%M:%S}", passed, plain(step.what), plain(step.by), plain(step.why))
    return grid


def _steering(status: PropagationStatus) -> list[tuple[str, str]]:
    """What was asked for its copies alone, and where it does not return by itself."""
    lines = []
    if status.steering.held:
        lines.append(
            ("Held", ", ".join("every cluster" if one == "*" else one for one in status.steering.held))
        )
    if status.steering.forced:
        lines.append(("Failover", f"away from {', '.join(sorted(status.steering.forced))}"))
    if status.left:
        lines.append(("Away from", f"{', '.join(sorted(status.left))}; `argosy recover` ends that"))
    return lines


def _overrides(status: PropagationStatus) -> None:
    if not status.overrides:
        return
    console().print("\n[bold]Overrides[/bold]")
    grid = table("cluster", "applied in this order")
    for cluster, rules in status.overrides.items():
        grid.add_row(plain(cluster), plain(", ".join(rules)))
    console().print(grid)
