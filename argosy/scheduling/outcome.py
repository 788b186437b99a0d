"""What an attempt to place leaves behind: the targets in force, what to say, and whether to try again."""

from __future__ import annotations

from typing import Literal

from argosy.api.reasons import ErrorKind
from argosy.api.record import Record
from argosy.scheduling.request import ScheduleRequest, Target
from argosy.scheduling.result import ScheduleResult

ConditionReason = Literal["Success", "NoClusterFit", "Unschedulable", "SchedulerError"]

_REASONS: dict[ErrorKind, ConditionReason] = {
    "FitError": "NoClusterFit",
    "UnschedulableError": "Unschedulable",
    "Other": "SchedulerError",
}


class Outcome(Record):
    """Attributes: `targets` are in force from now on; `retry` asks for another attempt without anything new."""

    targets: tuple[Target, ...]
    observed_affinity: str = ""
    scheduled: bool
    reason: ConditionReason
    message: str
    retry: bool = False


def settle(request: ScheduleRequest, result: ScheduleResult) -> Outcome:
    """The state after `result`, the scheduler's answer to `request`.

    Karmada takes every copy away where no cluster fits, and waits for an event; in all other failures, and for
    Argosy in this one too, copies stay and placing is tried again.
    """
    if result.error is None:
        return Outcome(
            targets=result.targets,
            observed_affinity=result.observed_affinity,
            scheduled=True,
            reason="Success",
            message="Binding has been scheduled successfully.",
        )
    gives_up = result.error.kind == "FitError" and request.behaviour == "karmada"
    return Outcome(
        targets=() if gives_up else request.previous,
        observed_affinity=request.observed_affinity,
        scheduled=False,
        reason=_REASONS[result.error.kind],
        message=result.error.message,
        retry=not gives_up,
    )
