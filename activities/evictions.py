"""Which copies have to leave their clusters, now or soon, and what holds that up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from argosy.api.behaviour import Behaviour
from argosy.api.cluster import Cluster
from argosy.api.membership import FAILOVER_NOW_TAINT, FAILOVER_TAINT, NOT_READY_TAINT
from argosy.api.meta import Taint
from argosy.api.placement import Placement
from argosy.api.propagation import PlannedTarget
from argosy.interpreter.patience import moves_freely
from argosy.scheduling.eviction import is_outage, leaves_at
from argosy.scheduling.strategy import Strategy, strategy_of


@dataclass(frozen=True)
class FailoverTerms:
    """How long copies stay on a cluster that fails, and when nothing is moved at all.

    Attributes:
        freely: for workloads of which two copies at once do no harm.
        carefully: for all others.
        share: of the fleet that may fail at once before the observer is suspected.
    """

    freely: timedelta = timedelta(seconds=3)
    carefully: timedelta = timedelta(seconds=300)
    share: float = 0.5


@dataclass(frozen=True)
class Evictions:
    """What is to be done about copies on clusters that repel them.

    Attributes:
        kept: the targets that stay, for now.
        evicting: cluster -> since when its copy has to go.
        due: cluster -> when its copy will have to.
        note: what holds evictions up, as a sentence; empty where nothing does.
    """

    kept: tuple[PlannedTarget, ...]
    evicting: dict[str, datetime] = field(default_factory=dict)
    due: dict[str, datetime] = field(default_factory=dict)
    note: str = ""


def evictions(
    template: Mapping[str, Any],
    placement: Placement,
    kept: Sequence[PlannedTarget],
    fleet: Mapping[str, Cluster],
    *,
    replicas: int | None,
    already: Mapping[str, datetime],
    held: Iterable[str],
    behaviour: Behaviour,
    terms: FailoverTerms,
    now: datetime,
) -> Evictions:
    """Look at every cluster that has a copy.

    Args:
        already: cluster -> since when its copy is being moved away.
        held: clusters whose copies nobody may move, by a person's wish.
    """
    patience = terms.freely if moves_freely(template, replicas=replicas) else terms.carefully
    by_default = {NOT_READY_TAINT: patience, FAILOVER_TAINT: patience, FAILOVER_NOW_TAINT: timedelta(0)}

    def leaving(name: str) -> datetime | None:
        taints = [_evicting(taint, behaviour) for taint in fleet[name].spec.taints]
        return leaves_at(taints, placement.cluster_tolerations, by_default=by_default)

    failing = [name for name, cluster in fleet.items() if _is_failing(cluster)]
    suspected = is_outage(fleet.values(), failing=failing, share=terms.share)
    stay, due, notes = [], {}, []
    evicting = {
        name: since
        for name, since in already.items()
        if name in fleet and not _is_welcome_back(leaving(name), placement, replicas)
    }  # fmt: skip - one condition
    for target in kept:
        name = target.cluster
        at = leaving(name)
        held_by = _held_by(fleet[name], held, suspected)
        if at is None or (held_by and at <= now):
            notes += [f"{name} is {held_by}"] if at is not None else []
            stay.append(target)
        elif at <= now:
            evicting[name] = now
        else:
            due[name] = at
            stay.append(target)
    return Evictions(tuple(stay), evicting, due, "; ".join(notes))


def _evicting(taint: Taint, behaviour: Behaviour) -> Taint:
    """A cluster that does not answer evicts as well as repels; in Karmada it only repels."""
    if taint.key == NOT_READY_TAINT and behaviour == "argosy":
        return taint.model_copy(update={"effect": "NoExecute"})
    return taint


def _is_failing(cluster: Cluster) -> bool:
    return any(taint.key == NOT_READY_TAINT for taint in cluster.spec.taints)


def _held_by(cluster: Cluster, held: Iterable[str], suspected: bool) -> str:
    if cluster.name in set(held):
        return "held: its copies stay until `argosy cluster resume`"
    if suspected and _is_failing(cluster):
        return "not given up: too many clusters fail at once, and it may be the observer that is cut off"
    return ""


def _is_welcome_back(leaves: datetime | None, placement: Placement, replicas: int | None) -> bool:
    """Whether a copy may simply stay where its cluster is well again: nobody has taken its share over."""
    duplicated = replicas is None or strategy_of(placement.replica_scheduling) is Strategy.DUPLICATED
    return leaves is None and duplicated
