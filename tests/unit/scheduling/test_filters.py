from __future__ import annotations

from typing import Any

import pytest

from argosy.api.meta import Taint, Toleration
from argosy.scheduling.filters import tolerates
from argosy.scheduling.request import SchedulerOptions
from argosy.scheduling.schedule import schedule
from tests.unit.scheduling.fleet import cluster, placed, request, spread

TAINTED = [{"key": "gpu", "value": "a", "effect": "NoSchedule"}]


@pytest.mark.parametrize(
    ("placement", "fields", "spec", "rejected_by", "reason"),
    [
        (
            {"clusterAffinity": {"clusterNames": ["other"]}},
            {},
            {},
            "ClusterAffinity",
            "cluster(s) did not match the placement cluster affinity constraint",
        ),
        ({}, {}, {"taints": TAINTED}, "TaintToleration", "cluster(s) had untolerated taint {gpu=a:NoSchedule}"),
        (
            {},
            {},
            {"taints": [{"key": "off", "effect": "NoExecute"}]},
            "TaintToleration",
            "cluster(s) had untolerated taint {off:NoExecute}",
        ),
        ({}, {}, {"serves": ("v1", "Pod")}, "APIEnablement", "cluster(s) did not have the API resource"),
        (
            {"spreadConstraints": spread(region=(1, 1), cluster=(1, 1))},
            {},
            {},
            "SpreadConstraint",
            "cluster(s) did not have region property",
        ),
        (
            {"spreadConstraints": spread(zone=(1, 1), cluster=(1, 1))},
            {},
            {},
            "SpreadConstraint",
            "cluster(s) did not have zones property",
        ),
        (
            {"spreadConstraints": spread(provider=(1, 1), cluster=(1, 1))},
            {},
            {},
            "SpreadConstraint",
            "cluster(s) did not have provider property",
        ),
        ({}, {"evicting": ("m",)}, {}, "ClusterEviction", "cluster(s) is in the process of eviction"),
        (
            {},
            {"together_with": (("m", "n"), ("n",))},
            {},
            "WorkloadAffinity",
            "cluster(s) did not have the other workloads of the same affinity group",
        ),
        (
            {},
            {"apart_from": (("n",), ("m",))},
            {},
            "WorkloadAntiAffinity",
            "cluster(s) had a workload of the same anti-affinity group",
        ),
    ],
)  # fmt: skip
def test_a_rejection_names_its_filter_and_counts(
    placement: dict[str, Any], fields: dict[str, Any], spec: dict[str, Any], rejected_by: str, reason: str
) -> None:
    result = schedule(request(placement, **fields), [cluster("m", **spec)])
    (only,) = result.reasons[0].clusters
    assert (only.rejected_by, only.reason, only.share) == (rejected_by, reason, None)
    assert result.error is not None
    assert (result.error.kind, result.error.message) == (
        "FitError",
        f"0/1 clusters are available: 1 {reason}.",
    )


@pytest.mark.parametrize("spec", [{"taints": TAINTED}, {"serves": ("v1", "Pod")}], ids=["taint", "api"])
def test_who_holds_a_copy_keeps_it(spec: dict[str, Any]) -> None:
    assert placed(schedule(request(previous={"m": 1}), [cluster("m", **spec)])) == {"m": 1}


def test_workload_affinity_spares_who_is_there() -> None:
    asked = request(previous={"m": 1}, together_with=(("n",),), apart_from=(("m",),))
    assert placed(schedule(asked, [cluster("m")])) == {"m": 1}


def test_a_filter_can_be_left_out() -> None:
    asked = request(options=SchedulerOptions(without_filters=("APIEnablement",)))
    assert placed(schedule(asked, [cluster("m", serves=("v1", "Pod"))])) == {"m": 1}


def test_reasons_are_counted_and_sorted() -> None:
    asked = request({"clusterAffinity": {"exclude": ["b", "c"]}})
    clusters = [cluster("a", taints=TAINTED), cluster("b"), cluster("c"), cluster("d", leaving=True)]
    error = schedule(asked, clusters).error
    assert error is not None
    assert error.message == (
        "0/4 clusters are available: 1 cluster(s) had untolerated taint {gpu=a:NoSchedule}, "
        "2 cluster(s) did not match the placement cluster affinity constraint."
    )


@pytest.mark.parametrize("clusters", [[], [cluster("m", leaving=True)]], ids=["none", "leaving"])
def test_no_cluster_to_look_at(clusters: list[Any]) -> None:
    error = schedule(request(), clusters).error
    assert error is not None
    assert error.message == f"0/{len(clusters)} clusters are available: no cluster exists."


@pytest.mark.parametrize(
    ("toleration", "expected"),
    [
        ({"key": "gpu", "operator": "Exists"}, True),
        ({"operator": "Exists"}, True),
        ({"key": "gpu", "value": "a"}, True),
        ({"key": "gpu", "operator": "Equal", "value": "a", "effect": "NoSchedule"}, True),
        ({"key": "gpu", "value": "b"}, False),
        ({"key": "cpu", "operator": "Exists"}, False),
        ({"key": "gpu", "operator": "Exists", "effect": "NoExecute"}, False),
        ({"key": "gpu", "operator": "Lt", "value": "a"}, False),
    ],
)
def test_tolerations(toleration: dict[str, Any], expected: bool) -> None:
    taint = Taint(key="gpu", value="a", effect="NoSchedule")
    assert tolerates(Toleration.model_validate(toleration), taint) is expected


def test_preferences_repel_nobody() -> None:
    soft = [{"key": "gpu", "effect": "PreferNoSchedule"}]
    assert placed(schedule(request(), [cluster("m", taints=soft)])) == {"m": 1}
