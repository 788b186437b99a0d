"""What a cluster's entity shows: the memo that scheduling reads, and the page in Temporal's UI."""

from __future__ import annotations

from argosy.api.membership import ClusterState, ClusterStatus
from argosy.api.steering import Step
from workflows.steering import shown

# Planners read the memos of all clusters; the rest of the steps is on the page.
PUBLISHED_STEPS = 8


def status_of(state: ClusterState) -> ClusterStatus:
    """What goes into the memo: the facts that scheduling uses."""
    return ClusterStatus(
        name=state.name,
        phase=state.phase,
        settings=state.settings,
        health=state.health,
        facts=state.facts,
        epoch=state.epoch,
        joined_at=state.joined_at,
        last_request=state.last_request,
        last_refusal=state.last_refusal,
        purge=state.leaving is not None and state.leaving.delete_workloads and not state.leaving.force,
        recovering=state.recovery is not None,
        conditions=state.conditions,
        steps=state.steps[-PUBLISHED_STEPS:],
    )


def details_of(state: ClusterState) -> str:
    """The page that Temporal's UI shows for the workflow, in Markdown."""
    facts, settings = state.facts, state.settings
    taints = ", ".join(shown(taint) for taint in settings.taints) or "none"
    nodes = "unknown" if facts.nodes is None else f"{facts.ready_nodes} of {facts.nodes} ready"
    return "\n".join(
        (
            f"**Cluster {state.name}** · **{state.phase}** · {state.health.reason} {state.health.message}",
            "",
            "| fact | value |",
            "|---|---|",
            f"| server | {facts.server} |",
            f"| mode | {settings.sync_mode} |",
            f"| version | {facts.version} |",
            f"| nodes | {nodes} |",
            f"| region / zones / provider | {settings.region} / {', '.join(settings.zones)} / {settings.provider} |",
            f"| taints | {taints} |",
            f"| held | {'yes: its copies stay' if settings.hold else 'no'} |",
            *(f"| {one.type} | {one.status}: {_cell(one.message)} |" for one in state.conditions),
            f"| epoch | {state.epoch} |",
            *_history(state.steps),
        )
    )


def _history(steps: tuple[Step, ...]) -> tuple[str, ...]:
    """The remembered steps as a table, the latest first."""
    if not steps:
        return ()
    rows = (
        f"| {step.at:%Y-%m-%d %H:%M:%S} | {_cell(step.what)} | {_cell(step.by)} | {_cell(step.why)} |"
        for step in reversed(steps)
    )
    return ("", "| at (UTC) | what | by | why |", "|---|---|---|---|", *rows)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
