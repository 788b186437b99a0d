"""A closer look at a cluster: the room on its nodes, what quotas leave, and the pods of a workload.

Whoever asks while another's answer is under way or still fresh shares it: many workloads are placed at once, and a
large cluster has many pages of pods.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from argosy.api.cluster import Condition
from argosy.api.meta import LabelSelector, LabelSelectorRequirement, Taint
from argosy.api.quantity import Quantity
from argosy.api.selectors import selector_problem
from argosy.errors import InvalidInput
from argosy.kube.connect import Member
from argosy.kube.read import pages
from argosy.kube.resources import Amounts, add, booked, pod_requests
from argosy.scheduling.room import ClusterRoom, NodeRoom, QuotaRoom, QuotaScope, WorkloadPod

MAX_AGE = 5.0
"""Seconds for which what was read of a cluster counts as known."""

# Pods that have ended hold nothing any more, nor do those without a node; the server leaves them out.
_NOT_ENDED = "status.phase!=Succeeded,status.phase!=Failed"
_ON_A_NODE = f"spec.nodeName!=,{_NOT_ENDED}"
_REPELLING = frozenset({"NoSchedule", "NoExecute"})

Found = TypeVar("Found")
Key = tuple[str, ...]


async def read_room(member: Member) -> ClusterRoom:
    """All nodes, with what they may allocate less what the pods on them request.

    A pod counts until it has ended, even where it is being deleted: its node is not free before.

    Raises:
        Forbidden: nodes or pods may not be listed; the cluster's summary is all there is.
        Expired: reading took longer than the server keeps a list.
        ArgosyError: typed by what went wrong.
    """
    nodes: dict[str, _Node] = {}
    async for page in pages(member, "/api/v1/nodes", what="list nodes"):
        nodes |= {item["metadata"]["name"]: _Node.of(item) for item in page.items}
    async for page in pages(member, "/api/v1/pods", what="list pods", fields=_ON_A_NODE):
        for pod in page.items:
            node = nodes.get(pod["spec"].get("nodeName", ""))
            if node is not None:
                node.take(pod["spec"])
    return ClusterRoom(nodes=tuple(node.room() for node in nodes.values()))


async def read_quotas(member: Member, namespace: str) -> tuple[QuotaRoom, ...]:
    """What the quotas of a namespace leave; none where it does not exist yet.

    A name that the cluster has not counted the use of yet is left out.

    Args:
        namespace: empty for what lives in none and therefore has no quotas.

    Raises:
        Forbidden: quotas may not be listed.
        ArgosyError: typed by what went wrong.
    """
    if not namespace:
        return ()
    path = f"/api/v1/namespaces/{quote(namespace, safe='')}/resourcequotas"
    return tuple(
        [
            _quota(item)
            async for page in pages(member, path, what="list resourcequotas")
            for item in page.items
        ]
    )


async def read_pods_of(member: Member, namespace: str, selector: LabelSelector) -> tuple[WorkloadPod, ...]:
    """The pods of a workload that have not ended; see `argosy.scheduling.fitting.stuck`.

    Args:
        selector: as in the workload's spec.

    Raises:
        InvalidInput: the selector is broken, or selects everything.
        Forbidden: pods may not be listed.
        ArgosyError: typed by what went wrong.
    """
    path = f"/api/v1/namespaces/{quote(namespace, safe='')}/pods"
    text = _as_text(selector)
    return tuple(
        [
            workload_pod(item)
            async for page in pages(member, path, what="list pods", selector=text, fields=_NOT_ENDED)
            for item in page.items
        ]
    )


class Rooms:
    """What was read of clusters a moment ago, one for each process and event loop.

    Failures are raised to all who wait for them, and forgotten: the next one asks again.
    """

    def __init__(self, *, max_age: float = MAX_AGE, clock: Callable[[], float] = time.monotonic) -> None:
        """Start empty.

        Args:
            max_age: seconds since the beginning of a reading for which it counts.
            clock: monotonic, in seconds.
        """
        self._rooms: _Recent[ClusterRoom] = _Recent(max_age, clock)
        self._quotas: _Recent[tuple[QuotaRoom, ...]] = _Recent(max_age, clock)

    async def room(self, member: Member, *, max_age: float = MAX_AGE) -> ClusterRoom:
        """As `read_room`, at most `max_age` seconds old when it was asked for, or as it is being read."""
        return await self._rooms.get((member.name, member.server), partial(read_room, member), max_age)

    async def quotas(
        self, member: Member, namespace: str, *, max_age: float = MAX_AGE
    ) -> tuple[QuotaRoom, ...]:
        """As `read_quotas`, at most `max_age` seconds old when asked for, or as they are being read."""
        key = (member.name, member.server, namespace)
        return await self._quotas.get(key, partial(read_quotas, member, namespace), max_age)

    async def close(self) -> None:
        """Forget everything, and stop what is being read."""
        await self._rooms.close()
        await self._quotas.close()


class _Recent(Generic[Found]):
    """Readings by key, each a task that all who ask share."""

    def __init__(self, max_age: float, clock: Callable[[], float]) -> None:
        self._max_age = max_age
        self._clock = clock
        self._readings: dict[Key, tuple[float, asyncio.Task[Found]]] = {}

    async def get(self, key: Key, read: Callable[[], Coroutine[Any, Any, Found]], max_age: float) -> Found:
        self._forget_old()
        known = self._readings.get(key)
        if known is None or (known[1].done() and known[0] < self._clock() - max_age):
            task = asyncio.create_task(read())
            self._readings[key] = (self._clock(), task)
            task.add_done_callback(partial(self._forget_failure, key))
        # One who stops waiting does not take the answer from the others.
        return await asyncio.shield(self._readings[key][1])

    async def close(self) -> None:
        tasks = [task for _, task in self._readings.values()]
        self._readings.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _forget_old(self) -> None:
        # Of all keys: nobody may ever ask again for a cluster that has left.
        oldest = self._clock() - self._max_age
        old = [key for key, (begun, task) in self._readings.items() if task.done() and begun < oldest]
        for key in old:
            del self._readings[key]

    def _forget_failure(self, key: Key, task: asyncio.Task[Found]) -> None:
        if not task.cancelled() and task.exception() is None:
            return
        known = self._readings.get(key)
        if known is not None and known[1] is task:
            del self._readings[key]


@dataclass
class _Node:
    """A node while the pods on it are being read."""

    name: str
    labels: dict[str, str]
    taints: tuple[Taint, ...]
    unschedulable: bool
    ready: bool
    allocatable: Amounts
    pods: int = 0
    taken: Amounts = field(default_factory=dict)

    @classmethod
    def of(cls, node: Mapping[str, Any]) -> _Node:
        metadata, spec, status = node["metadata"], node.get("spec") or {}, node.get("status") or {}
        allocatable = {name: Quantity(text) for name, text in (status.get("allocatable") or {}).items()}
        return cls(
            name=metadata["name"],
            labels=metadata.get("labels") or {},
            taints=_taints(spec.get("taints") or ()),
            unschedulable=bool(spec.get("unschedulable")),
            ready=any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions") or ()),
            allocatable=booked(allocatable),
        )

    def take(self, spec: Mapping[str, Any]) -> None:
        self.pods += 1
        add(self.taken, booked(pod_requests(spec)))

    def room(self) -> NodeRoom:
        nothing = Quantity(0)
        free = {name: amount - self.taken.get(name, nothing) for name, amount in self.allocatable.items()}
        admitted = free.pop("pods", nothing).value()
        return NodeRoom(
            name=self.name,
            labels=self.labels,
            taints=self.taints,
            unschedulable=self.unschedulable,
            ready=self.ready,
            free=free,
            free_pods=max(admitted - self.pods, 0),
        )


def _taints(written: Iterable[Mapping[str, Any]]) -> tuple[Taint, ...]:
    return tuple(
        Taint(key=taint["key"], value=taint.get("value") or "", effect=taint["effect"])
        for taint in written
        if taint["effect"] in _REPELLING
    )


def _quota(item: Mapping[str, Any]) -> QuotaRoom:
    spec, status = item.get("spec") or {}, item.get("status") or {}
    hard, used = status.get("hard") or {}, status.get("used") or {}
    selected = (spec.get("scopeSelector") or {}).get("matchExpressions") or ()
    scopes = [QuotaScope(name=name, operator="Exists") for name in spec.get("scopes") or ()]
    scopes += [
        QuotaScope(name=one["scopeName"], operator=one["operator"], values=tuple(one.get("values") or ()))
        for one in selected
    ]
    return QuotaRoom(
        name=item["metadata"]["name"],
        free={name: Quantity(hard[name]) - Quantity(used[name]) for name in hard if name in used},
        scopes=tuple(scopes),
    )


def workload_pod(item: Mapping[str, Any]) -> WorkloadPod:
    """A pod as read, with what its cluster's scheduler says of it."""
    conditions = (item.get("status") or {}).get("conditions") or ()
    scheduled = next((c for c in conditions if c["type"] == "PodScheduled"), None)
    name = item["metadata"]["name"]
    if scheduled is None:
        return WorkloadPod(name=name)
    # Pods' conditions have fields that others lack.
    shown = {key: scheduled.get(key) for key in ("type", "status", "reason", "message", "lastTransitionTime")}
    return WorkloadPod(name=name, scheduled=Condition.model_validate(shown))


def _as_text(selector: LabelSelector) -> str:
    problem = selector_problem(selector)
    if problem is None and not selector.match_labels and not selector.match_expressions:
        problem = "it selects every pod of its namespace"
    if problem is not None:
        raise InvalidInput(f"the selector of a workload cannot be used: {problem}; correct its spec.selector")
    parts = [f"{key}={value}" for key, value in selector.match_labels.items()]
    return ",".join([*parts, *map(_requirement_as_text, selector.match_expressions)])


def _requirement_as_text(requirement: LabelSelectorRequirement) -> str:
    key, values = requirement.key, ",".join(requirement.values)
    match requirement.operator:
        case "In":
            return f"{key} in ({values})"
        case "NotIn":
            return f"{key} notin ({values})"
        case "Exists":
            return key
        case _:
            return f"!{key}"
