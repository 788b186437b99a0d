"""Which copies have to leave a cluster that fails, and which stay."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from activities.evictions import Evictions, FailoverTerms, Template, evictions, steered
from activities.fleet import fleet_of
from argosy.api.cluster_connection import ConnectionReference
from argosy.api.eviction import CopyFacts, Eviction, EvictionCause, Moving, PurgeMode, Steering
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
from argosy.api.plan import PlannedTarget
from argosy.api.policy import Failover

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
    parts = {name: changes.pop(name) for name in ("behaviour", "failover", "slot") if name in changes}
    subject = Template(
        manifest=template,
        placement=Placement.model_validate(placement),
        replicas=changes.pop("replicas", 4),
        moving=changes.pop("moving", Moving()),
        **parts,
    )
    asked: dict[str, Any] = {"facts": CopyFacts(), "held": (), "terms": FailoverTerms()}
    return evictions(
        subject,
        [PlannedTarget(cluster=one.name, replicas=2) for one in clusters],
        steered(fleet, changes.get("steering", Steering())),
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


def moved(cause: EvictionCause = EvictionCause.TAINT) -> CopyFacts:
    return CopyFacts(evicting={"b": Eviction(since=T0, cause=cause)})


@pytest.mark.parametrize(("placement", "expected"), [(DIVIDED, ["b"]), ({}, [])])
def test_who_comes_back_in_time_keeps_its_copy_unless_its_share_is_elsewhere(
    placement: dict[str, Any], expected: list[str]
) -> None:
    found = looked(cluster("a"), cluster("b"), after=60, placement=placement, facts=moved())
    assert list(found.evicting) == expected
    # A copy that did not fare well is not welcome just because its cluster is fine.
    failed = looked(
        cluster("a"), cluster("b"), after=60, placement=placement, facts=moved(EvictionCause.APPLICATION)
    )
    assert list(failed.evicting) == ["b"]


APPLICATION = Failover.model_validate(
    {
        "application": {
            "decisionConditions": {"tolerationSeconds": 60},
            "purgeMode": "Directly",
            "statePreservation": {"rules": [{"aliasLabelName": "job", "jsonPath": "{.job.id}"}]},
        },
        "cluster": {"purgeMode": "Directly"},
    }
)


def test_a_workload_that_is_not_well_is_given_up_after_the_time_that_its_policy_gives_it() -> None:
    facts = CopyFacts(unwell={"b": T0}, state={"b": {"job": "17", "other": "x"}}, lacking=("b",))
    fleet = (cluster("a"), cluster("b"))
    assert looked(*fleet, after=600, facts=facts).evicting == {}
    soon = looked(*fleet, after=59, facts=facts, failover=APPLICATION)
    assert (stays(soon), soon.due) == (["a", "b"], {"b": T0 + timedelta(seconds=60)})
    given_up = looked(*fleet, after=60, facts=facts, failover=APPLICATION).evicting["b"]
    assert given_up.cause == EvictionCause.APPLICATION
    assert (given_up.purge, given_up.state, given_up.before) == (
        PurgeMode.DIRECTLY,
        {"job": "17"},
        ("a", "b"),
    )
    assert "not healthy for 60 s" in given_up.why


def test_a_held_or_forced_failover_concerns_one_template_alone() -> None:
    mark = Taint(key=FAILOVER_NOW_TAINT, effect="NoExecute", time_added=T0)
    fleet = (cluster("a"), cluster("b"))
    forced = looked(*fleet, after=0, steering=Steering(forced={"b": mark, "gone": mark}))
    assert (stays(forced), forced.evicting["b"].why) == (["a"], "its failover was asked for at once")
    assert forced.evicting["b"].before == ()


def test_a_clusters_purge_mode_is_that_of_its_part_of_the_policy() -> None:
    found = looked(cluster("a"), cluster("b", failing=True), after=3, failover=APPLICATION)
    assert found.evicting["b"].purge == PurgeMode.DIRECTLY
    assert looked(cluster("a"), cluster("b", failing=True), after=3).evicting["b"].grace_seconds == 600


def test_copies_move_only_while_few_enough_others_are_unavailable() -> None:
    tainted = Taint(key="maintenance", effect="NoExecute", time_added=T0)
    fleet = [cluster(name, taints=(tainted,) if name in "bc" else ()) for name in "abcd"]
    one = Moving(max_unavailable="1")
    first = looked(*fleet, after=0, moving=one)
    assert (list(first.evicting), first.in_turn) == (["b"], ("c",))
    assert "moves when fewer copies are unavailable (at most 1)" in first.note
    # A copy that is not available anyway loses nothing by moving.
    lacking = looked(*fleet, after=0, moving=one, facts=CopyFacts(lacking=("c",)))
    assert (list(lacking.evicting), lacking.in_turn) == (["c"], ("b",))
    assert list(looked(*fleet, after=0, moving=Moving(max_unavailable="50%")).evicting) == ["b", "c"]


def test_a_template_waits_for_its_slot_and_only_for_what_is_due() -> None:
    slot = T0 + timedelta(seconds=30)
    fleet = (cluster("a"), cluster("b", failing=True), cluster("c"))
    paced = looked(*fleet, after=10, slot=slot)
    assert (paced.evicting, paced.due, paced.paced) == ({}, {"b": slot}, True)
    early = looked(*fleet, after=1, slot=slot)
    assert (early.due, early.paced) == ({"b": T0 + timedelta(seconds=3)}, False)
    assert list(looked(*fleet, after=30, slot=slot).evicting) == ["b"]


def test_clusters_that_were_cut_off_together_are_believed_one_by_one_only_after_a_while() -> None:
    fleet = (cluster("a"), cluster("b", failing=True), cluster("c"))
    back = {"a": T0 + timedelta(seconds=90), "c": T0 - timedelta(seconds=900)}
    found = looked(*fleet, after=100, returned=back)
    assert (stays(found), found.due) == (["a", "b", "c"], {"b": T0 + timedelta(seconds=150)})
    assert "too many clusters fail at once" in found.note
    assert list(looked(*fleet, after=150, returned=back).evicting) == ["b"]
    shorter = FailoverTerms(guard_lasts=timedelta(seconds=10))
    assert list(looked(*fleet, after=100, returned=back, terms=shorter).evicting) == ["b"]
    assert looked(*fleet, after=99, returned=back, terms=shorter).evicting == {}


def test_clusters_that_may_be_about_to_fail_count_and_are_looked_at_again() -> None:
    fleet = (cluster("a"), cluster("b", failing=True), cluster("c"), cluster("d"))
    assert list(looked(*fleet, after=4, doubted=("a",)).evicting) == ["b"]
    found = looked(*fleet, after=4, doubted=("a", "c"))
    assert (found.evicting, found.due) == ({}, {"b": T0 + timedelta(seconds=5)})
    assert "too many clusters fail at once" in found.note
    well = (cluster("a"), cluster("b"), cluster("c"))
    assert looked(*well, after=4, doubted=("a", "b", "c")).note == ""


def test_what_is_planned_says_whether_the_cluster_answers() -> None:
    dead = looked(cluster("a"), cluster("b", failing=True), after=3)
    assert not dead.evicting["b"].answers
    again = looked(cluster("a"), cluster("b"), after=60, facts=CopyFacts(evicting=dead.evicting))
    assert again.evicting["b"].answers


def test_what_others_need_outlives_them_and_a_namespace_is_not_deleted_under_them() -> None:
    fleet = (cluster("a"), cluster("b", failing=True))
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}
    found = looked(*fleet, after=300, template=config, replicas=None, placement={}).evicting["b"]
    assert (found.serves_others, found.purge) == (True, PurgeMode.GRACEFULLY)
    assert not looked(*fleet, after=3).evicting["b"].serves_others
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}}
    kept = looked(*fleet, after=300, template=namespace, replicas=None, placement={}).evicting["b"]
    assert kept.purge == PurgeMode.NEVER


def test_a_copy_that_somebody_wants_back_before_it_went_stays() -> None:
    fleet = (cluster("a"), cluster("b"))
    assert list(looked(*fleet, after=60, facts=moved(), rescheduled_at=T0).evicting) == ["b"]
    wanted = T0 + timedelta(seconds=30)
    assert looked(*fleet, after=60, facts=moved(), rescheduled_at=wanted).evicting == {}
    failing = (cluster("a"), cluster("b", failing=True))
    assert list(looked(*failing, after=60, facts=moved(), rescheduled_at=wanted).evicting) == ["b"]
    for where, there in (("b", []), ("*", []), ("a", ["b"])):
        steering = Steering(recovered={where: wanted})
        assert list(looked(*fleet, after=60, facts=moved(), steering=steering).evicting) == there
