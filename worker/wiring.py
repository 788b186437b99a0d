"""What a worker is made of: every workflow, every activity, and what they share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio.client import Client
from temporalio.worker import Worker, WorkflowRunner

from activities.apply import Appliers
from activities.capacity import Capacity
from activities.clusters import Clusters
from activities.companions import Companions
from activities.doubts import Doubts
from activities.evictions import FailoverTerms
from activities.failback import FailBacks
from activities.in_use import KindsInUse
from activities.interpreting import Interpreters
from activities.members import Inside, MemberPool
from activities.metrics import OFF, Metrics
from activities.monitor import Monitors
from activities.notify import Notifiers
from activities.pacing import Pace
from activities.plan import Planners
from activities.runs import RunInputs, Templates
from activities.snapshot import ClusterSnapshot
from activities.sweeping import Observers
from activities.tainting import Tainting
from argosy.api.access import AccessRules, parse_access
from argosy.api.ids import queue_inside
from argosy.config import Settings
from argosy.errors import InvalidInput
from argosy.interpreter.lua.pool import LuaPool
from argosy.kube.connect import Members
from argosy.scheduling.confirmation import Thresholds
from workflows import options
from workflows.cluster import Cluster
from workflows.options import HEALTH_QUEUE
from workflows.policyset import PolicySet
from workflows.propagation import Propagation

WORKFLOWS: Sequence[type] = (Propagation, Cluster, PolicySet)

# With local activities in them, more workflow tasks at once only slow each other down on few cores.
WORKFLOW_TASK_SLOTS = 16
ACTIVITY_SLOTS = 400
# A small fan-out is executed by the worker that planned it, without a round trip through the server.
EAGER_ACTIVITIES = 8
MONITOR_SLOTS = 2000
SCRIPT_PROCESSES = 2
CACHED_WORKFLOWS = 1000
MONITOR_HEARTBEATS = timedelta(seconds=0.5)
SHUTDOWN = timedelta(seconds=10)


@dataclass(frozen=True)
class Parts:
    """The activities of a worker and the connections to close with it."""

    planners: Planners
    appliers: Appliers
    notifiers: Notifiers
    clusters: Clusters
    monitors: Monitors
    tainting: Tainting
    fail_backs: FailBacks
    members: Members
    capacity: Capacity
    observers: Observers
    interpreters: Interpreters

    async def close(self) -> None:
        """End what runs in the background, then the connections it uses."""
        await self.observers.close()
        await self.interpreters.close()
        await self.capacity.close()
        await self.members.close()

    def main_activities(self) -> list[Callable[..., Any]]:
        """Activities of the main task queue."""
        return [
            self.planners.plan,
            self.appliers.apply,
            self.appliers.apply_together,
            self.appliers.correct,
            self.appliers.remove,
            self.appliers.find,
            self.notifiers.await_policy,
            self.notifiers.tell_dependencies,
            self.notifiers.policies_changed,
            self.notifiers.cluster_changed,
            self.notifiers.drain,
            self.clusters.inspect,
            self.clusters.confirm_join,
            self.tainting.evaluate,
            self.tainting.tell_clusters,
            self.fail_backs.fail_back,
        ]

    def inside_activities(self) -> list[Callable[..., Any]]:
        """Activities of the task queue of the cluster that this worker runs inside of."""
        return [self.appliers.apply, self.appliers.correct, self.appliers.remove, self.clusters.inspect]

    def health_activities(self) -> list[Callable[..., Any]]:
        """Activities of the health task queue, be it everybody's or one cluster's own."""
        return [self.monitors.watch]


def access_rules(settings: Settings) -> AccessRules | None:
    """The access rules that the settings name, read once.

    Raises:
        InvalidInput: the file cannot be read, or holds no access rules.
    """
    if settings.access is None:
        return None
    try:
        text = settings.access.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InvalidInput(
            f"the access rules {settings.access} cannot be read: {reason}; correct ARGOSY_ACCESS"
        ) from error
    return parse_access(text, source=str(settings.access))


def build(
    client: Client,
    settings: Settings,
    *,
    instance: str,
    metrics: Metrics = OFF,
    inside: Inside | None = None,
) -> Parts:
    """Make the parts of a worker and connect them to each other.

    Args:
        inside: the only cluster that it may touch, where it runs inside of one.
    """
    members = Members(allow_exec=settings.kubeconfig_exec, access_rules=access_rules(settings))
    inputs = RunInputs(client)
    templates = Templates(inputs)
    snapshot = ClusterSnapshot(client)
    pool = MemberPool(snapshot=snapshot, members=members, inside=inside)
    kinds = KindsInUse()
    interpreters = Interpreters(inputs, pool=LuaPool(size=SCRIPT_PROCESSES))
    appliers = Appliers(
        members=pool,
        templates=templates,
        kinds=kinds,
        interpreters=interpreters,
        instance=instance,
        metrics=metrics,
    )
    capacity = Capacity(pool)
    observers = Observers(
        client=client,
        kinds=kinds,
        assess=interpreters.assess,
        instance=instance,
        silence=settings.watch_silence,
        metrics=metrics,
    )
    return Parts(
        capacity=capacity,
        observers=observers,
        interpreters=interpreters,
        planners=Planners(
            inputs=inputs,
            templates=templates,
            snapshot=snapshot,
            appliers=appliers,
            capacity=capacity,
            interpreters=interpreters,
            companions=Companions(client),
            behaviour=settings.behaviour,
            terms=FailoverTerms(
                freely=timedelta(seconds=settings.failover_after),
                carefully=timedelta(seconds=settings.failover_after_stateful),
                share=settings.fleet_guard,
                grace=timedelta(seconds=settings.eviction_grace),
                guard_lasts=timedelta(seconds=settings.fleet_guard_lasts),
            ),
            pace=Pace(settings.eviction_rate),
            doubts=Doubts(client),
            metrics=metrics,
        ),
        appliers=appliers,
        notifiers=Notifiers(client, task_queue=settings.task_queue, pace=Pace(settings.eviction_rate)),
        # Of its own: what is read while clusters join is no longer true for plans a moment later.
        clusters=Clusters(client, snapshot=ClusterSnapshot(client), members=pool),
        tainting=Tainting(client, inputs),
        fail_backs=FailBacks(client, patience=settings.wave_patience),
        monitors=Monitors(
            client=client,
            members=pool,
            observers=observers,
            interval=settings.probe_interval,
            thresholds=Thresholds(
                failure=timedelta(seconds=settings.failure_after),
                recovery=timedelta(seconds=settings.recovery_after),
            ),
            deschedule_after=settings.deschedule_after,
            fleet_guard=settings.fleet_guard,
            instance=instance,
            metrics=metrics,
        ),
        members=members,
    )


OnFatalError = Callable[[BaseException], Awaitable[None]] | None
"""Told of what ends a worker."""


def workers_inside(
    client: Client, settings: Settings, parts: Parts, cluster: str, *, on_fatal_error: OnFatalError = None
) -> tuple[Worker, Worker]:
    """The worker of a cluster's own task queue and the one of its health queue; neither runs workflows."""
    main = Worker(
        client,
        task_queue=queue_inside(settings.task_queue, cluster),
        activities=parts.inside_activities(),
        max_concurrent_activities=ACTIVITY_SLOTS,
        graceful_shutdown_timeout=SHUTDOWN,
        on_fatal_error=on_fatal_error,
    )
    return main, _health_worker(client, queue_inside(HEALTH_QUEUE, cluster), parts, on_fatal_error)


def workers(
    client: Client,
    settings: Settings,
    parts: Parts,
    *,
    runner: WorkflowRunner,
    on_fatal_error: OnFatalError = None,
) -> tuple[Worker, Worker]:
    """The worker of the main task queue and the one of the health queue."""
    main = Worker(
        client,
        task_queue=settings.task_queue,
        workflows=WORKFLOWS,
        activities=parts.main_activities(),
        workflow_runner=runner,
        workflow_task_executor=ThreadPoolExecutor(WORKFLOW_TASK_SLOTS, thread_name_prefix="workflow"),
        max_concurrent_workflow_tasks=WORKFLOW_TASK_SLOTS,
        max_concurrent_activities=ACTIVITY_SLOTS,
        max_concurrent_local_activities=ACTIVITY_SLOTS,
        max_eager_activity_reservations_per_workflow_task=EAGER_ACTIVITIES,
        max_cached_workflows=CACHED_WORKFLOWS,
        sticky_queue_schedule_to_start_timeout=options.STICKY_TIMEOUT,
        graceful_shutdown_timeout=SHUTDOWN,
        on_fatal_error=on_fatal_error,
    )
    return main, _health_worker(client, HEALTH_QUEUE, parts, on_fatal_error)


def _health_worker(client: Client, task_queue: str, parts: Parts, on_fatal_error: OnFatalError) -> Worker:
    return Worker(
        client,
        task_queue=task_queue,
        activities=parts.health_activities(),
        max_concurrent_activities=MONITOR_SLOTS,
        # What a monitor is about to confirm has to be known to the server when the process dies.
        max_heartbeat_throttle_interval=MONITOR_HEARTBEATS,
        graceful_shutdown_timeout=SHUTDOWN,
        on_fatal_error=on_fatal_error,
    )
