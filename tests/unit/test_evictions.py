"""Which copies have to leave a cluster that fails, and which stay."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from activities.evictions import Evictions, FailoverTerms, evictions
from activities.fleet import fleet_of
from argosy.api.cluster_connection import ConnectionReference
from argosy.api.membership import (
    FAILOVER_NOW_TAINT,
    FAILOVER_TAINT,
    ClusterPhase,
    ClusterSettings,
    ClusterStatus,
    Health,
)
from argosy.api.meta import Taint
from argosy.api.placement import Placement
from argosy.api.propagation import PlannedTarget

T0 = datetime(2026, 1, 1, tzinfo=UTC)
WEB: dict[str, Any] = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "w"}, "spec": {}}
DATABASE: dict[str, Any] = {**WEB, "kind": "StatefulSet"}
DIVIDED = {"replicaScheduling": {"replicaSchedulingType": "Divided"}}


def cluster(name: str, *, failing: bool = False, taints: tuple[Taint, ...] = ()) -> ClusterStatus:
    return ClusterStatus(
        name=name,
        phase=ClusterPhase.NOT_READY if failing else ClusterPhase.READY,
        settings=ClusterSettings(connection=ConnectionReference(kubeconfig="/k"), taints=taints),
        health=Health(ready=not failing, since=T0),
    )


def looked(
    *clusters: ClusterStatus,
    after: float,
    template: dict[str, Any] = WEB,
    placement: dict[str, Any] = DIVIDED,
    **changes: Any,
) -> Evictions:
    fleet = fleet_of({one.name: one for one in clusters}, {})
    asked: dict[str, Any] = {"already": {}, "held": (), "behaviour": "argosy", "terms": FailoverTerms()}
    return evictions(
        template,
        Placement.model_validate(placement),
        [PlannedTarget(cluster=one.name, replicas=2) for one in clusters],
        fleet,
        replicas=4,
        now=T0 + timedelta(seconds=after),
        **{**asked, **changes},
    )


def stays(found: Evictions) -> list[str]:
    return [target.cluster for target in found.kept]


def test_what_moves_freely_leaves_after_seconds_and_the_rest_after_minutes() -> None:
    fleet = (cluster("a"), cluster("b"), cluster("c", failing=True))
    soon = looked(*fleet, after=1)
    assert (stays(soon), soon.due) == (["a", "b", "c"], {"c": T0 + timedelta(seconds=3)})
    gone = looked(*fleet, after=3)
    assert (stays(gone), list(gone.evicting), gone.due) == (["a", "b"], ["c"], {})
    database = looked(*fleet, after=200, template=DATABASE)
    assert (stays(database), database.due) == (["a", "b", "c"], {"c": T0 + timedelta(seconds=300)})


def test_a_policys_own_toleration_wins() -> None:
    forever = {"clusterTolerations": [{"key": "cluster.karmada.io/not-ready", "operator": "Exists"}]}
    found = looked(cluster("a"), cluster("b", failing=True), after=9999, placement={**DIVIDED, **forever})
    assert (stays(found), found.due) == (["a", "b"], {})


def test_karmada_moves_nothing_by_itself_but_by_a_taint_that_somebody_set() -> None:
    failing = looked(cluster("a"), cluster("b", failing=True), after=9999, behaviour="karmada")
    assert stays(failing) == ["a", "b"]
    mark = Taint(key="maintenance", effect="NoExecute", time_added=T0)
    tainted = looked(cluster("a"), cluster("b", taints=(mark,)), after=0, behaviour="karmada")
    assert (stays(tainted), list(tainted.evicting)) == (["a"], ["b"])


def test_too_many_failures_at_once_are_not_believed() -> None:
    fleet = (cluster("a"), cluster("b", failing=True), cluster("c", failing=True))
    found = looked(*fleet, after=60)
    assert (stays(found), found.evicting) == (["a", "b", "c"], {})
    assert "too many clusters fail at once" in found.note
    # A person who says so is believed.
    forced = Taint(key=FAILOVER_NOW_TAINT, effect="NoExecute", time_added=T0)
    assert list(looked(cluster("a"), cluster("b", taints=(forced,)), after=0).evicting) == ["b"]
    asked = Taint(key=FAILOVER_TAINT, effect="NoExecute", time_added=T0)
    later = looked(cluster("a"), cluster("b", taints=(asked,)), after=0, template=DATABASE)
    assert later.due == {"b": T0 + timedelta(seconds=300)}


def test_a_held_cluster_keeps_its_copies() -> None:
    found = looked(cluster("a"), cluster("b", failing=True), after=60, held=("b",))
    assert stays(found) == ["a", "b"]
    assert "argosy cluster resume" in found.note


@pytest.mark.parametrize(("placement", "expected"), [(DIVIDED, ["b"]), ({}, [])])
def test_who_comes_back_in_time_keeps_its_copy_unless_its_share_is_elsewhere(
    placement: dict[str, Any], expected: list[str]
) -> None:
    found = looked(cluster("a"), cluster("b"), after=60, placement=placement, already={"b": T0})
    assert list(found.evicting) == expected
