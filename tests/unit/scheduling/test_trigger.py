from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from argosy.api.base import to_manifest
from argosy.api.behaviour import Behaviour
from argosy.scheduling.outcome import settle
from argosy.scheduling.request import ScheduleRequest
from argosy.scheduling.schedule import schedule
from argosy.scheduling.standing import Standing
from argosy.scheduling.trigger import Verdict, verdict
from tests.unit.scheduling.fleet import AGGREGATED, DUPLICATED, DYNAMIC, STATIC, cluster, request, spread

PLACED = datetime(2025, 2, 1, tzinfo=UTC)
LATER = "2025-03-01T00:00:00Z"
EARLIER = "2025-01-01T00:00:00Z"


def at_rest(asked: ScheduleRequest, **fields: Any) -> Standing:
    """A template that was placed as its placement says now."""
    placement = asked.placement.model_dump_json(by_alias=True)
    return Standing(**{"request": asked, "applied_placement": placement, "scheduled_at": PLACED, **fields})


def settled(how: dict[str, Any], **fields: Any) -> ScheduleRequest:
    return request({"replicaScheduling": how}, **{"replicas": 5, "previous": {"m1": 5}, **fields})


@pytest.mark.parametrize(
    ("standing", "expected"),
    [
        (at_rest(settled(AGGREGATED)), Verdict(schedule=False, reason="nothing changed")),
        (at_rest(settled(DUPLICATED), deleting=True), Verdict(schedule=False, reason="it is being deleted")),
        (
            at_rest(settled(AGGREGATED), applied_placement=None),
            Verdict(schedule=True, reason="it was never placed"),
        ),
        (
            at_rest(settled(AGGREGATED), applied_placement="{"),
            Verdict(schedule=False, reason="nothing changed"),
        ),
        (
            at_rest(
                settled(AGGREGATED), applied_placement='{"clusterTolerations": [{"operator": "Exists"}]}'
            ),
            Verdict(schedule=True, reason="cluster tolerations changed"),
        ),
        (at_rest(settled(AGGREGATED, replicas=6)), Verdict(schedule=True, reason="replicas changed")),
        (
            at_rest(settled(DUPLICATED, previous={"m1": 5, "m2": 4})),
            Verdict(schedule=True, reason="replicas changed"),
        ),
        (at_rest(settled(DUPLICATED)), Verdict(schedule=True, reason="every cluster that fits has a copy")),
        (
            at_rest(settled(AGGREGATED, replicas=None, requirements=None, previous={})),
            Verdict(schedule=True, reason="there are no replicas to move"),
        ),
        (
            at_rest(settled(AGGREGATED), rescheduled_at=datetime.fromisoformat(LATER)),
            Verdict(schedule=True, fresh=True, reason="a new division was asked for"),
        ),
        (
            at_rest(settled(AGGREGATED), rescheduled_at=datetime.fromisoformat(EARLIER)),
            Verdict(schedule=False, reason="nothing changed"),
        ),
        (
            at_rest(settled(AGGREGATED, previous={"gone": 5})),
            Verdict(schedule=True, reason="cluster gone is leaving"),
        ),
    ],
)
def test_verdict(standing: Standing, expected: Verdict) -> None:
    assert verdict(standing, [cluster("m1"), cluster("gone", leaving=True)]) == expected


def test_workload_affinity_alone_is_no_change() -> None:
    asked = settled(AGGREGATED)
    applied = to_manifest(asked.placement) | {"workloadAffinity": {"affinity": {"groupByLabelKey": "app"}}}
    changed = asked.placement.model_validate(applied).model_dump_json(by_alias=True)
    assert not verdict(at_rest(asked, applied_placement=changed), []).schedule


@pytest.mark.parametrize(
    ("how", "created", "spec", "expected"),
    [
        (DYNAMIC, LATER, {}, True),
        (AGGREGATED, LATER, {}, False),
        (DYNAMIC, EARLIER, {}, False),
        (DYNAMIC, None, {}, False),
        (DYNAMIC, LATER, {"taints": [{"key": "new", "effect": "NoSchedule"}]}, False),
        (DYNAMIC, LATER, {"leaving": True}, False),
    ],
)
def test_a_new_cluster_gets_its_share_by_weight(
    how: dict[str, Any], created: str | None, spec: dict[str, Any], expected: bool
) -> None:
    clusters = [cluster("m1", created=EARLIER), cluster("m2", created=created, **spec)]
    theirs = verdict(at_rest(settled(how)), clusters)
    ours = verdict(at_rest(settled(how, behaviour="argosy")), clusters)
    assert not theirs.schedule
    assert (ours.schedule, ours.fresh) == (expected, expected)
    assert ours.reason == ("cluster m2 joined" if expected else "nothing changed")


def test_static_weights_are_applied_at_every_event() -> None:
    assert not verdict(at_rest(settled(STATIC)), [cluster("m1")]).schedule
    ours = verdict(at_rest(settled(STATIC, behaviour="argosy")), [cluster("m1")])
    assert ours == Verdict(schedule=True, reason="static weights follow the clusters")


TWO_GROUPS = {
    "clusterAffinities": [
        {"affinityName": "main", "clusterNames": ["m1"]},
        {"affinityName": "spare", "clusterNames": ["m2"]},
    ],
    "replicaScheduling": AGGREGATED,
}


@pytest.mark.parametrize(("behaviour", "returns"), [("argosy", True), ("karmada", False)])
def test_a_preferred_group_is_returned_to(behaviour: Behaviour, returns: bool) -> None:
    asked = request(
        TWO_GROUPS, replicas=5, previous={"m2": 5}, observed_affinity="spare", behaviour=behaviour
    )
    clusters = [cluster("m1"), cluster("m2")]
    assert verdict(at_rest(asked), clusters).schedule is returns
    result = schedule(asked, clusters)
    assert result.observed_affinity == ("main" if returns else "spare")
    assert [target.name for target in result.targets] == (["m1"] if returns else ["m2"])


def test_a_spare_group_is_kept_while_the_preferred_one_has_no_room() -> None:
    asked = request(TWO_GROUPS, replicas=5, previous={"m2": 5}, observed_affinity="spare", behaviour="argosy")
    result = schedule(asked, [cluster("m1", cpu=2), cluster("m2")])
    assert (result.observed_affinity, [target.name for target in result.targets]) == ("spare", ["m2"])
    assert [(one.affinity, one.error and one.error.kind) for one in result.reasons] == [
        ("main", "UnschedulableError"),
        ("spare", None),
    ]


@pytest.mark.parametrize(
    ("placement", "behaviour", "kept", "retry", "reason"),
    [
        ({"clusterAffinity": {"clusterNames": ["x"]}}, "karmada", False, False, "NoClusterFit"),
        ({"clusterAffinity": {"clusterNames": ["x"]}}, "argosy", True, True, "NoClusterFit"),
        ({"replicaScheduling": DYNAMIC}, "karmada", True, True, "Unschedulable"),
        ({"spreadConstraints": spread(cluster=(2, 2))}, "karmada", True, True, "SchedulerError"),
    ],
)
def test_what_a_failure_leaves_behind(
    placement: dict[str, Any], behaviour: Behaviour, kept: bool, retry: bool, reason: str
) -> None:
    asked = request(placement, replicas=500, previous={"m1": 3}, behaviour=behaviour)
    outcome = settle(asked, schedule(asked, [cluster("m1")]))
    assert (outcome.targets == asked.previous, outcome.retry, outcome.reason) == (kept, retry, reason)
    assert not outcome.scheduled
