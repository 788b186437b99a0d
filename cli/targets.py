"""The state of one cluster's copy in words, and the tables and pages made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.table import Table

from argosy.api.health import replicas_ready
from argosy.api.observation import last_of
from argosy.api.propagation import Phase, PropagationStatus, Target, TargetPhase
from cli.observing import Attempt, Observed
from cli.output import age, plain, styled, table


@dataclass(frozen=True)
class Row:
    """One line of a status table."""

    what: str
    cluster: str
    phase: str
    health: str
    ready: str
    replicas: str
    revision: str
    since: str
    message: str


def rows_of(observed: Observed, *, now: datetime | None = None) -> list[Row]:
    """A line per cluster, or one for the template where it has none."""
    status = observed.status
    at = now or datetime.now(UTC)
    clusters = {**dict.fromkeys(observed.attempts, Target()), **status.clusters}
    if not clusters:
        return [
            Row(str(status.ref), "", str(status.phase), "", "", "", str(status.revision), "", status.message)
        ]
    return [
        _row(str(status.ref), name, clusters[name], observed.attempts.get(name), at)
        for name in sorted(clusters)
    ]


def _row(what: str, cluster: str, target: Target, attempt: Attempt | None, now: datetime) -> Row:
    phase, message = str(target.phase), target.message
    if attempt is not None and target.phase in {
        TargetPhase.PENDING,
        TargetPhase.REMOVING,
        TargetPhase.APPLIED,
    }:
        phase = {"remove": "Removing", "apply": "Pending"}.get(attempt.kind, phase)
        if attempt.message:
            phase = "Retrying"
            message = f"attempt {attempt.attempt}{_due(attempt, now)}: {attempt.message}"
    return Row(
        what=what,
        cluster=cluster,
        phase=phase,
        health=str(target.assessment.health) if target.seen else "",
        ready=replicas_ready(target.assessment),
        replicas="" if target.replicas is None else str(target.replicas),
        revision=str(target.revision or ""),
        since=age(last_of(target.since, target.changed_at), now=now),
        message=message or _notable(target),
    )


def _notable(target: Target) -> str:
    """Why a copy does not fare well, and what others have done to it."""
    known = target.assessment
    said = [] if known.is_healthy or not target.seen else [known.message]
    if target.drift is not None:
        done = "corrected" if target.drift.corrected else "left as it is"
        times = f" ({target.drifts} times so far)" if target.drifts > 1 else ""
        said.append(f"{target.drift}; {done}{times}")
    return "; ".join(part for part in said if part)


def _due(attempt: Attempt, now: datetime) -> str:
    if attempt.next_attempt is None:
        return ""
    seconds = max(0.0, (attempt.next_attempt - now).total_seconds())
    return f" in {seconds:.0f} s"


def health_line(status: PropagationStatus) -> str:
    """How all copies fare together, in one line; empty where there are none."""
    known = status.health
    if known is None:
        return ""
    ready = f", {replicas_ready(known)} replicas ready" if replicas_ready(known) else ""
    since = f", for {age(status.health_since)}" if status.health_since else ""
    return f"{known.health}: {known.message}{ready}{since}"


def status_table(observed: Sequence[Observed]) -> Table:
    """Every copy of the given propagations."""
    grid = table("object", "cluster", "status", "health", "ready", "replicas", "revision", "since", "message")
    previous = ""
    for one in observed:
        for row in rows_of(one):
            grid.add_row(
                plain(row.what if row.what != previous else ""),
                plain(row.cluster),
                styled(row.phase),
                styled(row.health),
                row.ready,
                row.replicas,
                row.revision,
                row.since,
                plain(row.message),
            )
            previous = row.what
    return grid


def settled(observed: Observed, *, revision: int) -> bool:
    """Whether a propagation needs nobody to wait for it: applied, or in need of a person."""
    return not observed.running or (observed.status.revision >= revision and is_resting(observed))


def is_resting(observed: Observed) -> bool:
    """Whether a propagation has done what it can by itself."""
    return observed.status.phase in {
        Phase.APPLIED,
        Phase.SUSPENDED,
        Phase.FAILED,
        Phase.UNSCHEDULABLE,
        Phase.DELETED,
    }


def succeeded(observed: Observed) -> bool:
    """Whether a settled propagation is as its user wanted."""
    return observed.status.phase in {Phase.APPLIED, Phase.SUSPENDED, Phase.DELETED}
