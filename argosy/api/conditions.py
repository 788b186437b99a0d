"""The conditions of a cluster, with Karmada's reasons and messages where Karmada has the condition.

`Ready` is kept as the cluster's health, because planners ask for it alone; the others stand beside it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Literal

from argosy.api.record import Record


class ConditionType(StrEnum):
    """What is judged of a cluster; `NodesReady` and `Watching` are Argosy's own."""

    READY = "Ready"
    APIS = "CompleteAPIEnablements"
    NODES = "NodesReady"
    WATCHING = "Watching"


Status = Literal["True", "False", "Unknown"]

READY_MESSAGE = "cluster is healthy and ready to accept workloads"
NOT_READY_MESSAGE = "cluster is reachable but health endpoint responded without ok"
NOT_REACHABLE_MESSAGE = "cluster is not reachable"


class ClusterCondition(Record):
    """One judgement; `since` is when its status was last another."""

    type: str
    status: Status
    reason: str
    message: str = ""
    since: datetime | None = None


def apis_condition(*, digest: str, complete: bool) -> ClusterCondition:
    """Whether every API group of the cluster could be listed.

    Args:
        digest: of the list of APIs; empty where there is no list.
    """
    if not digest:
        return ClusterCondition(
            type=ConditionType.APIS, status="False", reason="Empty", message="no API could be listed"
        )
    if not complete:
        return ClusterCondition(
            type=ConditionType.APIS,
            status="False",
            reason="Partial",
            message="an API group does not answer; the others are listed",
        )
    return ClusterCondition(
        type=ConditionType.APIS, status="True", reason="Complete", message="all API groups are listed"
    )


def nodes_condition(*, nodes: int | None, ready: int | None) -> ClusterCondition:
    """Whether any node can run pods; None where nodes may not be read."""
    if nodes is None:
        return ClusterCondition(
            type=ConditionType.NODES,
            status="Unknown",
            reason="NodesNotReadable",
            message="nodes may not be read",
        )
    if nodes and not ready:
        return ClusterCondition(
            type=ConditionType.NODES,
            status="False",
            reason="NoNodeReady",
            message=f"none of {nodes} nodes is ready",
        )
    reason = "NodesReady" if nodes else "NoNodes"
    message = "nodes are ready" if nodes else "there are no nodes; something else may run what is propagated"
    return ClusterCondition(type=ConditionType.NODES, status="True", reason=reason, message=message)


def watching_condition(status: Status, reason: str, message: str) -> ClusterCondition:
    """Whether what becomes of the copies is seen as it happens."""
    return ClusterCondition(type=ConditionType.WATCHING, status=status, reason=reason, message=message)


def judged(conditions: Iterable[ClusterCondition], *, ready: Status) -> dict[str, str]:
    """Every condition's status by its type, `Ready` among them."""
    return {
        str(ConditionType.READY): ready,
        **{one.type: one.status for one in conditions},
    }


def moved(known: Iterable[ClusterCondition], seen: Iterable[ClusterCondition]) -> bool:
    """Whether what is seen differs from what is known, or adds to it; messages may hold numbers that are no news."""
    return not _judgements(seen) <= _judgements(known)


def merged(
    known: Iterable[ClusterCondition], seen: Iterable[ClusterCondition], *, at: datetime
) -> tuple[ClusterCondition, ...]:
    """The known conditions with those seen now; `since` moves only with the status."""
    found = {one.type: one for one in known}
    for one in seen:
        before = found.get(one.type)
        since = before.since if before is not None and before.status == one.status else at
        found[one.type] = one.model_copy(update={"since": since})
    return tuple(found[kind] for kind in sorted(found))


def _judgements(conditions: Iterable[ClusterCondition]) -> set[tuple[str, str, str]]:
    return {(one.type, one.status, one.reason) for one in conditions}
