"""What a propagation tells others: policy sets that it waits for a policy, dependencies where it needs them."""

from __future__ import annotations

import asyncio

from temporalio import workflow

from activities.contracts import AwaitPolicy, TellDependencies
from activities.notify import Notifiers
from argosy.api.messages import Required
from argosy.api.propagation import PropagationState
from workflows import options
from workflows.copies import Copies


class Notices(Copies):
    """The notices under way; each kind is one task at a time, which ends by recording what was said."""

    def __init__(self, state: PropagationState) -> None:
        super().__init__(state)
        self._registration: asyncio.Task[None] | None = None
        self._telling: asyncio.Task[None] | None = None

    def _register_as_waiting(self) -> None:
        plan = self._state.plan
        if self._state.deletion is not None or plan is None or plan.policy is not None:
            return
        if self._state.waiting == plan.seen or self._registration is not None:
            return
        self._registration = asyncio.create_task(self._await_policy(dict(plan.seen)))

    async def _await_policy(self, seen: dict[str, int]) -> None:
        await workflow.execute_activity_method(
            Notifiers.await_policy,
            AwaitPolicy(
                workflow_id=workflow.info().workflow_id, namespace=self._state.ref.namespace, seen=seen
            ),
            start_to_close_timeout=options.MESSAGE_TIMEOUT,
            retry_policy=options.MESSAGE_RETRY,
            summary="ask to be told when a policy arrives",
        )
        self._registration = None
        self._set(waiting=seen)

    def _tell_dependencies(self) -> None:
        """Let what the template depends on know its clusters; when it is gone, that it needs them no more."""
        news = dependency_news(self._state, by=workflow.info().workflow_id)
        if news and self._telling is None:
            self._telling = asyncio.create_task(self._told(news))

    async def _told(self, news: dict[str, Required]) -> None:
        plan = self._state.plan
        await workflow.execute_activity_method(
            Notifiers.tell_dependencies,
            TellDependencies(dependencies=news, refs=plan.dependencies if plan else {}),
            start_to_close_timeout=options.MESSAGE_TIMEOUT,
            retry_policy=options.MESSAGE_RETRY,
            summary="tell dependencies where they are needed",
        )
        self._telling = None
        told = {**self._state.told, **news}
        self._set(told={name: event for name, event in told.items() if event.clusters})


def dependency_news(state: PropagationState, *, by: str) -> dict[str, Required]:
    """Dependency -> what it has to be told, where that differs from what it was told last.

    Nothing is said while no policy decides: what follows a template stays where the template stays. While the
    template is being deleted, what it needs stays until its last copy is gone.

    Args:
        by: the workload's workflow ID.
    """
    plan = state.plan
    wanted: dict[str, Required] = {}
    if state.deletion is None:
        if plan is None or plan.policy is None or plan.waiting:
            return {}
        clusters = tuple(sorted(state.targets))
        if clusters:
            event = Required(by=by, clusters=clusters, takeover=plan.takeover, preserve=plan.preserve)
            wanted = dict.fromkeys(plan.dependencies, event)
    elif state.targets:
        return {}
    dropped = {name: Required(by=by) for name in state.told if name not in wanted}
    changed = {name: event for name, event in wanted.items() if state.told.get(name) != event}
    return {**changed, **dropped}
