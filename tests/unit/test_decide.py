from __future__ import annotations

from datetime import UTC, datetime

import pytest

from activities.decide import Occasion, decide
from activities.fleet import fleet_of
from activities.policies import EMPTY, PolicyView, choose
from argosy.api.cluster_connection import ConnectionReference
from argosy.api.membership import ClusterPhase, ClusterSettings, ClusterStatus, Health
from argosy.api.policyset import PolicySetState, StoredPolicy
from argosy.api.propagation import Plan

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


def test_the_same_facts_give_the_same_digest() -> None:
    plans = [decided(*order) for order in ((cluster("a"), cluster("b")), (cluster("b"), cluster("a")))]
    assert plans[0] == plans[1]
