"""What observations and taint policies make of a cluster's state."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError

from activities.contracts import EvaluateTaints, Observation, TaintVerdict
from activities.tainting import Tainting
from argosy.api.conditions import judged, merged, moved, watching_condition
from argosy.api.membership import WORKER_LOST, ClusterPhase, ClusterState, Health
from workflows import options
from workflows.inside import nobody_inside
from workflows.steering import condition_steps, edit_steps, health_step, remembered, tainted

REMEMBERED_FAILURES = 10


def observed(before: ClusterState, seen: Observation, *, at: datetime) -> tuple[ClusterState, str | None]:
    """The state after an observation, and what is to be announced of it; None where that concerns nobody."""
    turned = seen.health.ready != before.health.ready
    conditions = merged(before.conditions, seen.conditions, at=at)
    steps = condition_steps(before.conditions, conditions, at=at)
    health, announce = seen.health, None
    changes: dict[str, Any] = {"conditions": conditions}
    # Monitors of earlier releases judge no conditions, and no policies were looked at in their time.
    if seen.conditions and (turned or moved(before.conditions, conditions)):
        changes["taints_asked"] = before.taints_asked + 1
    if seen.inspected is not None:
        changes |= {"facts": seen.inspected.facts, "enablements": seen.inspected.enablements}
        # Numbers of nodes and pods move all the time; only new or lost APIs open or close a way.
        opened = seen.inspected.facts.enablements_digest != before.facts.enablements_digest
        announce = "Facts" if opened else before.announce
    if turned:
        announce = "Ready" if health.ready else "NotReady"
        changes["phase"] = ClusterPhase.READY if health.ready else ClusterPhase.NOT_READY
        if not health.ready:
            changes["failures"] = (*before.failures, at)[-REMEMBERED_FAILURES:]
    if turned or health.reason != before.health.reason:
        steps = (health_step(health, at=at), *steps)
    if not turned:
        health = health.model_copy(update={"since": before.health.since})
    changes |= {"health": health, "steps": remembered(before.steps, *steps)}
    if seen.patience is not None:
        changes["patience"] = seen.patience
    return before.model_copy(update=changes), announce


def worker_lost(cluster: str, *, at: datetime) -> Observation:
    """What counts as seen of a cluster whose own worker, which alone sees it, has been away for too long."""
    message = f"the cluster is not heard of: {nobody_inside(cluster)}"
    blind = watching_condition("Unknown", WORKER_LOST, "nobody is there to watch")
    health = Health(ready=False, reason=WORKER_LOST, message=message, since=at)
    return Observation(health=health, conditions=(blind,))


async def verdict(state: ClusterState) -> TaintVerdict:
    """What the taint policies of now change; nothing where they cannot be looked at, which the log tells."""
    try:
        found: TaintVerdict = await workflow.execute_activity_method(
            Tainting.evaluate,
            EvaluateTaints(
                name=state.name,
                settings=state.settings,
                conditions=judged(state.conditions, ready=state.health.status),
            ),
            start_to_close_timeout=options.MESSAGE_TIMEOUT,
            retry_policy=options.MESSAGE_RETRY,
            summary="look at taint policies",
        )
    except ActivityError as error:
        workflow.logger.warning("taint policies of %s could not be looked at: %s", state.name, error.cause)
        return TaintVerdict()
    return found


def tainted_by_policies(before: ClusterState, found: TaintVerdict, *, at: datetime) -> ClusterState:
    """The state with the taints that policies add and without those that they remove."""
    settings, steps = before.settings, before.steps
    for change in found.changes:
        after = tainted(settings, change, at=at)
        by = f"ClusterTaintPolicy {change.policy}"
        steps = remembered(steps, *edit_steps(settings, after, at=at, by=by))
        settings = after
    return before.model_copy(update={"settings": settings, "steps": steps})
