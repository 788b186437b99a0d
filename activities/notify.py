"""Telling propagations what concerns them: policy changes, cluster changes, and a cluster's leaving.

Lists only find candidates and lag behind, so they are repeated, spaced, until the lag is surely over;
whoever was told already is not told again. Receivers ignore what they have seen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from temporalio import activity
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError, RPCStatusCode

from activities import attributes
from activities.contracts import (
    AnnounceCluster,
    AwaitPolicy,
    DrainCluster,
    Notified,
    NotifyPropagations,
    TellDependencies,
)
from activities.errors import temporal_errors
from activities.lists import decoded, published_by, runs
from activities.pacing import Looks, Pace
from activities.snapshot import MAX_AGE
from argosy.api.ids import policies_id
from argosy.api.messages import ClusterEvent, PoliciesChanged
from argosy.api.policyset import PolicySetInput, PolicySetState, WaitForPolicy
from argosy.api.propagation import Phase, PropagationInput, PropagationState, PropagationStatus
from argosy.errors import Transient

OPEN_PROPAGATIONS = 'WorkflowType = "Propagation" AND ExecutionStatus = "Running"'
# After the change: at once, then when a store such as Elasticsearch has certainly refreshed.
ROUNDS = (0.0, 1.5, 3.0)
OUTSTANDING = 32
# Those that move are as many as may begin to in a second; more only wait for each other.
MOVING_AT_LEAST = 8
ACKNOWLEDGED_SOONEST = 0.25
ACKNOWLEDGED_LATEST = 10.0
DRAIN_INTERVAL = 0.5
DRAIN_RESEND = 30.0
HEARTBEAT_EVERY = 5.0
_IN_LIST = 50


class Notifiers:
    """Activities that send signals."""

    def __init__(self, client: Client, *, task_queue: str, pace: Pace) -> None:
        self._client = client
        self._task_queue = task_queue
        self._pace = pace
        self._looks = Looks(soonest=ACKNOWLEDGED_SOONEST)

    @activity.defn(name="await_policy")
    @temporal_errors
    async def await_policy(self, request: AwaitPolicy) -> None:
        """Register a template with the policy sets it has read, creating those that do not exist."""
        for namespace in {None, request.namespace}:
            identifier = policies_id(namespace)
            await self._client.start_workflow(
                "PolicySet",
                PolicySetInput(state=PolicySetState(namespace=namespace)),
                id=identifier,
                task_queue=self._task_queue,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                start_signal="wait_for_policy",
                start_signal_args=[
                    WaitForPolicy(propagation=request.workflow_id, seen=request.seen.get(identifier, 0))
                ],
            )

    @activity.defn(name="tell_dependencies")
    @temporal_errors
    async def tell_dependencies(self, request: TellDependencies) -> None:
        """Tell each dependency; one that nobody has submitted is begun without content where it is needed."""
        for identifier, required in request.dependencies.items():
            if required.clusters:
                state = PropagationState(
                    ref=request.refs[identifier], revision=0, required_by={required.by: required}
                )
                await self._client.start_workflow(
                    "Propagation",
                    PropagationInput(template="", state=state),
                    id=identifier,
                    task_queue=self._task_queue,
                    id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                    start_signal="required",
                    start_signal_args=[required],
                    search_attributes=attributes.identity(state.ref),
                    memo={attributes.STATUS: PropagationStatus.at_first(state, message="not submitted yet")},
                )
            else:
                await self._tell([identifier], "required", required, set())

    @activity.defn(name="policies_changed")
    @temporal_errors
    async def policies_changed(self, request: NotifyPropagations) -> Notified:
        """Tell waiting templates at once, then every template of the kinds concerned."""
        event = PoliciesChanged(policy_set=request.policy_set, generation=request.generation)
        told: set[str] = set()
        await self._tell(request.waiters, "policies_changed", event, told)
        if request.kinds != ():
            query = OPEN_PROPAGATIONS
            if request.namespace is not None:
                query += f' AND {attributes.NAMESPACE.name} = "{request.namespace}"'
            for pause in ROUNDS:
                await _pause(pause)
                for restriction in _kind_restrictions(request.kinds):
                    ids = await self._listed(query + restriction)
                    await self._tell(ids, "policies_changed", event, told)
        return Notified(count=len(told))

    @activity.defn(name="cluster_changed")
    @temporal_errors
    async def cluster_changed(self, request: AnnounceCluster) -> Notified:
        """Tell the templates that a change may concern, those with copies in the cluster first and at their pace.

        Planners are told the epoch that they have to know, so nobody need wait for lists and snapshots to show it;
        the rounds find templates that were placed there meanwhile by what was known before.
        """
        event = ClusterEvent(
            cluster=request.name, kind=request.kind, epoch=request.epoch, ready=request.ready
        )
        told: set[str] = set()
        for pause in ROUNDS:
            await _pause(pause)
            if request.kind != ClusterEvent.JOINED:
                claimants = await self._listed(_claims(request.name))
                # Whoever is told in its turn moves at once, without a timer for its slot.
                pace = self._pace if request.evicts else None
                await self._tell(claimants, "cluster_event", event, told, acknowledged=True, pace=pace)
            # A hash bucket only suggests, so nobody waits for its members.
            maybe = _claims(attributes.bucket(request.name)) if request.claimants_only else OPEN_PROPAGATIONS
            await self._tell(await self._listed(maybe), "cluster_event", event, told)
        return Notified(count=len(told))

    @activity.defn(name="drain")
    @temporal_errors
    async def drain(self, request: DrainCluster) -> Notified:
        """Tell the claimants of a leaving cluster until the lists have shown none for a while."""
        event = ClusterEvent(cluster=request.name, kind="Left", gone=request.gone)
        # A hash bucket only suggests: its members are told once, and not waited for.
        maybe = await self._listed(_claims(attributes.bucket(request.name)))
        await self._tell(maybe, "cluster_event", event, set())
        last_told: dict[str, float] = {}
        empty_rounds, clock = 0, asyncio.get_running_loop().time
        # A snapshot may still show the cluster to planners for MAX_AGE.
        await _pause(MAX_AGE)
        while empty_rounds < len(ROUNDS):
            claimants = await self._listed(_claims(request.name))
            empty_rounds = 0 if claimants else empty_rounds + 1
            due = [name for name in claimants if clock() - last_told.get(name, -DRAIN_RESEND) >= DRAIN_RESEND]
            await self._tell(due[:OUTSTANDING], "cluster_event", event, set())
            last_told.update(dict.fromkeys(due[:OUTSTANDING], clock()))
            await _pause(DRAIN_INTERVAL)
        return Notified(count=len(last_told))

    async def _listed(self, query: str) -> list[str]:
        """The propagations that a query finds, those of the highest priority first."""
        found: dict[str, int] = {}
        try:
            async for run in runs(self._client, query):
                payload = published_by(run)
                # Whoever shows nothing yet is told all the same.
                status = await decoded(self._client, payload, dict) if payload is not None else {}
                found[run.execution.workflow_id] = int(status.get("priority", 0))
        except RPCError as error:
            raise Transient(f"Temporal does not list propagations: {error.message}") from error
        activity.heartbeat(len(found))
        return sorted(found, key=lambda identifier: (-found[identifier], identifier))

    async def _tell(
        self,
        ids: Sequence[str],
        signal: str,
        event: Any,
        told: set[str],
        *,
        acknowledged: bool = False,
        pace: Pace | None = None,
    ) -> None:
        """Signal those who were not told yet; no more than a few at once, so that the first can act meanwhile.

        Args:
            acknowledged: the event is a cluster's; go on when a plan has looked at it, or after a while.
            pace: how fast they are told at most.
        """
        # A moment is asked for only when it is the next, so that none is lost with an announcement that is overtaken.
        outstanding = OUTSTANDING if pace is None else max(MOVING_AT_LEAST, round(pace.per_second))
        gate, turn = asyncio.Semaphore(outstanding), asyncio.Lock()

        async def tell(identifier: str) -> None:
            async with gate:
                if pace is not None:
                    async with turn:
                        await _until(pace.next(datetime.now(UTC)))
                try:
                    await self._client.get_workflow_handle(identifier).signal(signal, event)
                    if acknowledged:
                        await self._acknowledged(identifier, event)
                except RPCError as error:
                    # One that has completed since it was listed has nothing to be told.
                    if error.status != RPCStatusCode.NOT_FOUND:
                        raise Transient(f"Temporal takes no signal: {error.message}") from error
                activity.heartbeat(identifier)

        fresh = [identifier for identifier in ids if identifier not in told]
        await asyncio.gather(*(tell(identifier) for identifier in fresh))
        told.update(fresh)

    async def _acknowledged(self, identifier: str, event: ClusterEvent) -> None:
        """Wait until a propagation has published that a plan of it knows the event's epoch.

        The signal is durable, so that whoever takes longer than this is not lost, only no longer waited for.
        """
        waited, looks = 0.0, 0
        while waited < ACKNOWLEDGED_LATEST:
            pause = self._looks.next(waited)
            await asyncio.sleep(pause)
            waited, looks = waited + pause, looks + 1
            described = await self._client.get_workflow_handle(identifier).describe()
            status = await described.memo_value(attributes.STATUS, None)
            if described.status != WorkflowExecutionStatus.RUNNING or _is_settled(status, event):
                self._looks.found(waited, looks=looks)
                return
            activity.heartbeat(identifier)


def _is_settled(status: Any, event: ClusterEvent) -> bool:
    """Whether a published status acknowledges an event, or shows that it never will: what is deleted plans no more."""
    if not isinstance(status, dict):
        return False
    known = status.get("acknowledged") or {}
    return known.get(event.cluster, -1) >= event.epoch or status.get("phase") == Phase.DELETING


def _claims(value: str) -> str:
    return f'{OPEN_PROPAGATIONS} AND {attributes.CLUSTERS.name} = "{value}"'


async def _pause(seconds: float) -> None:
    activity.heartbeat("waiting")
    await asyncio.sleep(seconds)


async def _until(moment: datetime) -> None:
    while (seconds := (moment - datetime.now(UTC)).total_seconds()) > 0:
        await _pause(min(seconds, HEARTBEAT_EVERY))


def _kind_restrictions(kinds: tuple[str, ...] | None) -> list[str]:
    if kinds is None:
        return [""]
    groups = [kinds[start : start + _IN_LIST] for start in range(0, len(kinds), _IN_LIST)]
    return [f" AND {attributes.KIND.name} IN ({_quoted(group)})" for group in groups]


def _quoted(values: Sequence[str]) -> str:
    return ", ".join(f'"{value}"' for value in values)
