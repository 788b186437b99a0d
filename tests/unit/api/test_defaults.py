from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from argosy.api.base import to_manifest
from argosy.api.cluster import Cluster
from argosy.api.defaults import default_cluster, default_override, default_policy
from argosy.api.override import ClusterOverridePolicy, OverridePolicy
from argosy.api.policy import ClusterPropagationPolicy, PropagationPolicy
from argosy.api.validation import validate

SELECTOR = {"apiVersion": "apps/v1", "kind": "Deployment"}
METADATA = {"name": "web", "namespace": "team"}
NOW = datetime(2025, 1, 1, tzinfo=UTC)


def _defaulted(model: Any = PropagationPolicy, **spec: Any) -> dict[str, Any]:
    written = {"metadata": METADATA, "spec": {"resourceSelectors": [SELECTOR], **spec}}
    policy = default_policy(model.model_validate(written))
    assert default_policy(policy) == policy
    manifest: dict[str, Any] = to_manifest(policy)["spec"]
    return manifest


def test_a_bare_policy_gets_what_the_schema_and_the_webhook_fill_in() -> None:
    assert _defaulted() == {
        "resourceSelectors": [{**SELECTOR, "namespace": "team"}],
        "preemption": "Never",
        "schedulerName": "default-scheduler",
        "conflictResolution": "Abort",
    }


def test_a_cluster_policy_keeps_its_selectors_as_they_are() -> None:
    assert _defaulted(ClusterPropagationPolicy)["resourceSelectors"] == [SELECTOR]


def test_what_was_written_is_kept() -> None:
    spec = _defaulted(conflictResolution="Overwrite", resourceSelectors=[{**SELECTOR, "namespace": "other"}])

    assert spec["conflictResolution"] == "Overwrite"
    assert spec["resourceSelectors"][0]["namespace"] == "other"


def test_a_type_left_out_is_divided_and_then_weighted() -> None:
    assert _defaulted(placement={"replicaScheduling": {}})["placement"] == {
        "replicaScheduling": {"replicaSchedulingType": "Divided", "replicaDivisionPreference": "Weighted"}
    }


def test_service_imports_bring_their_dependencies() -> None:
    service_import = {"apiVersion": "multicluster.x-k8s.io/v1alpha1", "kind": "ServiceImport"}

    assert _defaulted(resourceSelectors=[SELECTOR, service_import])["propagateDeps"] is True


def test_failover_is_graceful_with_time_to_tolerate_and_to_drain() -> None:
    failover: dict[str, Any] = {"application": {"decisionConditions": {}}, "cluster": {}}

    assert _defaulted(failover=failover)["failover"] == {
        "application": {
            "decisionConditions": {"tolerationSeconds": 300},
            "purgeMode": "Gracefully",
            "gracePeriodSeconds": 600,
        },
        "cluster": {"purgeMode": "Gracefully"},
    }
    directly = _defaulted(failover={"application": {"purgeMode": "Directly"}})["failover"]
    assert directly == {"application": {"purgeMode": "Directly"}}


def test_override_policies_are_bound_to_their_namespace() -> None:
    written = {"metadata": METADATA, "spec": {"resourceSelectors": [SELECTOR]}}

    own = default_override(OverridePolicy.model_validate(written))
    everywhere = ClusterOverridePolicy.model_validate(written)

    assert own.spec.resource_selectors[0].namespace == "team"
    assert default_override(everywhere) == everywhere


def _cluster(**spec: Any) -> Cluster:
    written = {"metadata": {"name": "member1"}, "spec": {"syncMode": "Push", **spec}}
    return default_cluster(Cluster.model_validate(written), now=NOW)


def test_a_new_cluster_gets_zones_times_and_nine_grades() -> None:
    cluster = _cluster(
        zone="z1", taints=[{"key": "a", "effect": "NoExecute"}, {"key": "b", "effect": "NoSchedule"}]
    )

    assert (cluster.spec.zone, cluster.spec.zones) == ("", ("z1",))
    assert [taint.time_added for taint in cluster.spec.taints] == [NOW, None]
    assert [model.grade for model in cluster.spec.resource_models] == list(range(9))
    assert to_manifest(cluster.spec.resource_models[7])["ranges"][1] == {
        "name": "memory",
        "min": "512Gi",
        "max": "1Ti",
    }
    assert validate(cluster) == []
    assert default_cluster(cluster, now=NOW) == cluster


def test_given_grades_are_ordered_and_reach_from_zero_to_infinity() -> None:
    grades = [
        {"grade": 2, "ranges": [{"name": "cpu", "min": "2", "max": "4"}]},
        {"grade": 1, "ranges": [{"name": "cpu", "min": "1", "max": "2"}]},
    ]

    cluster = _cluster(resourceModels=grades)

    ranges = [(str(one.min), str(one.max)) for model in cluster.spec.resource_models for one in model.ranges]
    assert ranges == [("0", "2"), ("2", "9223372036854775807")]
    assert validate(cluster) == []
