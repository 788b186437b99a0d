"""What planning does itself where some of the clusters are reached by nobody but the worker inside them."""

from __future__ import annotations

from datetime import UTC, datetime

from activities.contracts import PlanRequest
from activities.plan import _may_apply_along, _pulls, _pushed
from argosy.api.cluster_connection import NOT_FROM_HERE, ConnectionReference
from argosy.api.eviction import CopyFacts, Eviction
from argosy.api.manifest import ResourceRef
from argosy.api.membership import ClusterPhase, ClusterSettings, ClusterStatus, Health, SyncMode
from argosy.api.plan import Plan, PlannedTarget, PolicyRef

PULL = ClusterSettings(connection=NOT_FROM_HERE, sync_mode=SyncMode.PULL)
PUSH = ClusterSettings(connection=ConnectionReference(kubeconfig="/k"))


def clusters(*, ready: tuple[str, ...], pulled: tuple[str, ...]) -> dict[str, ClusterStatus]:
    return {
        name: ClusterStatus(
            name=name,
            phase=ClusterPhase.READY,
            settings=PULL if name in pulled else PUSH,
            health=Health(ready=name in ready),
        )
        for name in ("a", "b", "c", "d", "e")
    }


def plan(*names: str, pulls: tuple[str, ...] = ()) -> Plan:
    targets = tuple(PlannedTarget(cluster=name, digest="x") for name in names)
    return Plan(policy=PolicyRef(name="p"), targets=targets, pulls=pulls)


def request(previous: Plan | None = None, facts: CopyFacts | None = None) -> PlanRequest:
    return PlanRequest(
        workflow_id="w",
        run_id="r",
        ref=ResourceRef(api_version="v1", kind="ConfigMap", namespace="n", name="x"),
        template="{}",
        revision=1,
        pass_number=0,
        previous=previous,
        facts=facts or CopyFacts(),
    )


def test_every_cluster_with_a_copy_or_to_get_one_is_named() -> None:
    eviction = Eviction(since=datetime(2026, 1, 1, tzinfo=UTC))
    facts = CopyFacts(evicting={"c": eviction}, lacking=("d",))
    fleet = clusters(ready=(), pulled=("a", "b", "c", "d", "e"))
    assert _pulls(plan("a"), request(plan("b"), facts), fleet) == ("a", "b", "c", "d")


def test_where_all_are_pushed_to_a_plan_is_as_it_was() -> None:
    assert _pulls(plan("a", "b"), request(plan("c")), clusters(ready=(), pulled=())) == ()


def test_the_first_apply_goes_along_for_the_others_and_for_them_alone() -> None:
    mixed = plan("a", "b", pulls=("b",))
    # Whether the one in pull mode is well does not matter.
    fleet = clusters(ready=("a",), pulled=("b",))
    assert [target.cluster for target in _pushed(mixed)] == ["a"]
    assert _may_apply_along(mixed, {}, fleet)
    assert not _may_apply_along(mixed, {}, clusters(ready=("b",), pulled=("b",)))


def test_a_copy_elsewhere_counts_as_a_copy() -> None:
    # It moves from the cluster in pull mode to another one, and a crash could leave the new copy behind.
    assert not _may_apply_along(plan("a", pulls=("b",)), {"b": "uid"}, clusters(ready=("a",), pulled=("b",)))
