from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from activities.decide import decide
from activities.fleet import fleet_of
from activities.placing import Occasion
from activities.policies import EMPTY, PolicyView, choose
from argosy.api.cluster_connection import ConnectionReference
from argosy.api.eviction import CopyFacts, Eviction, EvictionCause
from argosy.api.membership import ClusterFacts, ClusterPhase, ClusterSettings, ClusterStatus, Health
from argosy.api.messages import Required
from argosy.api.meta import Taint
from argosy.api.plan import Plan
from argosy.api.policyset import PolicySetState, StoredPolicy

TEMPLATE = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "default"}}
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SELECTORS = [{"apiVersion": "v1", "kind": "ConfigMap", "namespace": "default"}]


def cluster(name: str, phase: ClusterPhase = ClusterPhase.READY, *, purge: bool = False) -> ClusterStatus:
    settings = ClusterSettings(connection=ConnectionReference(kubeconfig="/k"))
    return ClusterStatus(name=name, phase=phase, settings=settings, health=Health(ready=True), purge=purge)


def decided(*clusters: ClusterStatus, previous: Plan | None = None, placed: bool = True) -> Plan:
    manifest = {
        "apiVersion": "policy.karmada.io/v1alpha1",
        "kind": "PropagationPolicy",
        "metadata": {"name": "p", "namespace": "default"},
        "spec": {"resourceSelectors": SELECTORS},
    }
    stored = (StoredPolicy(kind="PropagationPolicy", name="p", uid="1", manifest=manifest),) if placed else ()
    views = {
        "policies/default": PolicyView.of(PolicySetState(namespace="default", generation=1, policies=stored)),
        "policies/_": EMPTY,
    }
    return decide(
        TEMPLATE,
        views=views,
        chosen=choose(TEMPLATE, views, None),
        fleet=fleet_of({status.name: status for status in clusters}, {}),
        previous=previous,
        occasion=Occasion(now=NOW),
    )


def names(plan: Plan) -> list[str]:
    return [target.cluster for target in plan.targets]


@pytest.mark.parametrize("placed", [True, False])
@pytest.mark.parametrize(
    "status", [None, cluster("b", ClusterPhase.LEAVING), cluster("b", ClusterPhase.JOINING)]
)
def test_a_cluster_that_leaves_keeps_its_copy(status: ClusterStatus | None, placed: bool) -> None:
    before = decided(cluster("a"), cluster("b"))
    left = (cluster("a"), *((status,) if status else ()))
    plan = decided(*left, previous=before, placed=placed)
    assert names(plan) == ["a"]
    assert plan.released == ("b",)
    assert plan.digest != before.digest


def test_a_cluster_that_leaves_with_its_workloads_loses_its_copy() -> None:
    before = decided(cluster("a"), cluster("b"))
    plan = decided(cluster("a"), cluster("b", ClusterPhase.LEAVING, purge=True), previous=before)
    assert names(plan) == ["a"]
    assert plan.released == ()


@pytest.mark.parametrize("placed", [True, False])
def test_it_goes_also_where_it_can_be_placed_nowhere_else(placed: bool) -> None:
    before = decided(cluster("b"))
    plan = decided(cluster("b", ClusterPhase.LEAVING, purge=True), previous=before, placed=placed)
    assert names(plan) == []
    assert plan.emptied_clusters == ("b",)
    assert plan.released == ()


def test_the_same_facts_give_the_same_digest() -> None:
    plans = [decided(*order) for order in ((cluster("a"), cluster("b")), (cluster("b"), cluster("a")))]
    assert plans[0] == plans[1]


def stored(
    name: str, spec: dict[str, Any], *, kind: str = "PropagationPolicy", uid: str = ""
) -> StoredPolicy:
    manifest = {
        "apiVersion": "policy.karmada.io/v1alpha1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "default", **spec.pop("metadata", {})},
        "spec": {"resourceSelectors": SELECTORS, **spec},
    }
    return StoredPolicy(kind=kind, name=name, uid=uid or name, manifest=manifest)


def by(
    *policies: StoredPolicy,
    clusters: tuple[ClusterStatus, ...],
    previous: Plan | None = None,
    **occasion: Any,
) -> Plan:
    state = PolicySetState(namespace="default", generation=1, policies=policies)
    views = {"policies/default": PolicyView.of(state), "policies/_": EMPTY}
    return decide(
        TEMPLATE,
        views=views,
        chosen=choose(TEMPLATE, views, previous.policy if previous else None),
        fleet=fleet_of({status.name: status for status in clusters}, {}),
        previous=previous,
        occasion=Occasion(now=NOW, **occasion),
    )


BOTH = (cluster("a"), cluster("b"))


def only(name: str) -> dict[str, Any]:
    return {"placement": {"clusterAffinity": {"clusterNames": [name]}}}


def test_a_lazy_policy_takes_effect_when_the_template_changes() -> None:
    lazy = {"activationPreference": "Lazy"}
    before = by(stored("p", {**lazy, **only("a")}), clusters=BOTH)
    assert names(before) == ["a"]
    edited_policy = stored("p", {**lazy, **only("b")})
    assert names(by(edited_policy, clusters=BOTH, previous=before, edited=False)) == ["a"]
    assert names(by(edited_policy, clusters=BOTH, previous=before, edited=True)) == ["b"]
    late = by(edited_policy, clusters=BOTH, edited=False)
    assert (names(late), "lazy" in late.waiting) == ([], True)


def test_missing_dependent_overrides_hold_everything_where_it_is() -> None:
    before = by(stored("p", only("a")), clusters=BOTH)
    needing = stored("p", {**only("b"), "dependentOverrides": ["o"]})
    waiting = by(needing, clusters=BOTH, previous=before)
    assert names(waiting) == ["a"]
    assert waiting.waiting == "waiting for the override policies o, which dependentOverrides names"
    override = StoredPolicy(
        kind="OverridePolicy",
        name="o",
        uid="o",
        manifest={
            "apiVersion": "policy.karmada.io/v1alpha1",
            "kind": "OverridePolicy",
            "metadata": {"name": "o", "namespace": "default"},
            "spec": {"overrideRules": [{"overriders": {}}]},
        },
    )
    assert names(by(needing, override, clusters=BOTH, previous=waiting)) == ["b"]


def test_a_better_policy_takes_over_only_where_it_preempts() -> None:
    holder = stored("p", only("a"))
    before = by(holder, clusters=BOTH)
    selectors = [{**SELECTORS[0], "name": "a"}]
    better = {**only("b"), "priority": 5, "resourceSelectors": selectors}
    assert names(by(holder, stored("q", {**better}), clusters=BOTH, previous=before)) == ["a"]
    taking = stored("q", {**better, "preemption": "Always"})
    taken = by(holder, taking, clusters=BOTH, previous=before)
    assert (names(taken), taken.policy and taken.policy.name) == (["b"], "q")
    # Equal priority is not enough, and neither is a selector that does not name the template.
    for weak in ({"priority": 0}, {"resourceSelectors": SELECTORS}):
        kept = by(
            holder, stored("q", {**better, "preemption": "Always", **weak}), clusters=BOTH, previous=before
        )
        assert names(kept) == ["a"]


def test_where_nothing_fits_copies_stay_by_argosy_and_go_by_karmada() -> None:
    before = by(stored("p", only("a")), clusters=BOTH)
    kept = by(stored("p", only("nobody")), clusters=BOTH, previous=before)
    assert (names(kept), kept.retry, bool(kept.unschedulable)) == (["a"], True, True)
    assert kept.placement == before.placement
    gone = by(stored("p", only("nobody")), clusters=BOTH, previous=before, behaviour="karmada")
    assert (names(gone), gone.retry, bool(gone.unschedulable)) == ([], False, True)


def test_a_policy_says_whose_behaviour_counts() -> None:
    wish = {"metadata": {"annotations": {"argosy.dev/behaviour": "karmada"}}}
    assert by(stored("p", {**only("a"), **wish}), clusters=BOTH).behaviour == "karmada"
    assert by(stored("p", only("a")), clusters=BOTH, behaviour="karmada").behaviour == "karmada"


def test_reasons_are_recorded_in_a_bounded_size() -> None:
    many = tuple(cluster(f"c{number:04}") for number in range(600))
    plan = by(stored("p", only("c0003")), clusters=many)
    assert names(plan) == ["c0003"]
    assert len(plan.reasons[-1].clusters) == 200
    assert plan.omitted == 400
    assert {one.cluster for one in plan.reasons[-1].clusters if one.share is not None} == {"c0003"}


def test_what_workloads_need_follows_them() -> None:
    needs = (Required(by="propagation/default/Deployment.apps/w", clusters=("b", "gone"), takeover=True),)
    plan = by(clusters=BOTH, required_by=needs)
    assert (names(plan), plan.is_placed, plan.takeover) == (["b"], True, True)
    assert plan.message == "follows default/Deployment.apps/w to 1 clusters"
    placed = by(stored("p", only("a")), clusters=BOTH, required_by=needs)
    assert names(placed) == ["a", "b"]
    emptied = by(clusters=BOTH, previous=plan)
    assert (names(emptied), emptied.emptied, emptied.is_placed) == ([], True, True)
    # A policy that was deleted is another matter: what it placed stays.
    alone = by(clusters=BOTH, previous=by(stored("p", only("a")), clusters=BOTH))
    assert (names(alone), alone.is_placed) == (["a"], False)


def test_suspended_scheduling_leaves_everything_where_it_is() -> None:
    held = {"metadata": {"annotations": {"argosy.dev/scheduling": "Suspended"}}}
    before = by(stored("p", only("a")), clusters=BOTH)
    after = by(stored("p", {**only("b"), **held}), clusters=BOTH, previous=before)
    assert (names(after), after.trigger) == (["a"], "scheduling is suspended")
    assert names(by(stored("p", only("b")), clusters=BOTH, previous=after)) == ["b"]
    never = by(stored("p", {**only("b"), **held}), clusters=BOTH)
    assert (names(never), "suspended" in never.waiting) == ([], True)


def with_room(name: str, cpus: int) -> ClusterStatus:
    resources = {"allocatable": {"cpu": str(cpus), "pods": "100"}}
    return cluster(name).model_copy(update={"facts": ClusterFacts(resources=resources)})


def divided(*clusters: ClusterStatus, previous: Plan | None = None, **occasion: Any) -> Plan:
    """A Deployment of six replicas of one CPU, divided by room."""
    container = {"name": "c", "image": "i", "resources": {"requests": {"cpu": "1"}}}
    template = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "a", "namespace": "default"},
        "spec": {"replicas": 6, "template": {"spec": {"containers": [container]}}},
    }
    placement = {
        "replicaScheduling": {"replicaSchedulingType": "Divided", "replicaDivisionPreference": "Aggregated"}
    }
    selectors = [{"apiVersion": "apps/v1", "kind": "Deployment"}]
    policy = stored("p", {"resourceSelectors": selectors, "placement": placement})
    views = {"policies/default": PolicyView.of(PolicySetState(namespace="default", policies=(policy,)))}
    return decide(
        template,
        views=views,
        chosen=choose(template, views, None),
        fleet=fleet_of({status.name: status for status in clusters}, {}),
        previous=previous,
        occasion=Occasion(now=NOW, **occasion),
    )


def shares(plan: Plan) -> dict[str, int | None]:
    return {target.cluster: target.replicas for target in plan.targets}


def test_replicas_that_find_no_node_move_where_there_is_room() -> None:
    before = divided(with_room("a", 6), with_room("b", 2))
    assert shares(before) == {"a": 6}
    moved = divided(with_room("a", 0), with_room("b", 2), previous=before, stuck={"a": 2})
    assert shares(moved) == {"a": 4, "b": 2}
    full = divided(with_room("a", 0), with_room("b", 1), previous=before, stuck={"a": 2})
    assert (shares(full), full.unschedulable) == ({"a": 6}, "")
    assert full.trigger == "replicas find no node in a, nor elsewhere"


def test_a_closer_look_counts_beside_the_summary() -> None:
    assert shares(divided(with_room("a", 6), with_room("b", 6), estimates={"a": 2, "b": 6})) == {"b": 6}


IN_ORDER = {
    "placement": {
        "clusterAffinities": [
            {"affinityName": "first", "clusterNames": ["a"]},
            {"affinityName": "second", "clusterNames": ["b"]},
        ]
    }
}
AUTO = {"metadata": {"annotations": {"argosy.dev/fail-back": "Auto"}}}


@pytest.mark.parametrize(
    ("spec", "cause", "then"),
    [
        # A whole copy in every cluster takes nothing over, so that it may be there again.
        ({}, EvictionCause.TAINT, ["a", "b"]),
        (IN_ORDER, EvictionCause.TAINT, ["b"]),
        ({**IN_ORDER, **AUTO}, EvictionCause.TAINT, ["a"]),
        # Where it failed by itself it would only fail again.
        ({}, EvictionCause.APPLICATION, ["b"]),
        ({**IN_ORDER, **AUTO}, EvictionCause.APPLICATION, ["b"]),
    ],
)
def test_a_template_returns_to_a_cluster_that_is_well_only_where_nothing_speaks_against_it(
    spec: dict[str, Any], cause: EvictionCause, then: list[str]
) -> None:
    policy = stored("p", {**spec})
    before = by(policy, clusters=BOTH)
    facts = CopyFacts(evicting={"a": Eviction(since=NOW, cause=cause)})
    mark = Taint(key="maintenance", effect="NoExecute", time_added=NOW)
    settings = cluster("a").settings.model_copy(update={"taints": (mark,)})
    tainted = (cluster("a").model_copy(update={"settings": settings}), cluster("b"))
    clusters = tainted if cause == EvictionCause.TAINT else BOTH
    moved = by(policy, clusters=clusters, previous=before, facts=facts)
    assert (names(moved), sorted(moved.left)) == (["b"], ["a"])
    # The old copy is gone, and the cluster well.
    later = by(policy, clusters=BOTH, previous=moved)
    assert names(later) == then
    if names(later) == ["b"]:
        # Whoever asks for it gets it.
        asked = by(policy, clusters=BOTH, previous=later, rescheduled_at=NOW + timedelta(seconds=1))
        assert "a" in names(asked)
        assert (asked.left, asked.failed) == ({}, ())


def test_where_a_template_returns_from_its_copy_stays_until_it_is_well_again() -> None:
    policy = stored("p", {**IN_ORDER})
    previous = by(policy, clusters=BOTH)
    facts = CopyFacts(evicting={"a": Eviction(since=NOW)})
    moved = by(policy, clusters=BOTH, previous=previous, facts=facts)
    assert names(moved) == ["b"]
    later = NOW + timedelta(seconds=1)
    returning = by(policy, clusters=BOTH, previous=moved, rescheduled_at=later)
    assert (names(returning), list(returning.evicting)) == (["a"], ["b"])
    assert (returning.evicting["b"].cause, returning.evicting["b"].why) == ("Returned", "it returns to a")
    # It is not stayed away from, and should the first fail again it simply stays.
    assert returning.left == {}
    known = CopyFacts(evicting=returning.evicting)
    same = by(policy, clusters=BOTH, previous=returning, facts=known, rescheduled_at=later)
    assert (same.digest, list(same.evicting)) == (returning.digest, ["b"])
    lost = CopyFacts(evicting={**returning.evicting, "a": Eviction(since=later)})
    again = by(policy, clusters=BOTH, previous=returning, facts=lost)
    assert (names(again), list(again.evicting), list(again.left)) == (["b"], ["a"], ["a"])


def test_the_copy_that_a_template_returns_from_goes_as_its_policy_says() -> None:
    directly = {**IN_ORDER, "failover": {"cluster": {"purgeMode": "Directly"}}}
    for spec, purge in ((IN_ORDER, "Gracefully"), (directly, "Directly")):
        policy = stored("p", {**spec})
        before = by(policy, clusters=BOTH)
        facts = CopyFacts(evicting={"a": Eviction(since=NOW)})
        moved = by(policy, clusters=BOTH, previous=before, facts=facts)
        later = NOW + timedelta(seconds=1)
        returning = by(policy, clusters=BOTH, previous=moved, rescheduled_at=later)
        eviction = returning.evicting["b"]
        # What runs no pods may be needed by what is still there.
        assert (eviction.purge, eviction.serves_others, eviction.answers) == (purge, True, True)
        # Who asks a second time does not make it go sooner.
        known = CopyFacts(evicting=returning.evicting)
        again = by(
            policy, clusters=BOTH, previous=returning, facts=known, rescheduled_at=NOW + timedelta(seconds=2)
        )
        assert (names(again), again.evicting) == (["a"], {"b": eviction})
