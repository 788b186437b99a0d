"""Cluster taint policies: telling clusters of them, and what they make of one cluster's taints."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from temporalio import activity
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.contracts import EvaluateTaints, Notified, TaintedBy, TaintVerdict, TellClusters
from activities.errors import temporal_errors
from activities.lists import runs
from activities.runs import RunInputs
from activities.snapshot import RUNNING_CLUSTERS
from argosy.api.cluster import Cluster, ClusterSpec
from argosy.api.ids import policies_id
from argosy.api.messages import PoliciesChanged
from argosy.api.meta import ObjectMeta
from argosy.api.policyset import TAINT_KINDS, PolicySetInput, StoredPolicy
from argosy.api.taint_policy import ClusterTaintPolicy
from argosy.errors import Transient
from argosy.scheduling.tainting import taint_changes

# A cluster that has just joined may not be in the lists yet.
ROUNDS = (0.0, 1.5, 3.0)
_CACHED_RUNS = 8


class Tainting:
    """The activities around cluster taint policies."""

    def __init__(self, client: Client, inputs: RunInputs) -> None:
        self._client = client
        self._inputs = inputs
        self._parsed: OrderedDict[str, list[ClusterTaintPolicy]] = OrderedDict()

    @activity.defn(name="evaluate_taints")
    @temporal_errors
    async def evaluate(self, request: EvaluateTaints) -> TaintVerdict:
        """What the policies of now add to and remove from a cluster's taints."""
        settings = request.settings
        cluster = Cluster(
            metadata=ObjectMeta(name=request.name, labels=settings.labels),
            spec=ClusterSpec(
                provider=settings.provider,
                region=settings.region,
                zones=settings.zones,
                taints=settings.taints,
            ),
        )
        changes = taint_changes(cluster, request.conditions, await self._policies())
        return TaintVerdict(
            changes=tuple(TaintedBy(taint=one.taint, policy=one.policy, added=one.added) for one in changes)
        )

    @activity.defn(name="tell_clusters")
    @temporal_errors
    async def tell_clusters(self, request: TellClusters) -> Notified:
        """Tell every cluster that taint policies have changed."""
        event = PoliciesChanged(policy_set=policies_id(None), generation=request.generation)
        told: set[str] = set()
        for pause in ROUNDS:
            await asyncio.sleep(pause)
            try:
                async for run in runs(self._client, RUNNING_CLUSTERS):
                    identifier = run.execution.workflow_id
                    if identifier not in told:
                        await self._tell(identifier, event)
                        told.add(identifier)
                    activity.heartbeat(len(told))
            except RPCError as error:
                raise Transient(f"Temporal does not list clusters: {error.message}") from error
        return Notified(count=len(told))

    async def _tell(self, identifier: str, event: PoliciesChanged) -> None:
        try:
            await self._client.get_workflow_handle(identifier).signal("policies_changed", event)
        except RPCError as error:
            # One that has left since it was listed has nothing to be told.
            if error.status != RPCStatusCode.NOT_FOUND:
                raise Transient(f"Temporal takes no signal: {error.message}") from error

    async def _policies(self) -> list[ClusterTaintPolicy]:
        """In the order of their creation, read from the first event of the current run, as planners do."""
        identifier = policies_id(None)
        run_id = await self._inputs.current_run(identifier)
        if run_id is None:
            return []
        parsed = self._parsed.get(run_id)
        if parsed is None:
            state = (await self._inputs.read(identifier, run_id, PolicySetInput)).state
            stored = sorted((one for one in state.policies if one.kind in TAINT_KINDS), key=_age)
            parsed = [ClusterTaintPolicy.model_validate(one.manifest) for one in stored]
            self._parsed[run_id] = parsed
            while len(self._parsed) > _CACHED_RUNS:
                self._parsed.popitem(last=False)
        return parsed


def _age(policy: StoredPolicy) -> tuple[float, str]:
    return policy.created_at.timestamp() if policy.created_at else 0.0, policy.name
