"""Reading recorded decisions back out of the runs of a propagation."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHandle

from activities.contracts import Planned
from argosy.api.ids import id_of
from argosy.api.manifest import ResourceRef
from argosy.api.plan import Plan
from argosy.api.propagation import PropagationInput, PropagationState
from argosy.errors import NotFound
from cli.session import Session

_LOCAL_ACTIVITY = "core_local_activity"


@dataclass(frozen=True)
class Decision:
    """A plan as it was recorded, and the state of the propagation in whose run that was."""

    plan: Plan
    state: PropagationState
    run_id: str


async def recorded_decision(session: Session, ref: ResourceRef, *, revision: int | None) -> Decision:
    """The decision in force, or the last one made for an earlier revision.

    Raises:
        NotFound: no such propagation, no decision yet, or one older than Temporal's retention.
    """
    described = await session.describe(id_of(ref))
    if described is None:
        raise NotFound(f"{ref} is not propagated; see `argosy get propagations -A`")
    run_id: str = described.run_id or ""
    while run_id:
        handle = session.client.get_workflow_handle(described.id, run_id=run_id)
        start, planned, previous = await _run(session, handle)
        plan = planned or start.plan
        if plan is not None and revision in {None, start.state.revision}:
            return Decision(plan=plan, state=start.state, run_id=run_id)
        if revision is not None and start.state.revision < revision:
            break
        run_id = previous
    wanted = "" if revision is None else f" for revision {revision}"
    raise NotFound(f"{ref} has no recorded decision{wanted}; see `argosy history {ref.kind} {ref.name}`")


async def _run(
    session: Session, handle: WorkflowHandle[Any, Any]
) -> tuple[PropagationInput, Plan | None, str]:
    """What a run began with, the last plan that was made in it, and the run before it."""
    converter = session.client.data_converter
    start: PropagationInput | None = None
    plan: Plan | None = None
    previous = ""
    async for event in handle.fetch_history_events():
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
            attributes = event.workflow_execution_started_event_attributes
            (start,) = await converter.decode(list(attributes.input.payloads), [PropagationInput])
            previous = attributes.continued_execution_run_id
        elif _is_plan(event):
            payloads = list(event.marker_recorded_event_attributes.details["result"].payloads)
            (planned,) = await converter.decode(payloads, [Planned])
            plan = planned.plan
    if start is None:
        raise NotFound(f"run {handle.run_id} of {handle.id} has no history; it is past Temporal's retention")
    return start, plan, previous


def _is_plan(event: HistoryEvent) -> bool:
    marker = event.marker_recorded_event_attributes
    if event.event_type != EventType.EVENT_TYPE_MARKER_RECORDED or marker.marker_name != _LOCAL_ACTIVITY:
        return False
    data = marker.details["data"].payloads
    return "result" in marker.details and bool(data) and json.loads(data[0].data)["activity_type"] == "plan"
