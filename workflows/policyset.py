"""The entity of one namespace's policies: one run per generation, so that planners read it as a whole.

Planners never ask this workflow anything. They `describe` it, which gives the current run, and read the
policies from the run's first event; hence every edit continues as new at once.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from activities import attributes
from activities.contracts import NotifyPropagations, TellClusters
from activities.notify import Notifiers
from activities.tainting import Tainting
from argosy.api.policyset import (
    LARGEST_SET,
    TAINT_KINDS,
    Notice,
    PolicyEdit,
    PolicyEdited,
    PolicySetInput,
    PolicySetState,
    PolicySetStatus,
    StoredPolicy,
    WaitForPolicy,
    compressed_size,
    concerned_kinds,
)
from workflows import options
from workflows.rolling import roll

REMEMBERED_EDITS = 10


@workflow.defn(name="PolicySet")
class PolicySet:
    """The propagation and override policies of one namespace, or of the cluster scope."""

    @workflow.init
    def __init__(self, start: PolicySetInput) -> None:
        self._state = start.state
        self._edited = False
        self._telling: asyncio.Task[None] | None = None

    @workflow.update(description="Store and delete policies, all or nothing.")
    def edit(self, request: PolicyEdit) -> PolicyEdited:
        """Apply an edit once, however often it is sent."""
        known = self._state.requests.get(request.request_id)
        if known is not None:
            return known
        before = self._state.generation
        self._state, answer = edited(
            self._state, request, new_uid=lambda: str(workflow.uuid4()), at=workflow.now()
        )
        self._edited = self._edited or answer.generation != before
        return answer

    @edit.validator
    def _fits(self, request: PolicyEdit) -> None:
        after, _ = edited(self._state, request, new_uid=str, at=workflow.now())
        size = compressed_size(after)
        if request.put and size > LARGEST_SET:
            where = self._state.namespace or "the cluster scope"
            raise ApplicationError(
                f"the policies of {where} would take {size:,} bytes after compression, and Temporal stores at most "
                f"{LARGEST_SET:,}; delete some, or spread them over namespaces",
                type="InvalidInput",
                non_retryable=True,
            )

    @workflow.signal(description="A template that no policy matches asks to be told of changes.")
    def wait_for_policy(self, request: WaitForPolicy) -> None:
        """Register a template, and tell it at once where it has not seen this generation."""
        state = self._state
        if request.seen < state.generation:
            notice = state.notice or Notice()
            told = tuple(sorted({*notice.waiters, request.propagation}))
            self._set(notice=notice.model_copy(update={"waiters": told}))
        else:
            self._set(waiters=tuple(sorted({*state.waiters, request.propagation})))

    @workflow.run
    async def run(self, start: PolicySetInput) -> None:
        """Tell those whom this generation concerns, and wait for edits."""
        workflow.upsert_memo({attributes.STATUS: _status(start.state)})
        workflow.set_current_details(
            f"**{len(start.state.policies)} policies** at generation {start.state.generation}, "
            f"{len(start.state.waiters)} templates waiting"
        )
        while True:
            await workflow.wait_condition(self._attention)
            if self._edited or workflow.info().is_continue_as_new_suggested():
                # What is not told yet is carried along and told by the next run.
                roll(PolicySetInput(state=self._state))
            if self._state.notice is not None and self._telling is None:
                self._telling = asyncio.create_task(self._tell(self._state.notice))

    def _attention(self) -> bool:
        return (
            self._edited
            or workflow.info().is_continue_as_new_suggested()
            or (self._state.notice is not None and self._telling is None)
        )

    async def _tell(self, notice: Notice) -> None:
        if notice.clusters:
            await workflow.execute_activity_method(
                Tainting.tell_clusters,
                TellClusters(generation=self._state.generation),
                start_to_close_timeout=options.NOTIFY_TIMEOUT,
                heartbeat_timeout=options.NOTIFY_HEARTBEAT,
                retry_policy=options.MESSAGE_RETRY,
                summary=f"tell clusters of generation {self._state.generation}",
            )
        await workflow.execute_activity_method(
            Notifiers.policies_changed,
            NotifyPropagations(
                policy_set=workflow.info().workflow_id,
                generation=self._state.generation,
                namespace=self._state.namespace,
                kinds=notice.kinds,
                waiters=notice.waiters,
            ),
            start_to_close_timeout=options.NOTIFY_TIMEOUT,
            heartbeat_timeout=options.NOTIFY_HEARTBEAT,
            retry_policy=options.MESSAGE_RETRY,
            summary=f"tell propagations of generation {self._state.generation}",
        )
        self._telling = None
        left = self._state.notice
        # An edit in the same task has made a new notice, which the next run has to see to.
        if left is not None and not self._edited:
            waiters = tuple(name for name in left.waiters if name not in notice.waiters)
            self._set(notice=Notice(waiters=waiters) if waiters else None)

    def _set(self, **changes: Any) -> None:
        self._state = self._state.model_copy(update=changes)


def edited(
    state: PolicySetState, request: PolicyEdit, *, new_uid: Callable[[], str], at: datetime
) -> tuple[PolicySetState, PolicyEdited]:
    """The state after an edit, and what the edit did; the generation grows only if something changed."""
    policies = {(policy.kind, policy.name): policy for policy in state.policies}
    results: dict[str, str] = {}
    touched: list[dict[str, Any]] = []
    for manifest in request.put:
        key = (manifest["kind"], manifest["metadata"]["name"])
        old = policies.get(key)
        if old is not None and old.manifest == manifest:
            results["/".join(key)] = "unchanged"
            continue
        results["/".join(key)] = "configured" if old else "created"
        touched += [manifest, *([old.manifest] if old else [])]
        policies[key] = StoredPolicy(
            kind=key[0],
            name=key[1],
            uid=old.uid if old else new_uid(),
            generation=old.generation + 1 if old else 1,
            manifest=manifest,
            updated_by=request.requested_by,
            created_at=old.created_at if old else at,
        )
    for key in request.delete:
        gone = policies.pop(key, None)
        results["/".join(key)] = "deleted" if gone else "missing"
        touched += [gone.manifest] if gone else []
    changes: dict[str, Any] = {}
    if touched:
        notice = state.notice or Notice()
        changes = {
            "generation": state.generation + 1,
            "policies": tuple(policies[key] for key in sorted(policies)),
            "notice": Notice(
                kinds=_merged(notice.kinds, concerned_kinds(touched)),
                waiters=tuple(sorted({*notice.waiters, *state.waiters})),
                clusters=notice.clusters or any(one["kind"] in TAINT_KINDS for one in touched),
            ),
            # Those who are told and still match nothing register again.
            "waiters": (),
        }
    answer = PolicyEdited(generation=changes.get("generation", state.generation), results=results)
    requests = {**state.requests, request.request_id: answer}
    changes["requests"] = dict(list(requests.items())[-REMEMBERED_EDITS:])
    return state.model_copy(update=changes), answer


def _merged(old: tuple[str, ...] | None, new: tuple[str, ...] | None) -> tuple[str, ...] | None:
    return None if old is None or new is None else tuple(sorted({*old, *new}))


def _status(state: PolicySetState) -> PolicySetStatus:
    return PolicySetStatus(
        namespace=state.namespace,
        generation=state.generation,
        counts=dict(sorted(Counter(policy.kind for policy in state.policies).items())),
    )
