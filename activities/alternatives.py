"""What becomes of a template that fits nowhere once its copies have left where they have to leave."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from activities.evictions import FailoverTerms, Template, is_well
from activities.placing import Placed, Question, place
from argosy.api.cluster import Cluster
from argosy.api.eviction import Eviction, EvictionCause
from argosy.api.plan import PlannedTarget
from argosy.scheduling.request import Target


@dataclass(frozen=True)
class Departure:
    """A placement, and what it leaves.

    Attributes:
        going: cluster -> why and how its copy has to go.
        left: cluster -> since when the template stays away from it.
    """

    placed: Placed
    going: dict[str, Eviction]
    left: dict[str, datetime]


def departure(
    template: Template,
    question: Question,
    asked_for: Departure,
    fleet: Mapping[str, Cluster],
    *,
    kept: Iterable[PlannedTarget],
    known: Mapping[str, Eviction],
    terms: FailoverTerms,
) -> Departure:
    """The best that can be had instead of a placement that failed; that one where nothing can.

    Args:
        question: what was asked in vain, without the copies that have to go.
        kept: every copy that is wanted so far.
        known: the copies that are on their way out already.
    """
    going, left = asked_for.going, asked_for.left
    # An old copy that is still there, in a cluster that is well again.
    usable = {
        name
        for name in going.keys() & known.keys()
        if known[name].cause == EvictionCause.TAINT and is_well(template, fleet[name], terms)
    }
    if question.left or usable:
        # Better where it was moved away from than nowhere.
        anyway = replace(question, left=(), evicting=tuple(sorted(going.keys() - usable)))
        placed = place(anyway, tuple(fleet.values()))
        if not placed.record["unschedulable"]:
            chosen = {target.name for target in placed.targets}
            going = {name: one for name, one in going.items() if name not in chosen}
            return Departure(placed, going, {name: left[name] for name in going})
    begun = going.keys() - known.keys()
    if template.behaviour == "karmada" or not begun:
        return asked_for
    # Nothing would take over, so that nothing is given up; it has new revisions of the template as before.
    targets = tuple(Target(name=one.cluster, replicas=one.replicas) for one in kept)
    return Departure(
        Placed(targets, asked_for.placed.record),
        {name: one for name, one in going.items() if name not in begun},
        {name: since for name, since in left.items() if name not in begun},
    )
