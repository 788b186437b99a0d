"""Where a template stays away from, and what lets it return."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from activities.evictions import FailoverTerms, Template
from activities.fleet import fleet_of
from activities.successors import still_left
from argosy.api.eviction import Eviction, Moving, Steering
from argosy.api.placement import Placement
from argosy.api.plan import Plan
from tests.unit.test_evictions import DIVIDED, T0, WEB, cluster

LATER = T0 + timedelta(seconds=60)


def left(*, steering: Steering | None = None, evicting: tuple[str, ...] = (), **asked: Any) -> list[str]:
    """The clusters that a template still stays away from, which has left b and c."""
    template = Template(
        manifest=WEB, placement=Placement.model_validate(DIVIDED), replicas=4, moving=Moving()
    )
    found = still_left(
        template,
        Plan(left={"b": T0, "c": T0}),
        {name: Eviction(since=T0) for name in evicting},
        fleet_of({name: cluster(name) for name in "abc"}, {}),
        rescheduled_at=asked.get("rescheduled_at"),
        steering=steering or Steering(),
        terms=FailoverTerms(),
        applied_placement="",
    )
    return sorted(found)


def test_what_was_moved_away_does_not_return_by_itself() -> None:
    assert left() == ["b", "c"]
    assert left(rescheduled_at=T0) == ["b", "c"]
    assert left(rescheduled_at=LATER) == []


def test_it_returns_only_to_the_cluster_to_which_somebody_lets_it() -> None:
    assert left(steering=Steering(recovered={"b": LATER})) == ["c"]
    assert left(steering=Steering(recovered={"*": LATER})) == []
    # Leave that was given before it was moved away does not count.
    assert left(steering=Steering(recovered={"b": T0, "*": T0})) == ["b", "c"]


def test_it_does_not_return_before_its_old_copy_is_gone() -> None:
    assert left(steering=Steering(recovered={"b": LATER}), evicting=("b",)) == ["b", "c"]
