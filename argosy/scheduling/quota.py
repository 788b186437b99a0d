"""How many replicas the quotas of a namespace admit.

Algorithm source: Karmada's resource quota estimator, and Kubernetes' documentation of ResourceQuota. They differ, and
so do the two behaviours:

- `karmada` looks at CPU, memory and extended resources, and of scopes at PriorityClass only, one of which has to
  select the replica.
- `argosy` looks at every name that a pod is charged under, the number of pods among them, and every scope has to
  select the replica. What makes a pod Terminating is not known here; only Jobs may ask for it, so none counts as such.

Limits bound nothing in either: what a replica is limited to is not known here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from argosy.api.behaviour import Behaviour
from argosy.api.requirements import ReplicaRequirements
from argosy.scheduling.estimate import PODS, Demand, demands_of
from argosy.scheduling.room import QuotaRoom, QuotaScope

_PRIORITY_CLASS = "PriorityClass"
_COMPUTE = frozenset({"cpu", "memory"})
_POD = Demand(PODS, 10**9, 1)
_POD_NAMES = frozenset({PODS, "count/pods"})


def replicas_admitted(
    requirements: ReplicaRequirements | None,
    quotas: Iterable[QuotaRoom],
    *,
    behaviour: Behaviour = "argosy",
) -> int | None:
    """How many more replicas the quotas of their namespace admit, never negative.

    Args:
        requirements: of one replica; None where nothing is known of it.

    Returns:
        Replicas, or None where no quota bounds them.
    """
    requirements = requirements or ReplicaRequirements()
    demands = demands_of(requirements)
    admitted = [
        demand.fits(free.nanos)
        for quota in quotas
        if _counts(quota.scopes, requirements, behaviour)
        for name, free in quota.free.items()
        if (demand := _charged(name, demands, behaviour)) is not None
    ]
    return min(admitted, default=None)


def _charged(name: str, demands: Sequence[Demand], behaviour: Behaviour) -> Demand | None:
    """What a replica is charged under a name in a quota, or None where that is nothing."""
    if name in _POD_NAMES:
        return None if behaviour == "karmada" else _POD
    resource = name.removeprefix("requests.")
    if behaviour == "karmada" and not (resource in _COMPUTE or _is_extended(resource)):
        return None
    return next((demand for demand in demands if demand.name == resource), None)


def _is_extended(resource: str) -> bool:
    return "/" in resource and "kubernetes.io/" not in resource


def _counts(scopes: Sequence[QuotaScope], replica: ReplicaRequirements, behaviour: Behaviour) -> bool:
    """Whether a quota of these scopes counts the replica; one without any counts everything."""
    if not scopes:
        return True
    if behaviour == "karmada":
        return any(_selects(scope, replica) for scope in scopes if scope.name == _PRIORITY_CLASS)
    return all(_selects(scope, replica) for scope in scopes)


def _selects(scope: QuotaScope, replica: ReplicaRequirements) -> bool:
    match scope.name:
        case "PriorityClass":
            return _selects_class(scope, replica.priority_class_name)
        case "BestEffort":
            return _is_best_effort(replica)
        case "NotBestEffort":
            return not _is_best_effort(replica)
        case "NotTerminating":
            return True
        case _:
            return False


def _selects_class(scope: QuotaScope, priority_class: str) -> bool:
    match scope.operator:
        case "In":
            return bool(priority_class) and priority_class in scope.values
        case "NotIn":
            return bool(scope.values) and priority_class not in scope.values
        case "Exists":
            return bool(priority_class)
        case "DoesNotExist":
            return not priority_class
        case _:
            return False


def _is_best_effort(replica: ReplicaRequirements) -> bool:
    # Where a template sets only a limit, its interpreter takes that for the request, as API servers do.
    return not any(name in _COMPUTE and amount.nanos > 0 for name, amount in replica.resource_request.items())
