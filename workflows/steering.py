"""What edits and requests make of a cluster's settings, and which steps are recorded of them; no I/O, no clock."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from activities.contracts import TaintedBy
from argosy.api.conditions import ClusterCondition
from argosy.api.eviction import ALL_CLUSTERS, Steering
from argosy.api.membership import FAILOVER_NOW_TAINT, FAILOVER_TAINT, ClusterSettings, Edit, Health
from argosy.api.messages import Steer
from argosy.api.meta import Taint
from argosy.api.steering import SteerAction, Step

MONITOR = "monitor"
REMEMBERED_STEPS = 20
_LONGEST = 200


def edited(settings: ClusterSettings, request: Edit, *, at: datetime) -> ClusterSettings:
    """The settings after an edit; taints are one per key and effect, sorted, and count from `at` on."""
    labels = {**settings.labels, **{k: v for k, v in request.labels.items() if v is not None}}
    for key, value in request.labels.items():
        if value is None:
            labels.pop(key, None)
    taints = {
        (taint.key, str(taint.effect)): taint
        for taint in settings.taints
        if not any(key == taint.key and effect in {"", str(taint.effect)} for key, effect in request.untaint)
    }
    for taint in request.taint:
        place = (taint.key, str(taint.effect))
        # Setting a taint again does not give what tolerates it more time.
        known = taints[place].time_added if place in taints else None
        taints[place] = taint.model_copy(update={"time_added": taint.time_added or known or at})
    return settings.model_copy(
        update={
            "labels": dict(sorted(labels.items())),
            "taints": tuple(taints[key] for key in sorted(taints)),
            "hold": settings.hold if request.hold is None else request.hold,
        }
    )


def steered(settings: ClusterSettings, action: SteerAction, order: Steer, *, at: datetime) -> ClusterSettings:
    """The settings after a failover was asked for or ended, or the cluster was held or let go of."""
    if action is SteerAction.FAILOVER:
        mark = Taint(key=FAILOVER_NOW_TAINT if order.now else FAILOVER_TAINT, effect="NoExecute")
        request = Edit(request_id=order.request_id, taint=(mark,))
    elif action is SteerAction.RECOVER:
        marks = ((FAILOVER_TAINT, ""), (FAILOVER_NOW_TAINT, ""))
        request = Edit(request_id=order.request_id, untaint=marks)
    else:
        request = Edit(request_id=order.request_id, hold=action is SteerAction.HOLD)
    return edited(settings, request, at=at)


def steering_step(action: SteerAction, order: Steer, *, at: datetime) -> Step:
    """What is recorded of a request."""
    what = f"{action.capitalize()}{' now' if order.now and action is SteerAction.FAILOVER else ''}"
    return Step(at=at, what=what, by=_cut(order.requested_by or "a signal"), why=_cut(order.reason))


def tainted(settings: ClusterSettings, change: TaintedBy, *, at: datetime) -> ClusterSettings:
    """The settings after a policy's change; a taint that somebody has set meanwhile is not touched."""
    place = (change.taint.key, str(change.taint.effect))
    there = any((one.key, str(one.effect)) == place for one in settings.taints)
    if there == change.added:
        return settings
    request = (
        Edit(request_id="", taint=(change.taint,)) if change.added else Edit(request_id="", untaint=(place,))
    )
    return edited(settings, request, at=at)


def edit_steps(
    before: ClusterSettings, after: ClusterSettings, *, at: datetime, by: str, why: str = ""
) -> tuple[Step, ...]:
    """What is recorded of a change of settings: each taint by itself, since each may move copies."""
    old = {(taint.key, taint.effect): taint for taint in before.taints}
    new = {(taint.key, taint.effect): taint for taint in after.taints}
    what = [f"Taint {shown(taint)} added" for key, taint in new.items() if key not in old]
    what += [f"Taint {shown(taint)} removed" for key, taint in old.items() if key not in new]
    if before.hold != after.hold:
        what.append("Hold" if after.hold else "Resume")
    if before.labels != after.labels:
        what.append("Labels changed")
    return tuple(Step(at=at, what=_cut(one), by=_cut(by), why=_cut(why)) for one in what)


def health_step(health: Health, *, at: datetime) -> Step:
    """What is recorded when a cluster becomes ready, or does not answer any more, or otherwise than before."""
    why = f"{health.reason}: {health.message}".removesuffix(": ")
    return Step(at=at, what="Ready" if health.ready else "NotReady", by=MONITOR, why=_cut(why))


def condition_steps(
    before: Iterable[ClusterCondition], after: Iterable[ClusterCondition], *, at: datetime
) -> tuple[Step, ...]:
    """What is recorded of conditions: that one does not hold, or that it does again."""
    known = {one.type: one.status for one in before}
    return tuple(
        Step(at=at, what=f"{one.type} {one.status}", by=MONITOR, why=_cut(one.message))
        for one in after
        if known.get(one.type, "True") != one.status and "False" in {known.get(one.type), one.status}
    )


def shown(taint: Taint) -> str:
    """A taint as people write it."""
    return f"{taint.key}{'=' + taint.value if taint.value else ''}:{taint.effect}"


def steered_copies(
    before: Steering, action: SteerAction, order: Steer, *, clusters: Iterable[str], at: datetime
) -> Steering:
    """What is asked for one propagation's copies after another request.

    Args:
        clusters: those with a copy; a failover needs to be told which one.
    """
    if action is SteerAction.FAILOVER:
        mark = Taint(
            key=FAILOVER_NOW_TAINT if order.now else FAILOVER_TAINT, effect="NoExecute", time_added=at
        )
        names = [name for name in clusters if order.cluster in {"", name}]
        forced = {**before.forced, **{name: before.forced.get(name, mark) for name in names}}
        if order.now:
            forced |= dict.fromkeys(names, mark)
        return before.model_copy(update={"forced": forced})
    which = order.cluster or ALL_CLUSTERS
    if action is SteerAction.HOLD:
        return before.model_copy(update={"held": tuple(sorted({*before.held, which}))})
    if action is SteerAction.RESUME:
        held = tuple(one for one in before.held if order.cluster not in {"", one})
        return before.model_copy(update={"held": held})
    forced = {name: taint for name, taint in before.forced.items() if order.cluster not in {"", name}}
    return before.model_copy(update={"forced": forced})


def remembered(steps: tuple[Step, ...], *more: Step) -> tuple[Step, ...]:
    """The steps with later ones; the oldest are forgotten."""
    return (*steps, *more)[-REMEMBERED_STEPS:]


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
