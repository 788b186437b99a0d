"""How many replicas fit onto nodes, and how many wait for one in vain."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argosy.api.cluster import Condition
from argosy.api.meta import Taint
from argosy.api.quantity import Quantity
from argosy.api.requirements import ReplicaRequirements
from argosy.scheduling.fitting import replicas_that_fit, stuck
from argosy.scheduling.room import NodeRoom, QuotaRoom, WorkloadPod

NOW = datetime(2025, 6, 1, 12, 0, tzinfo=UTC)


def node(name: str = "n", pods: int = 110, **others: Any) -> NodeRoom:
    """A node with what is free given by keyword, `cpu="4"`."""
    fields = {key: others.pop(key) for key in ("labels", "taints", "unschedulable", "ready") if key in others}
    return NodeRoom(name=name, free_pods=pods, free={k: Quantity(v) for k, v in others.items()}, **fields)


def needs(claim: dict[str, Any] | None = None, **resources: str) -> ReplicaRequirements:
    return ReplicaRequirements.model_validate({"resourceRequest": resources, "nodeClaim": claim})


@pytest.mark.parametrize(
    ("requirements", "nodes", "fitting"),
    [
        (needs(cpu="1"), [], 0),
        (None, [node(pods=7), node(pods=3)], 10),
        (None, [node(pods=0)], 0),
        (needs(), [node(pods=7)], 7),
        (needs(cpu="0"), [node(pods=7)], 7),
        (needs(cpu="1"), [node(cpu="3500m"), node(cpu="900m")], 3),
        # What two nodes have left over does not hold a replica together.
        (needs(cpu="2"), [node(cpu="3"), node(cpu="3")], 2),
        (needs(cpu="500m", memory="1Gi"), [node(cpu="4", memory="3Gi")], 3),
        (needs(cpu="500m", memory="1Gi"), [node(cpu="1", memory="30Gi")], 2),
        (needs(cpu="100m"), [node(cpu="64", pods=5)], 5),
        (needs(cpu="1"), [node(cpu="-2"), node(cpu="1")], 1),
        (needs(gpu="1"), [node(cpu="4"), node(gpu="2")], 2),
        # A request finer than thousandths counts as the next larger one.
        (needs(cpu="100100u"), [node(cpu="1")], 9),
        (needs(memory="1Ei"), [node(memory="7Ei")], 7),
        (needs({"nodeSelector": {"disk": "ssd"}}), [node(labels={"disk": "ssd"}, pods=2), node()], 2),
        (needs(), [node(unschedulable=True), node(pods=2)], 2),
        (
            needs({"tolerations": [{"key": "gpu", "operator": "Exists"}]}),
            [
                node(taints=(Taint(key="gpu", effect="NoSchedule"),), pods=2),
                node(taints=(Taint(key="lost", effect="NoExecute"),)),
            ],
            2,
        ),
    ],
)
def test_the_sum_over_the_nodes_that_suit(
    requirements: ReplicaRequirements | None, nodes: list[NodeRoom], fitting: int
) -> None:
    assert replicas_that_fit(requirements, nodes) == fitting


def test_nodes_that_are_not_ready() -> None:
    nodes = [node(pods=2, ready=False), node(pods=3)]
    assert replicas_that_fit(None, nodes) == 5
    assert replicas_that_fit(None, nodes, unready="left-out") == 3


def test_quotas_bound_the_sum() -> None:
    free = {"pods": Quantity("4"), "requests.cpu": Quantity("10")}
    quotas = [QuotaRoom(name="q", free=free)]
    assert replicas_that_fit(needs(cpu="1"), [node(cpu="30")], quotas) == 4
    assert replicas_that_fit(needs(cpu="1"), [node(cpu="30")], quotas, behaviour="karmada") == 10
    assert replicas_that_fit(needs(cpu="1"), [node(cpu="2")], quotas) == 2


MILLIS = st.integers(-2_000, 64_000)
NODES = st.lists(
    st.builds(
        lambda name, pods, cpu, memory, ssd, cordoned: node(
            name,
            pods,
            cpu=f"{cpu}m",
            memory=str(memory),
            labels={"disk": "ssd"} if ssd else {},
            unschedulable=cordoned,
        ),
        st.sampled_from("abcd"),
        st.integers(0, 30),
        MILLIS,
        st.integers(-10, 2**34),
        st.booleans(),
        st.booleans(),
    ),
    max_size=8,
)
NEEDS = st.one_of(
    st.none(),
    st.builds(
        lambda cpu, memory, ssd: needs(
            {"nodeSelector": {"disk": "ssd"}} if ssd else None, cpu=f"{cpu}m", memory=str(memory)
        ),
        st.integers(0, 4_000),
        st.integers(0, 2**32),
        st.booleans(),
    ),
)


@given(requirements=NEEDS, nodes=NODES, data=st.data())
def test_the_order_of_nodes_does_not_matter(
    requirements: ReplicaRequirements | None, nodes: list[NodeRoom], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(nodes))
    assert replicas_that_fit(requirements, shuffled) == replicas_that_fit(requirements, nodes)


@given(requirements=NEEDS, nodes=NODES)
def test_free_pods_bound_the_answer(requirements: ReplicaRequirements | None, nodes: list[NodeRoom]) -> None:
    assert 0 <= replicas_that_fit(requirements, nodes) <= sum(one.free_pods for one in nodes)


@given(
    requirements=NEEDS,
    nodes=NODES,
    more=st.tuples(st.integers(0, 5_000), st.integers(0, 2**33), st.integers(0, 5)),
)
def test_more_room_never_means_fewer(
    requirements: ReplicaRequirements | None, nodes: list[NodeRoom], more: tuple[int, int, int]
) -> None:
    cpu, memory, pods = more
    larger = [
        one.model_copy(
            update={
                "free": {
                    "cpu": one.free["cpu"] + Quantity(f"{cpu}m"),
                    "memory": one.free["memory"] + Quantity(str(memory)),
                },
                "free_pods": one.free_pods + pods,
            }
        )
        for one in nodes
    ]
    assert replicas_that_fit(requirements, larger) >= replicas_that_fit(requirements, nodes)


@given(requirements=NEEDS, nodes=NODES, quota=st.integers(0, 50))
def test_a_quota_never_adds(
    requirements: ReplicaRequirements | None, nodes: list[NodeRoom], quota: int
) -> None:
    quotas = [QuotaRoom(name="q", free={"pods": Quantity(quota)})]
    fitting = replicas_that_fit(requirements, nodes)
    assert replicas_that_fit(requirements, nodes, quotas) == min(fitting, quota)


@given(cpu=st.integers(1, 4_000), memory=st.integers(1, 2**32), nodes=NODES)
def test_the_answer_fits_and_one_more_on_any_node_does_not(
    cpu: int, memory: int, nodes: list[NodeRoom]
) -> None:
    for one in nodes:
        here = replicas_that_fit(needs(cpu=f"{cpu}m", memory=str(memory)), [one])
        free_cpu, free_memory = one.free["cpu"].milli_value(), one.free["memory"].value()

        def holds(count: int, at: NodeRoom, cpus: int = free_cpu, bytes_: int = free_memory) -> bool:
            return count * cpu <= cpus and count * memory <= bytes_ and count <= at.free_pods

        assert not here or holds(here, one)
        assert one.unschedulable or not holds(here + 1, one)


def pod(status: str = "False", reason: str = "Unschedulable", seconds: float | None = 301) -> WorkloadPod:
    since = None if seconds is None else (NOW - timedelta(seconds=seconds)).isoformat()
    condition = {"type": "PodScheduled", "status": status, "reason": reason, "lastTransitionTime": since}
    return WorkloadPod(name="p", scheduled=Condition.model_validate(condition))


@pytest.mark.parametrize(
    ("one", "threshold", "expected"),
    [
        (pod(), 300, 1),
        (pod(seconds=300), 300, 0),
        (pod(seconds=10), 300, 0),
        (pod(seconds=10), -5, 1),
        (pod(seconds=0), -5, 0),
        (pod(seconds=None), 300, 1),
        (pod(status="True", reason=""), 300, 0),
        (pod(status="Unknown"), 300, 0),
        (pod(reason="SchedulingGated"), 300, 0),
        (WorkloadPod(name="p"), 0, 0),
    ],
)
def test_stuck(one: WorkloadPod, threshold: float, expected: int) -> None:
    assert stuck([one], older_than_seconds=threshold, now=NOW) == expected


def test_stuck_pods_are_counted() -> None:
    assert stuck([pod(), pod(seconds=1), pod()], older_than_seconds=60, now=NOW) == 2
