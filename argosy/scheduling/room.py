"""What a closer look at a cluster finds: the room on each node, what quotas leave, and pods that wait for a node."""

from __future__ import annotations

from typing import Literal

from argosy.api.cluster import Condition
from argosy.api.meta import Taint
from argosy.api.quantity import ResourceList
from argosy.api.record import Record

UnreadyNodes = Literal["by-taints", "left-out"]
"""Whether a node that is not ready counts: as its taints say, which is Kubernetes' answer; or never."""


class NodeRoom(Record):
    """One node, and what it has left.

    Attributes:
        taints: those that keep pods away (NoSchedule and NoExecute).
        unschedulable: the node is cordoned.
        ready: it reports to be.
        free: what may be allocated less what its pods request, by resource name; negative where it is overbooked.
        free_pods: how many more pods it admits, never negative.
    """

    name: str
    labels: dict[str, str] = {}
    taints: tuple[Taint, ...] = ()
    unschedulable: bool = False
    ready: bool = True
    free: ResourceList = {}
    free_pods: int = 0


class ClusterRoom(Record):
    """All nodes of a cluster as they were at one moment."""

    nodes: tuple[NodeRoom, ...] = ()


class QuotaScope(Record):
    """A condition on the pods that a quota counts: `operator` and `values` as in a label selector."""

    name: str
    operator: str
    values: tuple[str, ...] = ()


class QuotaRoom(Record):
    """One ResourceQuota of a namespace, and what it leaves.

    Attributes:
        free: hard less used, by the quota's own names such as `requests.cpu`; negative where it is exceeded.
        scopes: from both `scopes` and `scopeSelector`; a quota without any counts every pod.
    """

    name: str
    free: ResourceList = {}
    scopes: tuple[QuotaScope, ...] = ()


class WorkloadPod(Record):
    """A pod that has not ended; `scheduled` is its condition of type PodScheduled, where it has one."""

    name: str
    scheduled: Condition | None = None
