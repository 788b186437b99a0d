"""Copies that would have to leave, and have nowhere to go."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from activities.decide import decide
from activities.fleet import fleet_of
from activities.placing import Occasion
from activities.policies import EMPTY, PolicyView, choose
from argosy.api.cluster_connection import ConnectionReference
from argosy.api.eviction import CopyFacts
from argosy.api.membership import ClusterPhase, ClusterSettings, ClusterStatus, Health
from argosy.api.meta import Taint
from argosy.api.plan import Plan
from argosy.api.policyset import PolicySetState, StoredPolicy

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
TEMPLATE = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {"replicas": 2},
}
DIVIDED = {"replicaScheduling": {"replicaSchedulingType": "Divided", "replicaDivisionPreference": "Weighted"}}
IN_ORDER = {
    "clusterAffinities": [
        {"affinityName": "first", "clusterNames": ["a"]},
        {"affinityName": "second", "clusterNames": ["b"]},
    ]
}
APPLICATION = {"application": {"decisionConditions": {"tolerationSeconds": 10}, "purgeMode": "Directly"}}


def cluster(name: str, *, failing: bool = False, tainted: bool = False) -> ClusterStatus:
    mark = Taint(key="maintenance", effect="NoExecute", time_added=NOW)
    return ClusterStatus(
        name=name,
        phase=ClusterPhase.NOT_READY if failing else ClusterPhase.READY,
        settings=ClusterSettings(
            connection=ConnectionReference(kubeconfig="/k"), taints=(mark,) if tainted else ()
        ),
        health=Health(ready=not failing, since=NOW),
    )


def planned(
    *clusters: ClusterStatus,
    placement: dict[str, Any],
    previous: Plan | None = None,
    failover: dict[str, Any] | None = None,
    **occasion: Any,
) -> Plan:
    manifest = {
        "apiVersion": "policy.karmada.io/v1alpha1",
        "kind": "PropagationPolicy",
        "metadata": {"name": "p", "namespace": "default"},
        "spec": {
            "resourceSelectors": [{"apiVersion": "apps/v1", "kind": "Deployment"}],
            "placement": placement,
            "propagateDeps": True,
            **({"failover": failover} if failover else {}),
        },
    }
    stored = StoredPolicy(kind="PropagationPolicy", name="p", uid="1", manifest=manifest)
    state = PolicySetState(namespace="default", generation=1, policies=(stored,))
    views = {"policies/default": PolicyView.of(state), "policies/_": EMPTY}
    return decide(
        TEMPLATE,
        views=views,
        chosen=choose(TEMPLATE, views, None),
        fleet=fleet_of({one.name: one for one in clusters}, {}),
        previous=previous,
        occasion=Occasion(**{"now": LATER, **occasion}),
    )


def names(plan: Plan) -> list[str]:
    return [target.cluster for target in plan.targets]


def test_a_copy_with_nowhere_to_go_stays_and_is_well_again_with_its_cluster() -> None:
    before = planned(cluster("a"), placement=DIVIDED)
    for gone in (cluster("a", failing=True), cluster("a", tainted=True)):
        stuck = planned(gone, placement=DIVIDED, previous=before)
        # It is not given up, so that it has new revisions of the template too.
        assert (names(stuck), stuck.evicting) == (["a"], {})
        assert stuck.unschedulable
        assert stuck.retry
        back = planned(cluster("a"), placement=DIVIDED, previous=stuck)
        assert (names(back), back.evicting, back.unschedulable) == (["a"], {}, "")


def test_a_copy_moves_when_there_is_somewhere_to_go_at_last() -> None:
    before = planned(cluster("a"), placement=DIVIDED)
    stuck = planned(cluster("a", tainted=True), placement=DIVIDED, previous=before)
    joined = planned(cluster("a", tainted=True), cluster("b"), placement=DIVIDED, previous=stuck)
    assert (names(joined), list(joined.evicting), joined.unschedulable) == (["b"], ["a"], "")


def test_a_release_that_is_well_nowhere_stays_where_it_is_to_be_mended() -> None:
    both = (cluster("a"), cluster("b"))
    before = planned(*both, placement={}, failover=APPLICATION)
    ill = CopyFacts(unwell={"a": NOW, "b": NOW}, lacking=("a", "b"))
    stuck = planned(*both, placement={}, failover=APPLICATION, previous=before, facts=ill)
    assert (names(stuck), stuck.evicting) == (["a", "b"], {})


def test_a_copy_that_waits_to_leave_is_wanted_again_where_the_next_cluster_fails_too() -> None:
    both = (cluster("a"), cluster("b"))
    before = planned(*both, placement=IN_ORDER)
    moved = planned(cluster("a", failing=True), cluster("b"), placement=IN_ORDER, previous=before)
    assert (names(moved), list(moved.evicting)) == (["b"], ["a"])
    facts = CopyFacts(evicting=moved.evicting)
    # `a` is back, and its copy not gone yet.
    again = planned(cluster("a"), cluster("b", failing=True), placement=IN_ORDER, previous=moved, facts=facts)
    assert (names(again), list(again.evicting), list(again.left)) == (["a"], ["b"], ["b"])
