"""The real workflows in the full sandbox, on a real server, with activities that follow a script."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections import defaultdict
from collections.abc import Callable
from typing import Any, Self

from temporalio import activity
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import PollWorkflowTaskQueueRequest, RespondWorkflowTaskFailedRequest
from temporalio.client import Client, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from activities.contracts import (
    AnnounceCluster,
    Applied,
    AppliedTogether,
    ApplyRequest,
    ApplyTogether,
    AwaitPolicy,
    ConfirmJoin,
    Corrected,
    CorrectRequest,
    DrainCluster,
    EvaluateTaints,
    FailBack,
    FailedBack,
    FindCopies,
    FoundCopies,
    Inspected,
    InspectRequest,
    Notified,
    NotifyPropagations,
    Observation,
    Planned,
    PlanRequest,
    Removed,
    RemoveRequest,
    TaintVerdict,
    TellClusters,
    TellDependencies,
    WatchCluster,
)
from activities.errors import temporal_errors
from argosy.api.ids import id_of
from argosy.api.manifest import ResourceRef
from argosy.api.membership import ClusterFacts
from argosy.api.messages import Required
from argosy.api.plan import Plan, PlannedTarget, PolicyRef
from argosy.api.propagation import Phase, PropagationInput, PropagationState, PropagationStatus
from argosy.config import Settings
from cli.session import Session
from tests.plant import polling
from worker.sandbox import strict_runner
from worker.wiring import WORKFLOWS
from workflows.options import HEALTH_QUEUE

POLICY = PolicyRef(namespace="default", name="p", uid="1")


def plan_for(*clusters: str, digest: str = "d1", **changes: Any) -> Plan:
    """A plan that gives each cluster the manifest with this digest."""
    targets = tuple(PlannedTarget(cluster=name, digest=digest) for name in sorted(clusters))
    effects = sorted((key, value) for key, value in changes.items() if key != "seen")
    identity = f"{','.join(sorted(clusters))}/{digest}/{effects}"
    return Plan(
        **{"policy": POLICY, "targets": targets, "message": "by script", "digest": identity, **changes}
    )


class Stage:
    """Scripted activities; `plan`, `apply` and `remove` may be replaced by a test at any time."""

    def __init__(self, client: Client, *, task_queue: str) -> None:
        self.client = client
        self.session = Session(client, Settings(task_queue=task_queue))
        self.plan: Callable[[PlanRequest], Plan] = lambda _: plan_for("a", "b", "c")
        self.applies_along = False
        self.failing: dict[str, Exception] = {}
        self.hanging: set[str] = set()
        self.applied: list[ApplyRequest] = []
        self.together: list[tuple[str, ...]] = []
        self.corrected: list[CorrectRequest] = []
        self.found_changed = Corrected(there=True, fields=("data.key",), by=("kubectl at noon",))
        self.removed: list[RemoveRequest] = []
        self.stranded: dict[str, str] = {}
        self.searched: list[FindCopies] = []
        self.waiting: list[AwaitPolicy] = []
        self.told: list[dict[str, Required]] = []
        self.notified: list[NotifyPropagations] = []
        self.inspected = Inspected(facts=ClusterFacts(uid="u1", server="https://one", version="v1.36.3"))
        # By name: monitors of clusters that earlier tests left behind poll the same queue.
        self.observations: defaultdict[str, asyncio.Queue[Observation]] = defaultdict(asyncio.Queue)
        self.watched: list[WatchCluster] = []
        self.announced: list[AnnounceCluster] = []
        self.claimed: set[str] = set()
        self.returning: list[FailBack] = []
        # What taint policies say of a cluster, by the status of its condition Ready.
        self.tainting: dict[str, TaintVerdict] = {}
        self.evaluated: list[EvaluateTaints] = []
        self.clusters_told: list[TellClusters] = []
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        main = Worker(
            self.client,
            task_queue=self.session.settings.task_queue,
            workflows=WORKFLOWS,
            activities=[
                self._plan,
                self._apply,
                self._apply_together,
                self._remove,
                self._correct,
                self._find,
                self._await_policy,
                self._policies_changed,
                self._tell_dependencies,
                self._inspect,
                self._confirm_join,
                self._cluster_changed,
                self._drain,
                self._fail_back,
                self._evaluate_taints,
                self._tell_clusters,
            ],
            workflow_runner=strict_runner(),
            max_cached_workflows=100,
        )
        # A busy machine must not look like a deadlock; a real one still ends within the test's own time.
        assert main._workflow_worker is not None
        main._workflow_worker._deadlock_timeout_seconds = 20
        await self._stack.enter_async_context(main)
        health = Worker(self.client, task_queue=HEALTH_QUEUE, activities=[self._watch])
        await self._stack.enter_async_context(health)
        await polling(self.session)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    # -- the script ---------------------------------------------------------------------------------

    @activity.defn(name="plan")
    @temporal_errors
    async def _plan(self, request: PlanRequest) -> Planned:
        plan, along = self.plan(request), {}
        if self.applies_along and request.known is not None:
            along = {t.cluster: Applied(uid=f"uid-{t.cluster}", digest=t.digest) for t in plan.targets}
        return Planned(plan=plan, applied=along, repeated=activity.info().attempt > 1)

    @activity.defn(name="apply")
    @temporal_errors
    async def _apply(self, request: ApplyRequest) -> Applied:
        await self._behave(request.cluster)
        self.applied.append(request)
        return Applied(uid=f"uid-{request.cluster}", digest=request.digest, version="100", fields="ours")

    @activity.defn(name="apply_together")
    @temporal_errors
    async def _apply_together(self, request: ApplyTogether) -> AppliedTogether:
        applied = {}
        self.together.append(tuple(one.cluster for one in request.requests))
        for one in request.requests:
            with contextlib.suppress(Exception):
                applied[one.cluster] = await self._apply(one)
        return AppliedTogether(applied=applied)

    @activity.defn(name="correct")
    @temporal_errors
    async def _correct(self, request: CorrectRequest) -> Corrected:
        await self._behave(request.apply.cluster)
        self.corrected.append(request)
        if request.report_only or self.found_changed.applied is not None:
            return self.found_changed
        # The member's resource version has moved on with every change.
        version = str(1000 + len(self.corrected) * 10)
        uid = f"uid-{request.apply.cluster}"
        applied = Applied(uid=uid, digest=request.apply.digest, version=version, fields="ours")
        return self.found_changed.model_copy(update={"applied": applied})

    @activity.defn(name="remove")
    @temporal_errors
    async def _remove(self, request: RemoveRequest) -> Removed:
        await self._behave(request.cluster)
        self.removed.append(request)
        return Removed(outcome="deleted")

    @activity.defn(name="find")
    @temporal_errors
    async def _find(self, request: FindCopies) -> FoundCopies:
        self.searched.append(request)
        return FoundCopies(copies=self.stranded)

    @activity.defn(name="await_policy")
    async def _await_policy(self, request: AwaitPolicy) -> None:
        self.waiting.append(request)

    @activity.defn(name="tell_dependencies")
    async def _tell_dependencies(self, request: TellDependencies) -> None:
        self.told.append(request.dependencies)

    @activity.defn(name="policies_changed")
    async def _policies_changed(self, request: NotifyPropagations) -> Notified:
        self.notified.append(request)
        return Notified(count=0)

    @activity.defn(name="inspect")
    @temporal_errors
    async def _inspect(self, request: InspectRequest) -> Inspected:
        await self._behave(request.name)
        return self.inspected

    @activity.defn(name="confirm_join")
    @temporal_errors
    async def _confirm_join(self, request: ConfirmJoin) -> None:
        await self._behave(f"confirm {request.name}")

    @activity.defn(name="watch")
    async def _watch(self, request: WatchCluster) -> Observation:
        self.watched.append(request)
        while True:
            with contextlib.suppress(TimeoutError):
                return await asyncio.wait_for(self.observations[request.name].get(), timeout=0.5)
            activity.heartbeat()

    @activity.defn(name="cluster_changed")
    async def _cluster_changed(self, request: AnnounceCluster) -> Notified:
        self.announced.append(request)
        return Notified(count=0)

    @activity.defn(name="fail_back")
    async def _fail_back(self, request: FailBack) -> FailedBack:
        self.returning.append(request)
        while request.name in self.claimed:
            activity.heartbeat()
            await asyncio.sleep(0.05)
        return FailedBack(count=3)

    @activity.defn(name="drain")
    async def _drain(self, request: DrainCluster) -> Notified:
        while request.name in self.claimed:
            activity.heartbeat()
            await asyncio.sleep(0.05)
        return Notified(count=0)

    @activity.defn(name="evaluate_taints")
    @temporal_errors
    async def _evaluate_taints(self, request: EvaluateTaints) -> TaintVerdict:
        await self._behave(f"taints of {request.name}")
        self.evaluated.append(request)
        return self.tainting.get(request.conditions["Ready"], TaintVerdict())

    @activity.defn(name="tell_clusters")
    async def _tell_clusters(self, request: TellClusters) -> Notified:
        self.clusters_told.append(request)
        return Notified(count=0)

    async def _behave(self, cluster: str) -> None:
        if cluster in self.hanging:
            await asyncio.sleep(60)
        if cluster in self.failing:
            raise self.failing[cluster]

    # -- what tests do and look at ------------------------------------------------------------------

    async def submit(self, name: str | None = None, **data: str) -> tuple[WorkflowHandle[Any, Any], int]:
        """Submit a ConfigMap; its entity and the revision."""
        manifest = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name or f"cm-{uuid.uuid4().hex[:12]}", "namespace": "default"},
            "data": data,
        }
        accepted = await self.session.submit(manifest)
        return self.client.get_workflow_handle(accepted.workflow_id), accepted.revision

    async def until(
        self,
        handle: WorkflowHandle[Any, Any],
        holds: Callable[[PropagationStatus], bool],
        *,
        seconds: float = 20,
    ) -> PropagationStatus:
        """Wait until what an entity publishes is as wanted."""
        status: PropagationStatus | None = None
        try:
            async with asyncio.timeout(seconds):
                while True:
                    description = await handle.describe()
                    status = await description.memo_value("status", None, type_hint=PropagationStatus)
                    if status is not None and holds(status):
                        return status
                    await asyncio.sleep(0.03)
        except TimeoutError:
            raise AssertionError(f"never came true; last published: {status}") from None

    async def runs(self, workflow_id: str) -> int:
        """How many runs an entity has had."""
        handle = self.client.get_workflow_handle(workflow_id)
        run_id = (await handle.describe()).run_id
        count = 1
        while True:
            history = self.client.get_workflow_handle(workflow_id, run_id=run_id)
            async for event in history.fetch_history_events(page_size=1):
                previous = event.workflow_execution_started_event_attributes.continued_execution_run_id
                break
            if not previous:
                return count
            run_id, count = previous, count + 1


def permanent(category: str, message: str) -> ApplicationError:
    """A failure that Temporal does not retry."""
    return ApplicationError(message, type=category, non_retryable=True)


async def lost(client: Client, queue: str, ref: ResourceRef) -> WorkflowHandle[Any, Any]:
    """An entity whose first task was taken by a worker that is no more."""
    start = PropagationInput(template="{}", state=PropagationState(ref=ref, digest=f"digest of {ref.name}"))
    handle = await client.start_workflow("Propagation", start, id=id_of(ref), task_queue=queue)
    poll = PollWorkflowTaskQueueRequest(
        namespace=client.namespace, task_queue=TaskQueue(name=queue), identity="lost"
    )
    task = await client.workflow_service.poll_workflow_task_queue(poll)
    assert task.task_token
    failed = RespondWorkflowTaskFailedRequest(namespace=client.namespace, task_token=task.task_token)
    await client.workflow_service.respond_workflow_task_failed(failed)
    return handle


def applied(status: PropagationStatus) -> bool:
    """Whether all is done, for `Stage.until`."""
    return status.phase == Phase.APPLIED


def at(revision: int, phase: Phase) -> Callable[[PropagationStatus], bool]:
    """Whether a revision has come to a phase, for `Stage.until`."""
    return lambda status: status.revision == revision and status.phase == phase


def ref_of(handle_id: str) -> ResourceRef:
    """The ConfigMap whose propagation has this ID, or one that ends so."""
    return ResourceRef(
        api_version="v1", kind="ConfigMap", namespace="default", name=handle_id.rpartition("/")[2]
    )
