"""Bringing one cluster's copy to what the plan says, and taking it away."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Hashable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from temporalio import activity

from activities.contracts import (
    Applied,
    AppliedTogether,
    ApplyRequest,
    ApplyTogether,
    Corrected,
    CorrectRequest,
    FindCopies,
    FoundCopies,
    Removed,
    RemoveRequest,
)
from activities.errors import temporal_errors
from activities.in_use import KindsInUse
from activities.interpreting import Interpreters
from activities.members import MemberPool
from activities.metrics import OFF, Metrics
from activities.render import rendered
from activities.runs import Templates
from activities.standing import ensure_current
from activities.tracing import span
from argosy.api.manifest import digest, ref_of
from argosy.api.ownership import Ownership, owner_of, stamp
from argosy.errors import (
    ArgosyError,
    Conflict,
    Forbidden,
    Immutable,
    NamespaceMissing,
    NotEstablished,
    Raced,
    Refused,
    Rejected,
    Transient,
)
from argosy.kube.apply import AppliedObject, Outcome, apply, ensure_namespace, metadata_of
from argosy.kube.connect import Member
from argosy.kube.delete import delete, release
from argosy.kube.discovery import served
from argosy.kube.drift import Correction, correct, yielding
from argosy.kube.read import get

# Of a joint attempt; less than its activity has.
TOGETHER_SECONDS = 3.0
LOOKING_AT_ONCE = 50
# Manifests of a fan-out, as its clusters get them.
SHARED_MANIFESTS = 64
# Fields of a drifted copy that are recorded.
SHOWN_FIELDS = 8
WORKLOAD_GROUPS = {"apps", "batch"}


class Writers:
    """One writer per copy in this process: a newer attempt ends an older one that is still under way.

    Without it, an attempt that hangs on a slow connection could land after its successor's.
    """

    def __init__(self) -> None:
        self._current: dict[tuple[str, str], tuple[asyncio.Task[Any], tuple[int, int]]] = {}

    @asynccontextmanager
    async def sole(self, request: ApplyRequest | RemoveRequest) -> AsyncIterator[None]:
        """Hold the right to write; ends the previous holder and waits until it has let go.

        Raises:
            Raced: a later pass is writing, which one that begins late does not end; or the attempt was given up.
        """
        await ensure_current(request.asked_at if isinstance(request, ApplyRequest) else None)
        key, task = (request.workflow_id, request.cluster), asyncio.current_task()
        order = (request.revision, request.pass_number)
        if task is None:
            raise RuntimeError("writing needs a running task")
        previous, latest = self._current.get(key, (None, order))
        if previous is not None and not previous.done() and latest > order:
            raise Raced(
                f"{request.cluster}: a later pass over {request.workflow_id} is writing; it is looked at again"
            )
        self._current[key] = (task, order)
        if previous is not None and not previous.done():
            previous.cancel("superseded by a newer attempt")
            await asyncio.wait([previous])
        try:
            yield
        finally:
            if self._current.get(key) == (task, order):
                del self._current[key]


class Appliers:
    """Activities that write to member clusters; one attempt each, Temporal retries."""

    def __init__(
        self,
        *,
        members: MemberPool,
        templates: Templates,
        kinds: KindsInUse,
        interpreters: Interpreters,
        instance: str,
        metrics: Metrics = OFF,
    ) -> None:
        self._members = members
        self._templates = templates
        self._kinds = kinds
        self._interpreters = interpreters
        self._instance = instance
        self._metrics = metrics
        self._writers = Writers()
        self._manifests: OrderedDict[Hashable, dict[str, Any]] = OrderedDict()

    @activity.defn(name="apply")
    @temporal_errors
    async def apply(self, request: ApplyRequest) -> Applied:
        """Render the template for the cluster, prove the digest, and apply it server-side."""
        return await self.apply_now(request)

    @activity.defn(name="apply_together")
    @temporal_errors
    async def apply_together(self, request: ApplyTogether) -> AppliedTogether:
        """`apply` for several clusters, once; whatever fails is left out, for its own activity to tell why."""
        return AppliedTogether(applied=await self.attempted(request.requests, patience=TOGETHER_SECONDS))

    async def attempted(self, requests: Sequence[ApplyRequest], *, patience: float) -> dict[str, Applied]:
        """The copies that could be brought to what the plan says at once, by cluster.

        Args:
            patience: seconds after which an attempt is given up.
        """

        async def attempt(request: ApplyRequest) -> Applied | None:
            try:
                async with asyncio.timeout(patience):
                    return await self.apply_now(request)
            except (ArgosyError, TimeoutError):
                return None

        attempts = await asyncio.gather(*map(attempt, requests))
        return {request.cluster: done for request, done in zip(requests, attempts, strict=True) if done}

    async def apply_now(self, request: ApplyRequest) -> Applied:
        """`apply` without Temporal's terms, for the fast path that applies while planning.

        Raises:
            ArgosyError: as the member cluster, or the way to it, gives cause.
        """
        traced = span(f"apply {request.cluster}", cluster=request.cluster, revision=request.revision)
        with traced, self._metrics.applying(request.cluster) as attempt:
            stamped, done = await self._written(request)
            attempt.outcome = str(done.outcome)
        return await self._applied(request, stamped, done)

    async def _written(self, request: ApplyRequest) -> tuple[dict[str, Any], AppliedObject]:
        # First, so that nothing is read for a cluster that is another worker's.
        member = await self._members.get(request.cluster)
        stamped = await self._stamped(request)
        self._kinds.note(stamped["apiVersion"], stamped["kind"])
        async with self._writers.sole(request):
            stamped = await self._with_what_stays(member, stamped, request)
            write = partial(
                apply, member, stamped, takeover=request.takeover, predecessor=request.predecessor
            )
            try:
                done = await write(expect_uid=request.expect_uid or None)
            except NamespaceMissing:
                await ensure_namespace(member, stamped["metadata"]["namespace"])
                done = await write(expect_uid=None)
            except Immutable:
                if not request.replacing.permits(ref_of(stamped)):
                    raise
                ref = ref_of(stamped)
                # The pods that a workload has made go first, so that the new one does not find them there.
                first = ref.group in WORKLOAD_GROUPS
                await delete(member, ref, propagation=request.workflow_id, dependents_first=first)
                done = await write(expect_uid=None)
        return stamped, done

    @activity.defn(name="correct")
    @temporal_errors
    async def correct(self, request: CorrectRequest) -> Corrected:
        """Find out what somebody else has changed of a copy and, unless that is only to be reported, undo it."""
        with self._metrics.correcting(request.apply.cluster) as attempt:
            attempt.outcome = "reported" if request.report_only else "corrected"
            return await self._corrected(request)

    async def _corrected(self, request: CorrectRequest) -> Corrected:
        wanted = request.apply
        member = await self._members.get(wanted.cluster)
        stamped = await self._stamped(wanted)
        async with self._writers.sole(wanted):
            stamped = await self._with_what_stays(member, stamped, wanted)
            try:
                found = await self._correction(member, stamped, request)
            except (Refused, Rejected):
                if request.report_only:
                    return Corrected(there=True)
                raise
            except NamespaceMissing:
                if request.report_only:
                    return Corrected()
                await ensure_namespace(member, stamped["metadata"]["namespace"])
                found = await self._correction(member, stamped, request)
        applied = None if request.report_only else await self._applied(wanted, stamped, found.applied)
        by = tuple(str(writer) for writer in found.changed.writers)
        return Corrected(
            there=found.there,
            fields=found.changed.fields[:SHOWN_FIELDS],
            by=by[:SHOWN_FIELDS],
            applied=applied,
        )

    async def _correction(
        self, member: Member, stamped: dict[str, Any], request: CorrectRequest
    ) -> Correction:
        return await correct(
            member,
            stamped,
            expect_uid=request.apply.expect_uid,
            exceptions=request.apply.exceptions,
            takeover=request.apply.takeover,
            dry_run=request.report_only,
        )

    async def _stamped(self, request: ApplyRequest) -> dict[str, Any]:
        """The manifest as it goes to the cluster, proven to be what the plan says.

        Clusters that get the same share it, whose parts nobody changes.

        Raises:
            Conflict: it renders differently.
        """
        # The digest stands for replicas and patches: what has it was proven to.
        key = (request.run_id, request.digest, request.revision, request.pass_number, request.keeps)
        known = self._manifests.get(key)
        if known is None:
            known = self._manifests[key] = await self._rendered(request)
            if len(self._manifests) > SHARED_MANIFESTS:
                self._manifests.popitem(last=False)
        return known

    async def _rendered(self, request: ApplyRequest) -> dict[str, Any]:
        if request.template:
            template = self._templates.put(request.run_id, request.template)
        else:
            template = await self._templates.get(request.workflow_id, request.run_id)
        manifest = rendered(template, replicas=request.replicas, patches=request.patches)
        if digest(manifest) != request.digest:
            raise Conflict(
                f"the manifest for {request.cluster} renders differently from the recorded plan; "
                "the worker was upgraded in between: `argosy retry` plans anew"
            )
        ownership = Ownership(
            propagation=request.workflow_id,
            revision=request.revision,
            pass_number=request.pass_number,
            instance=self._instance,
        )
        return stamp(manifest, ownership, keeps=request.keeps)

    async def _with_what_stays(
        self, member: Member, stamped: dict[str, Any], request: ApplyRequest
    ) -> dict[str, Any]:
        """The manifest with what the member is to keep; the member is asked only where a rule may want that.

        Fields that the manifest does not name stay the member's anyway, as server-side apply has it.

        Raises:
            InterpreterError: the rule fails.
        """
        layered = await self._interpreters.current()
        retains = layered.retains(stamped)
        if not retains and not (request.exceptions and request.expect_uid):
            return stamped
        live = await get(member, ref_of(stamped))
        if live is None:
            return stamped
        kept = await layered.retain(stamped, live) if retains else stamped
        return yielding(kept, live["metadata"], request.exceptions)

    async def _applied(self, request: ApplyRequest, stamped: dict[str, Any], done: AppliedObject) -> Applied:
        created = done.outcome == Outcome.CREATED
        if created:
            self._kinds.wrote(stamped["apiVersion"], stamped["kind"])
        return Applied(
            uid=done.uid,
            digest=request.digest,
            version=done.resource_version,
            fields=done.fields,
            assessment=await self._interpreters.assess({**stamped, "metadata": done.metadata})
            if created
            else None,
        )

    @activity.defn(name="remove")
    @temporal_errors
    async def remove(self, request: RemoveRequest) -> Removed:
        """Delete or release a copy; one that Argosy does not own is left alone."""
        with self._metrics.removing(request.cluster) as attempt:
            member = await self._members.get(request.cluster)
            async with self._writers.sole(request):
                if request.release:
                    outcome = await release(member, request.ref, propagation=request.workflow_id)
                else:
                    outcome = await delete(
                        member,
                        request.ref,
                        propagation=request.workflow_id,
                        dependents_first=request.to_the_end,
                    )
            attempt.outcome = str(outcome)
        return Removed(outcome=str(outcome))

    @activity.defn(name="find")
    @temporal_errors
    async def find(self, request: FindCopies) -> FoundCopies:
        """Which clusters hold a copy of a template, asked of the clusters themselves.

        A cluster that does not answer counts as a holder: removing what is not there does no harm. One in pull mode
        can hold only what another installation has put there, because nothing is applied to it while planning.
        """
        gate = asyncio.Semaphore(LOOKING_AT_ONCE)

        async def look(cluster: str) -> str | None:
            async with gate:
                activity.heartbeat()
                try:
                    return await self._copy_in(cluster, request)
                except (NotEstablished, Forbidden):
                    # Where it may not even be read, it was never applied.
                    return None
                except Transient:
                    return ""

        known = await self._members.known()
        clusters = sorted(name for name, status in known.items() if not status.settings.pulls)
        found = await asyncio.gather(*(look(cluster) for cluster in clusters))
        copies = {name: uid for name, uid in zip(clusters, found, strict=True) if uid is not None}
        if request.predecessor:
            copies |= dict.fromkeys(known.keys() - set(clusters), "")
        return FoundCopies(copies=copies)

    async def _copy_in(self, cluster: str, request: FindCopies) -> str | None:
        member = await self._members.get(cluster)
        metadata = await metadata_of(member, await served(member, request.ref), request.ref)
        owner = owner_of(metadata) if metadata else None
        instances = (self._instance, request.predecessor)
        ours = owner is not None and owner.is_of(request.workflow_id, *instances)
        return str(metadata["uid"]) if metadata and ours else None
