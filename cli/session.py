"""What the command line asks of Temporal: start and update entities, and read what they publish."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from temporalio.client import (
    WithStartWorkflowOperation,
    WorkflowExecutionStatus,
)
from temporalio.common import SearchAttributePair, WorkflowIDConflictPolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from activities import attributes
from activities.lists import published
from argosy.api.ids import id_of, policies_id
from argosy.api.manifest import ResourceRef, ref_of
from argosy.api.messages import Deletion, Reschedule, Retry, Steer, Submitted
from argosy.api.names import parse_kind, spellings
from argosy.api.policyset import PolicyEdit, PolicyEdited, PolicySetInput, PolicySetState
from argosy.api.propagation import PropagationInput, PropagationStatus
from argosy.api.record import Record
from argosy.api.steering import Approval, SteerAction, SteerCopies
from argosy.errors import InvalidInput, NotFound
from cli.connection import Connection, new_id
from cli.observing import Observed, attempts_of, is_busy
from cli.submitting import Accepted, FirstRun, Inheritance, accepted, first_run

# One payload may have 2 MiB; the rest is for what travels along.
MAX_PAYLOAD = 1_900_000
# Bytes of a template that certainly fits, even twice into one request.
SMALL = 200_000
TASK_TIMEOUT = timedelta(seconds=3)
BULK_WINDOW = 32
# Of so few, each is worth waiting for until a worker has taken it; it saves the second request for a known one.
ANSWERED_AT_ONCE = 8


class Session(Connection):
    """What one command, or one program, asks of entities."""

    # -- templates ----------------------------------------------------------------------------------

    async def submit(self, manifest: dict[str, Any], *, inherits: Inheritance | None = None) -> Accepted:
        """Start the entity of a template, or hand it the new template where it exists: one request either way.

        Args:
            inherits: what the entity begins with, where it begins.

        Raises:
            InvalidInput: the template is too large.
            Conflict: it is being deleted.
            Unreachable: Temporal or a worker does not answer.
        """
        first = first_run(manifest, actor=self.actor, inherits=inherits)
        if len(first.start.template) > SMALL:
            return await self._submit_unanswered(manifest, inherits=inherits)

        def begin() -> WithStartWorkflowOperation[Any, Any]:
            return WithStartWorkflowOperation(
                "Propagation",
                first.start,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                **self._start_options(first),
            )

        answer = await self.update_with_start(begin, "submit", first.submission, Submitted)
        return accepted(first, answer)

    async def submit_all(
        self,
        manifests: Sequence[dict[str, Any]],
        *,
        inherits: Mapping[ResourceRef, Inheritance] = MappingProxyType({}),
    ) -> list[Accepted | Exception]:
        """Submit many, a window at a time; each gets its own result.

        Where there are many, each is only started, which does not wait for a worker.
        """
        gate = asyncio.Semaphore(BULK_WINDOW)
        submit = self.submit if len(manifests) <= ANSWERED_AT_ONCE else self._submit_unanswered

        async def one(manifest: dict[str, Any]) -> Accepted:
            async with gate:
                return await submit(manifest, inherits=inherits.get(ref_of(manifest)))

        results = await asyncio.gather(*(one(m) for m in manifests), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException) and not isinstance(result, Exception):
                raise result
        return [
            result
            for result in results
            if not isinstance(result, BaseException) or isinstance(result, Exception)
        ]

    async def _submit_unanswered(
        self, manifest: dict[str, Any], *, inherits: Inheritance | None = None
    ) -> Accepted:
        """`submit` in two requests, of which a new template needs the first only, and no worker's answer."""
        first = first_run(manifest, actor=self.actor, inherits=inherits)
        if len(first.start.template) > SMALL:
            await self._check_size(first.start, str(first.ref))
        while True:
            try:
                await self.client.start_workflow(
                    "Propagation",
                    first.start,
                    id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
                    **self._start_options(first),
                )
                return accepted(first, first.answer)
            except WorkflowAlreadyStartedError:
                pass
            answer = await self.update(id_of(first.ref), "submit", first.submission, Submitted)
            if answer is not None:
                return accepted(first, answer)

    async def delete(self, ref: ResourceRef, *, orphan: Sequence[str], preserve: bool) -> str:
        """Ask an entity to delete its copies; returns its ID.

        Raises:
            NotFound: there is no such propagation.
        """
        identifier = id_of(ref)
        deletion = Deletion(
            request_id=new_id(), requested_by=self.actor, orphan=tuple(orphan), preserve=preserve
        )
        answer = await self.update(identifier, "delete", deletion, str)
        if answer is None:
            raise NotFound(f"{ref} is not propagated; see `argosy get propagations -A`")
        return identifier

    async def retry(self, ref: ResourceRef, *, clusters: Sequence[str]) -> tuple[str, ...]:
        """Ask an entity to try again now; returns the clusters that had something to retry.

        Raises:
            NotFound: there is no such propagation.
        """
        request = Retry(request_id=new_id(), requested_by=self.actor, clusters=tuple(clusters))
        chosen: tuple[str, ...] | None = await self.update(id_of(ref), "retry", request, tuple[str, ...])
        if chosen is None:
            raise NotFound(f"{ref} is not propagated; see `argosy get propagations -A`")
        return chosen

    async def reschedule(self, ref: ResourceRef) -> None:
        """Ask an entity to divide its replicas anew.

        Raises:
            NotFound: there is no such propagation.
        """
        request = Reschedule(request_id=new_id(), requested_by=self.actor)
        if await self.update(id_of(ref), "reschedule", request, bool) is None:
            raise NotFound(f"{ref} is not propagated; see `argosy get propagations -A`")

    async def steer(self, ref: ResourceRef, action: SteerAction, order: Steer) -> str:
        """Ask an entity to move copies, to keep them, or to let them return; returns what is asked for now.

        Raises:
            NotFound: there is no such propagation, or no copy in the cluster that is meant.
        """
        request = SteerCopies(action=action, order=order)
        answer: str | None = await self.update(id_of(ref), "steer", request, str)
        if answer is None:
            raise NotFound(f"{ref} is not propagated; see `argosy get propagations -A`")
        return answer

    async def approve(self, ref: ResourceRef, *, clusters: Sequence[str]) -> tuple[str, ...]:
        """Approve what an entity waits for; returns the clusters that it was about.

        Raises:
            NotFound: there is no such propagation.
        """
        request = Approval(request_id=new_id(), requested_by=self.actor, clusters=tuple(clusters))
        chosen: tuple[str, ...] | None = await self.update(id_of(ref), "approve", request, tuple[str, ...])
        if chosen is None:
            raise NotFound(f"{ref} is not propagated; see `argosy get propagations -A`")
        return chosen

    async def find(self, group: str | None, kind: str, name: str, namespace: str) -> ResourceRef:
        """The template that KIND NAME means; kinds that only the user's CRDs know are looked up in the lists.

        Args:
            kind: of a custom kind also its plural, or its name in lower case.

        Raises:
            NotFound: there is none.
            InvalidInput: kinds of several groups match.
        """
        exact = kind[:1].isupper()
        conditions = [
            'WorkflowType = "Propagation" AND ExecutionStatus = "Running"',
            *([f'{attributes.KIND.name} = "{kind}"'] if exact else []),
            f'{attributes.NAME.name} = "{name}"',
        ]
        found = [observed async for observed in self.propagations(" AND ".join(conditions))]
        refs = {
            status.ref.group: status.ref
            for status in found
            if status.ref.namespace in {None, namespace}
            and group in {None, status.ref.group}
            and (exact or kind in spellings(status.ref.kind))
        }
        if len(refs) > 1:
            raise InvalidInput(
                f"{kind} {name} exists in {', '.join(sorted(refs))}; write {kind}.GROUP instead"
            )
        if refs:
            return next(iter(refs.values()))
        if not exact:
            # It may be a kind that is not propagated, or the misspelling of one that is known.
            parse_kind(f"{kind}.{group}" if group else kind)
        # The lists lag behind; a known group gives the ID, which is asked directly.
        for scope in (namespace, None):
            candidate = ResourceRef(
                api_version=f"{group}/v1" if group else "v1", kind=kind, namespace=scope, name=name
            )
            described = await self.describe(id_of(candidate))
            if described is not None and described.status == WorkflowExecutionStatus.RUNNING:
                status = await described.memo_value(attributes.STATUS, None, type_hint=PropagationStatus)
                return status.ref if status else candidate
        raise NotFound(f"{kind} {namespace}/{name} is not propagated; see `argosy get propagations -A`")

    async def observe(self, ref: ResourceRef) -> Observed:
        """A propagation as it is now, read consistently and without a worker.

        Raises:
            NotFound: there is no such propagation.
        """
        identifier = id_of(ref)
        described = await self.describe(identifier)
        if described is None:
            raise NotFound(f"{ref} is not propagated; see `argosy get propagations -A`")
        status = await described.memo_value(attributes.STATUS, None, type_hint=PropagationStatus)
        if status is None:
            raise NotFound(f"{ref} has published nothing; see `temporal workflow show -w {identifier}`")
        return Observed(
            workflow_id=identifier,
            running=described.status == WorkflowExecutionStatus.RUNNING,
            status=status,
            attempts=await attempts_of(self.client, described),
            busy=is_busy(described),
        )

    async def state(self, ref: ResourceRef) -> PropagationInput:
        """The input of the current run: the template, and the state that it began with."""
        described = await self.describe(id_of(ref))
        if described is None:
            raise NotFound(f"{ref} is not propagated; see `argosy get propagations -A`")
        handle = self.client.get_workflow_handle(described.id, run_id=described.run_id)
        async for event in handle.fetch_history_events(page_size=1):
            payloads = list(event.workflow_execution_started_event_attributes.input.payloads)
            values = await self.client.data_converter.decode(payloads, [PropagationInput])
            start: PropagationInput = values[0]
            return start
        raise NotFound(f"{ref} has no history; see `temporal workflow show -w {described.id}`")

    async def propagations(self, query: str) -> AsyncIterator[PropagationStatus]:
        """What the lists show for a query; they lag behind by fractions of a second."""
        async for _, status in published(self.client, query, PropagationStatus):
            yield status

    # -- policies -----------------------------------------------------------------------------------

    async def edit_policies(
        self,
        namespace: str | None,
        *,
        put: Sequence[dict[str, Any]] = (),
        delete: Sequence[tuple[str, str]] = (),
    ) -> PolicyEdited:
        """Store and delete policies of one namespace, or of the cluster scope, all or nothing.

        Raises:
            InvalidInput: they are too large.
            Unreachable: Temporal or a worker does not answer.
        """
        edit = PolicyEdit(request_id=new_id(), requested_by=self.actor, put=tuple(put), delete=tuple(delete))
        await self._check_size(edit, f"the policies for {namespace or 'the cluster scope'}")
        start = PolicySetInput(state=PolicySetState(namespace=namespace))

        def begin() -> WithStartWorkflowOperation[Any, Any]:
            return WithStartWorkflowOperation(
                "PolicySet",
                start,
                id=policies_id(namespace),
                task_queue=self.settings.task_queue,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                task_timeout=TASK_TIMEOUT,
                static_summary=f"policies of {namespace or 'the cluster scope'}",
            )

        edited: PolicyEdited = await self.update_with_start(begin, "edit", edit, PolicyEdited)
        return edited

    async def policies(self, namespace: str | None) -> PolicySetState:
        """The policies of one namespace, or of the cluster scope."""
        described = await self.describe(policies_id(namespace))
        if described is None or described.status != WorkflowExecutionStatus.RUNNING:
            return PolicySetState(namespace=namespace)
        handle = self.client.get_workflow_handle(described.id, run_id=described.run_id)
        async for event in handle.fetch_history_events(page_size=1):
            payloads = list(event.workflow_execution_started_event_attributes.input.payloads)
            values = await self.client.data_converter.decode(payloads, [PolicySetInput])
            state: PolicySetState = values[0].state
            return state
        return PolicySetState(namespace=namespace)

    async def policy_namespaces(self) -> list[str | None]:
        """Every namespace that has policies, and None for the cluster scope."""
        found: list[str | None] = []
        query = 'WorkflowType = "PolicySet" AND ExecutionStatus = "Running"'
        async for _, status in published(self.client, query, dict):
            found.append(status.get("namespace"))
        return sorted(found, key=lambda name: name or "")

    def _start_options(self, first: FirstRun) -> dict[str, Any]:
        ref, state = first.ref, first.start.state
        status = PropagationStatus.at_first(state, message="accepted")
        return {
            "id": id_of(ref),
            "task_queue": self.settings.task_queue,
            "task_timeout": TASK_TIMEOUT,
            "memo": {attributes.STATUS: status},
            "search_attributes": attributes.identity(ref).updated(
                SearchAttributePair(attributes.PHASE, str(state.phase)),
                SearchAttributePair(attributes.REVISION, state.revision),
            ),
            "static_summary": f"{ref}"[:200],
        }

    async def _check_size(self, message: Record, what: str) -> None:
        """Refuse what Temporal would not store, before it is sent."""
        payloads = await self.client.data_converter.encode([message])
        size = sum(payload.ByteSize() for payload in payloads)
        if size > MAX_PAYLOAD:
            raise InvalidInput(
                f"{what} take{'' if what.startswith('the ') else 's'} {size:,} bytes after compression, and Temporal "
                f"stores at most {MAX_PAYLOAD:,}; make it smaller, for example by splitting it over several objects"
            )
