"""What people and alerts ask of the copies of one propagation: to move, to stay, to return, to be taken for stopped."""

from __future__ import annotations

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from argosy.api.eviction import ALL_CLUSTERS, Steering
from argosy.api.messages import Steer
from argosy.api.propagation import REMEMBERED_REQUESTS, Reason, TargetPhase
from argosy.api.steering import Approval, SteerAction, SteerCopies, Step
from workflows.copies import added
from workflows.leaving import awaited, is_kept
from workflows.notices import Notices
from workflows.steering import steered_copies, steering_step


class Orders(Notices):
    """The handlers of such messages; they only append to the state."""

    @workflow.update(description="Steer the copies of this template; answers with what is asked for now.")
    def steer(self, request: SteerCopies) -> str:
        """The same as the signals, for who wants an answer."""
        return self._steer(request.action, request.order)

    @steer.validator
    def _steerable(self, request: SteerCopies) -> None:
        cluster = request.order.cluster
        if request.action is SteerAction.FAILOVER and cluster and cluster not in self._state.targets:
            raise ApplicationError(
                f"{self._state.ref} has no copy in {cluster}; "
                f"it has copies in {', '.join(sorted(self._state.targets)) or 'no cluster'}",
                type="NotFound",
                non_retryable=True,
            )

    @workflow.signal(description="Move copies away from a cluster, as if it did not answer.")
    def failover(self, order: Steer) -> None:
        """Move the copy on one cluster away; with `now`, without the time that it otherwise has."""
        self._signals += 1
        self._steer(SteerAction.FAILOVER, order)

    @workflow.signal(description="Keep copies where they are, whatever becomes of their clusters.")
    def hold(self, order: Steer) -> None:
        """Hold the copy on one cluster, or all of them, until `resume`."""
        self._signals += 1
        self._steer(SteerAction.HOLD, order)

    @workflow.signal(description="Let copies move away again where that is due.")
    def resume(self, order: Steer) -> None:
        """Let go of what is held."""
        self._signals += 1
        self._steer(SteerAction.RESUME, order)

    @workflow.signal(description="End a failover, and let copies return to where they were moved away from.")
    def recover(self, order: Steer) -> None:
        """Divide the replicas anew, over clusters that the template stayed away from as well."""
        self._signals += 1
        self._steer(SteerAction.RECOVER, order)

    @workflow.update(description="Take old copies for stopped, or let go of those that are kept.")
    def approve(self, request: Approval) -> tuple[str, ...]:
        """Answer with the clusters that something waited for."""
        state = self._state
        if not self._new(request.request_id):
            return tuple(one for one in state.steering.approved if one in state.targets)
        kept = {
            name
            for name, target in state.targets.items()
            if target.phase == TargetPhase.EVICTING and is_kept(target)
        }
        waiting = {*awaited(state, now=workflow.now()), *kept}
        chosen = tuple(sorted(name for name in waiting if not request.clusters or name in request.clusters))
        if chosen:
            approved = tuple(sorted({*state.steering.approved, *chosen}))
            self._set(steering=state.steering.model_copy(update={"approved": approved}))
            self._step(f"Approved: {', '.join(chosen)}", by=request.requested_by)
        return chosen

    def _steer(self, action: SteerAction, order: Steer) -> str:
        """Do what is asked, once for each request ID; answers with what is asked for now."""
        state, now = self._state, workflow.now()
        steering = steered_copies(state.steering, action, order, clusters=sorted(state.targets), at=now)
        if not self._new(order.request_id):
            return _said(state.steering)
        returning = action is SteerAction.RECOVER and self._stays_away(order.cluster)
        if returning:
            recovered = {**steering.recovered, order.cluster or ALL_CLUSTERS: now}
            steering = steering.model_copy(update={"recovered": recovered})
        if steering != state.steering:
            step = steering_step(action, order, at=now)
            where = f" {order.cluster}" if order.cluster else ""
            self._record(step.model_copy(update={"what": f"{step.what}{where}"}))
            reason = Reason.RECOVERED if action is SteerAction.RECOVER else Reason.STEERED
            self._set(steering=steering, replan=added(state.replan, reason))
        return _said(steering)

    def _stays_away(self, cluster: str) -> bool:
        left = self._state.plan.left if self._state.plan else {}
        return bool(left) if not cluster else cluster in left

    def _new(self, request_id: str) -> bool:
        """Whether a request was not seen before; those without an ID always are new."""
        if request_id and request_id in self._state.requests:
            return False
        if request_id:
            self._set(requests=(*self._state.requests, request_id)[-REMEMBERED_REQUESTS:])
        return True

    def _step(self, what: str, *, by: str = "", why: str = "") -> None:
        self._record(Step(at=workflow.now(), what=what, by=by, why=why))


def _said(steering: Steering) -> str:
    held = "everywhere" if ALL_CLUSTERS in steering.held else f"in {', '.join(steering.held)}"
    parts = [f"held {held}"] if steering.held else []
    parts += [f"moves away from {', '.join(sorted(steering.forced))}"] if steering.forced else []
    return "; ".join(parts) or "neither held nor made to move"
