"""What a propagation is told of: policies, clusters, workloads that need it, and what was seen of its copies."""

from __future__ import annotations

from temporalio import workflow

from argosy.api.messages import ClusterEvent, PoliciesChanged, Required, StuckReplicas
from argosy.api.observation import UNREACHABLE, Observed
from argosy.api.propagation import Reason
from workflows.copies import added
from workflows.orders import Orders
from workflows.sightings import unreachable


class Events(Orders):
    """The handlers of such signals; they only append to the state."""

    @workflow.signal(description="A policy set has a new generation.")
    def policies_changed(self, event: PoliciesChanged) -> None:
        self._signals += 1
        if event.generation > (self._state.plan.seen if self._state.plan else {}).get(event.policy_set, -1):
            self._set(replan=added(self._state.replan, Reason.POLICY_CHANGED))

    @workflow.signal(description="A cluster changed, came or left.")
    def cluster_event(self, event: ClusterEvent) -> None:
        self._signals += 1
        state = self._state
        if event.gone:
            self._set(lost=added(state.lost, event.cluster))
        target = state.targets.get(event.cluster)
        answers = event.kind == ClusterEvent.READY if event.ready is None else event.ready
        fails = event.kind == ClusterEvent.NOT_READY if event.ready is None else not event.ready
        if event.kind == ClusterEvent.READY or (
            answers and target is not None and target.assessment == UNREACHABLE
        ):
            self._set(retry=added(self._state.retry, event.cluster))
        if fails and target is not None and target.assessment != UNREACHABLE:
            self._put(event.cluster, unreachable(target, at=workflow.now()))
            self._step(f"{event.cluster} does not answer", by="cluster")
        if event.epoch:
            self._set(events={**self._state.events, event.cluster: event.epoch})
        self._set(replan=added(self._state.replan, Reason.CLUSTER_CHANGED))

    @workflow.signal(description="A workload needs this template in its clusters.")
    def required(self, event: Required) -> None:
        self._signals += 1
        others = {by: known for by, known in self._state.required_by.items() if by != event.by}
        wanted = {**others, event.by: event} if event.clusters else others
        if wanted != self._state.required_by:
            self._set(required_by=wanted, replan=added(self._state.replan, Reason.REQUIRED))

    @workflow.signal(description="A cluster finds no node for replicas of this template.")
    def replicas_stuck(self, event: StuckReplicas) -> None:
        self._signals += 1
        plan = self._state.plan
        if plan is not None and plan.divides_by_room and event.cluster in self._state.targets:
            stuck = {**self._state.stuck, event.cluster: event.replicas}
            self._set(stuck=stuck, replan=added(self._state.replan, Reason.DESCHEDULED))

    @workflow.signal(description="A cluster's watch has seen copies.")
    def observed(self, event: Observed) -> None:
        self._signals += 1
        self._observe(event)
