"""Planning: gather what a decision needs, decide, and on the fast path apply along the way."""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from temporalio import activity

from activities.apply import Appliers
from activities.capacity import Capacity
from activities.companions import Companions, groups_of
from activities.contracts import Applied, ApplyRequest, Planned, PlanRequest
from activities.decide import decide
from activities.doubts import Doubts
from activities.errors import temporal_errors
from activities.evictions import FailoverTerms
from activities.fleet import Fleets, is_member
from activities.interpreting import Interpreters, Stored
from activities.metrics import OFF, Metrics
from activities.pacing import Pace
from activities.placing import Occasion
from activities.policies import EMPTY, Chosen, PolicyView, choose
from activities.priorities import Priorities
from activities.runs import CACHED_RUNS, RunInputs, Templates
from activities.snapshot import MAX_AGE as SNAPSHOT_AGE
from activities.snapshot import ClusterSnapshot
from argosy.api.behaviour import Behaviour, behaviour_of
from argosy.api.ids import policies_id
from argosy.api.membership import ClusterStatus
from argosy.api.plan import Plan, PlannedTarget
from argosy.api.policyset import PolicySetInput
from argosy.errors import NotFound
from argosy.interpreter.interpreted import Interpreted
from argosy.kube.capacity import MAX_AGE as ROOM_AGE

# How long a first apply may hold up the recording of its plan; what is slower goes the regular way.
FAST_APPLY_SECONDS = 0.7
FAST_TARGETS = 8
# How old knowledge may be, in seconds, by which nothing fits.
FRESH = 0.2
# Not worth a timer: those who are told in turn still come in bunches where the machine is busy.
SOON = timedelta(seconds=1)
# Planning for this many clusters takes long enough to keep other tasks of the process waiting.
OFF_LOOP_ABOVE = 50


class Planners:
    """The local activity that decides; its result is recorded before anything is touched."""

    def __init__(
        self,
        *,
        inputs: RunInputs,
        templates: Templates,
        snapshot: ClusterSnapshot,
        appliers: Appliers,
        capacity: Capacity,
        interpreters: Interpreters,
        companions: Companions,
        behaviour: Behaviour,
        terms: FailoverTerms,
        pace: Pace,
        doubts: Doubts,
        metrics: Metrics = OFF,
    ) -> None:
        self._metrics = metrics
        self._terms = terms
        self._pace = pace
        self._doubts = doubts
        self._inputs = inputs
        self._templates = templates
        self._snapshot = snapshot
        self._fleets = Fleets(inputs)
        self._capacity = capacity
        self._interpreters = interpreters
        self._companions = companions
        self._priorities = Priorities(inputs)
        self._behaviour = behaviour
        self._appliers = appliers
        self._views: OrderedDict[str, PolicyView] = OrderedDict()

    @activity.defn(name="plan")
    @temporal_errors
    async def plan(self, request: PlanRequest) -> Planned:
        """Decide for one template, and apply at once where no copy could be stranded by a crash."""
        with self._metrics.planning() as attempt:
            planned = await self._planned(request)
            attempt.outcome = _outcome(planned)
        return planned

    async def _planned(self, request: PlanRequest) -> Planned:
        template = self._templates.put(request.run_id, request.template)
        scopes = {policies_id(None): None, policies_id(request.ref.namespace): request.ref.namespace}
        # The lists of clusters beside the policies: deciding finds them fresh.
        views, _ = await asyncio.gather(
            asyncio.gather(*(self._view(identifier) for identifier in scopes)),
            self._snapshot.clusters(),
        )
        policies = dict(zip(scopes, views, strict=True))
        plan, clusters = await self._decided(template, policies, request)
        doubted = await self._doubted(plan, request, clusters)
        if doubted:
            plan, clusters = await self._decided(template, policies, request, doubted=doubted)
        slot = self._slot_for(plan, request)
        if slot is not None:
            plan, clusters = await self._decided(template, policies, request, doubted=doubted, slot=slot)
        if plan.retry:
            # What does not fit as things were known may well fit as they have just become.
            plan, clusters = await self._decided(template, policies, request, doubted=doubted, max_age=FRESH)
        repeated = request.known is not None and activity.info().attempt > 1
        if request.known is None or repeated or not _may_apply_along(plan, request.known, clusters):
            return Planned(plan=plan, repeated=repeated)
        return Planned(plan=plan, applied=await self._applied_along(plan, request, request.known))

    async def _doubted(
        self, plan: Plan, request: PlanRequest, clusters: Mapping[str, ClusterStatus]
    ) -> tuple[str, ...]:
        """The clusters that may be about to fail; asked only where the plan gives up one that has failed."""
        moves = plan.evicting.keys() - request.facts.evicting.keys()
        if all(name not in clusters or clusters[name].health.ready for name in moves):
            return ()
        well = [name for name, one in sorted(clusters.items()) if is_member(one) and one.health.ready]
        return await self._doubts.among(well)

    def _slot_for(self, plan: Plan, request: PlanRequest) -> datetime | None:
        """When the template may move, where others that do go first; None where it may now, or need not."""
        moves = plan.evicting.keys() - request.facts.evicting.keys()
        waited = request.previous is not None and request.previous.slot is not None
        if not moves or waited:
            return None
        now = datetime.now(UTC)
        slot = self._pace.next(now)
        return slot if slot > now + SOON else None

    async def _decided(
        self,
        template: dict[str, Any],
        policies: dict[str, PolicyView],
        request: PlanRequest,
        *,
        doubted: tuple[str, ...] = (),
        max_age: float | None = None,
        slot: datetime | None = None,
    ) -> tuple[Plan, dict[str, ClusterStatus]]:
        """The decision by what is known of the clusters, and their snapshot; both of at most this age."""
        snapshot = await self._snapshot.clusters(
            max_age=SNAPSHOT_AGE if max_age is None else max_age, epochs=request.epochs
        )
        clusters = await self._with_holders(snapshot, request)
        fleet = await self._fleets.of(clusters)
        chosen = choose(template, policies, request.bound)
        priority, lacking = 0, ""
        try:
            priority = await self._priorities.of(chosen.policy) if chosen and request.ref.namespace else 0
        except NotFound as error:
            lacking = str(error)
        age = ROOM_AGE if max_age is None else max_age
        stored = policies[policies_id(None)].interpreting
        known, estimates = await self._examined(template, chosen, clusters, stored=stored, max_age=age)
        occasion = Occasion(
            priority=priority,
            lacking=lacking,
            now=datetime.now(UTC),
            behaviour=self._behaviour,
            edited=request.edited,
            rescheduled_at=request.rescheduled_at,
            required_by=request.required_by,
            stuck=request.stuck,
            facts=request.facts,
            steering=request.steering,
            slot=slot or (request.previous.slot if request.previous else None),
            returned=_returned(clusters),
            doubted=doubted,
            held=tuple(name for name, status in clusters.items() if status.settings.hold),
            terms=self._terms,
            interpreted=known,
            estimates=estimates,
        )

        async def deciding(occasion: Occasion) -> Plan:
            decided = partial(
                decide,
                template,
                views=policies,
                chosen=chosen,
                fleet=fleet,
                previous=request.previous,
                occasion=occasion,
            )
            plan = await asyncio.to_thread(decided) if len(clusters) > OFF_LOOP_ABOVE else decided()
            pulls = _pulls(plan, request, clusters)
            return plan.model_copy(update={"pulls": pulls}) if pulls else plan

        async def deciding_revised(occasion: Occasion) -> Plan:
            """A decision whose replicas, once they are known, a script or a service writes into the template."""
            plan = await deciding(occasion)
            if occasion.interpreted is None:
                return plan
            numbers = [target.replicas for target in plan.targets if target.replicas is not None]
            behaviour: Behaviour = "karmada" if plan.behaviour == "karmada" else "argosy"
            revised = await self._interpreters.revised(template, numbers, behaviour, stored=stored)
            if not revised:
                return plan
            return await deciding(
                replace(occasion, interpreted=replace(occasion.interpreted, revised=revised))
            )

        groups = groups_of(template, chosen.policy.spec.placement.workload_affinity if chosen else None)
        if groups is None:
            return await deciding_revised(occasion), clusters
        return await self._companions.in_turn(
            request.workflow_id, request.ref, groups, occasion, deciding_revised
        ), clusters

    async def _examined(
        self,
        template: dict[str, Any],
        chosen: Chosen | None,
        clusters: dict[str, ClusterStatus],
        *,
        stored: Stored,
        max_age: float,
    ) -> tuple[Interpreted | None, dict[str, int]]:
        """What the template asks for, and how often that fits where; nothing where no policy places it."""
        if chosen is None:
            return None, {}
        policy = chosen.policy
        behaviour = behaviour_of(policy.metadata.annotations, default=self._behaviour)
        known = await self._interpreters.interpreted(template, behaviour, stored=stored)
        return known, await self._capacity.estimates(
            template, known, policy.spec.placement, clusters, behaviour=behaviour, max_age=max_age
        )

    async def _applied_along(
        self, plan: Plan, request: PlanRequest, known: dict[str, str]
    ) -> dict[str, Applied]:
        """The first attempt for each cluster; whatever is slow or fails is left to regular activities."""
        requests = [
            ApplyRequest.of(
                target,
                plan,
                workflow_id=request.workflow_id,
                run_id=request.run_id,
                revision=request.revision,
                pass_number=request.pass_number,
                expect_uid=known.get(target.cluster, ""),
                asked_at=request.asked_at,
            )
            for target in _pushed(plan)
        ]
        return await self._appliers.attempted(requests, patience=FAST_APPLY_SECONDS)

    async def _with_holders(
        self, clusters: dict[str, ClusterStatus], request: PlanRequest
    ) -> dict[str, ClusterStatus]:
        """The snapshot with every cluster that holds a copy, asked directly where the lists do not show it.

        Lists lag and may be incomplete, and what looks like a missing cluster must not cost it its copies.
        """
        held = [target.cluster for target in request.previous.targets] if request.previous else []
        unlisted = [name for name in held if name not in clusters]
        # The same dictionary stands for the same fleet, so it is copied only where it has to be.
        found = dict(clusters) if unlisted else clusters
        for name in unlisted:
            with contextlib.suppress(NotFound):
                found[name] = await self._snapshot.cluster(name)
        return found

    async def _view(self, identifier: str) -> PolicyView:
        run_id = await self._inputs.current_run(identifier)
        if run_id is None:
            return EMPTY
        view = self._views.get(run_id)
        if view is None:
            start = await self._inputs.read(identifier, run_id, PolicySetInput)
            view = self._views[run_id] = PolicyView.of(start.state)
            while len(self._views) > CACHED_RUNS:
                self._views.popitem(last=False)
        return view


def _outcome(planned: Planned) -> str:
    plan = planned.plan
    if not plan.is_placed:
        return "waiting"
    if plan.unschedulable:
        return "unschedulable"
    return "applied" if planned.applied else "planned"


def _returned(clusters: Mapping[str, ClusterStatus]) -> dict[str, datetime]:
    """The clusters that have failed since they joined and are well again, and since when."""
    return {
        name: status.health.since
        for name, status in clusters.items()
        if status.health.ready
        and status.health.since is not None
        and status.joined_at is not None
        and status.health.since > status.joined_at
    }


def _may_apply_along(plan: Plan, known: dict[str, str], clusters: dict[str, ClusterStatus]) -> bool:
    """Whether the targets are few and well, may be written to, and hold every copy already, or none does."""
    targets = _pushed(plan)
    return (
        plan.is_placed
        and not plan.unschedulable
        and not plan.suspended
        and len(targets) <= FAST_TARGETS
        and all(
            (not known or target.cluster in known)
            and not target.error
            and clusters[target.cluster].health.ready
            for target in targets
        )
    )


def _pulls(plan: Plan, request: PlanRequest, clusters: Mapping[str, ClusterStatus]) -> tuple[str, ...]:
    """Of the clusters that get a copy or have one those that only a worker inside them reaches."""
    before = request.previous.targets if request.previous else ()
    concerned = {target.cluster for target in (*before, *plan.targets)}
    concerned |= {*request.facts.evicting, *request.facts.lacking}
    return tuple(sorted(name for name in concerned if name in clusters and clusters[name].settings.pulls))


def _pushed(plan: Plan) -> list[PlannedTarget]:
    """The targets that this worker reaches itself."""
    return [target for target in plan.targets if target.cluster not in plan.pulls]
