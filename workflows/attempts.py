"""How copies make their first attempts: what is done for many, or in a run's first task, needs no activity for each.

Whatever does not come of a first attempt goes on by an activity of its own, which tells why and is retried.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any

from temporalio import workflow
from temporalio.exceptions import FailureError

from activities.apply import Appliers
from activities.contracts import Applied, ApplyRequest, ApplyTogether
from workflows import options

Outcome = Mapping[str, Applied]


class FirstAttempts:
    """The first attempts that are under way.

    Attributes:
        at_once: the template, where they are a part of the task under way; empty where they are not.
        together: those of many copies go together.
    """

    def __init__(self) -> None:
        self.at_once = ""
        self.together = False
        self._under_way: dict[str, asyncio.Task[Outcome]] = {}
        self._alone: tuple[str, ...] = ()
        self._within: list[asyncio.Task[Outcome]] = []
        self._sequence = 0

    def begin(self, requests: Sequence[ApplyRequest]) -> None:
        """Attempt some applies, if there is a better way than an activity for each."""
        if self.at_once:
            for request in requests:
                within = {"template": self.at_once, "asked_at": workflow.now()}
                self._within.append(self._start([request], _alone(request.model_copy(update=within))))
                self._alone = (*self._alone, request.cluster)
        elif self.together and len(requests) > options.AT_ONCE_TARGETS:
            rounds = -(-len(requests) // options.TOGETHER_AT_MOST)
            for number in range(rounds):
                self._sequence += 1
                batch = tuple(requests[number::rounds])
                self._start(batch, _together(batch, activity_id=f"apply-together/{self._sequence}"))

    def _start(
        self, batch: Sequence[ApplyRequest], attempt: Coroutine[Any, Any, Outcome]
    ) -> asyncio.Task[Outcome]:
        task = asyncio.create_task(attempt)
        self._under_way |= dict.fromkeys((one.cluster for one in batch), task)
        return task

    async def result(self, cluster: str) -> Applied | None:
        """What came of a cluster's attempt, which is under way."""
        task = self._under_way[cluster]
        try:
            await workflow.wait([task])
        except asyncio.CancelledError:
            # It cannot be called back, and whatever is next for the copy has to come after it.
            await workflow.wait([task])
            raise
        finally:
            self.forget(cluster)
        return task.result().get(cluster)

    def forget(self, cluster: str) -> None:
        """Nobody asks for a cluster's attempt any more."""
        self._under_way.pop(cluster, None)
        self._alone = tuple(one for one in self._alone if one != cluster)

    def __contains__(self, cluster: str) -> bool:
        return cluster in self._under_way

    def are_to_be_recorded(self) -> bool:
        """Whether attempts go on that the task under way records: the run must not end before they do."""
        return any(not task.done() for task in self._within)

    def are_moments_away(self) -> bool:
        """Whether results are about to come, as a part of the task under way."""
        return bool(self._alone)


async def _alone(request: ApplyRequest) -> Outcome:
    """Without a task of its own.

    The plan is in the run's input, so that whoever carries on after a crash attempts the same.
    """
    try:
        applied = await workflow.execute_local_activity_method(
            Appliers.apply,
            request,
            start_to_close_timeout=options.AT_ONCE_TIMEOUT,
            retry_policy=options.AT_ONCE_RETRY,
            summary=f"apply → {request.cluster} (revision {request.revision})",
        )
    except FailureError:
        return {}
    return {request.cluster: applied}


async def _together(batch: tuple[ApplyRequest, ...], *, activity_id: str) -> Outcome:
    first, last = batch[0], batch[-1]
    try:
        done = await workflow.execute_activity_method(
            Appliers.apply_together,
            ApplyTogether(requests=batch),
            start_to_close_timeout=options.APPLY_TIMEOUT,
            retry_policy=options.AT_ONCE_RETRY,
            activity_id=activity_id,
            summary=f"apply → {len(batch)} clusters, {first.cluster} … {last.cluster} (revision {first.revision})",
        )
    except FailureError:
        # Its worker is gone, or it took too long.
        return {}
    return done.applied
