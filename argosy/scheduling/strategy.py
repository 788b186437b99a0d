"""How a placement asks for replicas to be divided."""

from __future__ import annotations

from enum import StrEnum

from argosy.api.placement import ReplicaSchedulingStrategy


class Strategy(StrEnum):
    """The ways of dividing replicas, by the names Karmada's users know."""

    DUPLICATED = "Duplicated"
    STATIC_WEIGHT = "StaticWeight"
    DYNAMIC_WEIGHT = "DynamicWeight"
    AGGREGATED = "Aggregated"
    UNKNOWN = "Unknown"

    @property
    def divides(self) -> bool:
        """Whether the replicas are shared out rather than copied to every cluster."""
        return self is not Strategy.DUPLICATED

    @property
    def divides_by_room(self) -> bool:
        """Whether shares depend on what fits where."""
        return self in {Strategy.DYNAMIC_WEIGHT, Strategy.AGGREGATED}


def strategy_of(scheduling: ReplicaSchedulingStrategy | None) -> Strategy:
    """The strategy that a placement with Karmada's defaults asks for; none at all means a full copy everywhere."""
    if scheduling is None or scheduling.replica_scheduling_type == "Duplicated":
        return Strategy.DUPLICATED
    match scheduling.replica_division_preference:
        case "Aggregated":
            return Strategy.AGGREGATED
        case "Weighted":
            weights = scheduling.weight_preference
            return Strategy.DYNAMIC_WEIGHT if weights and weights.dynamic_weight else Strategy.STATIC_WEIGHT
        case _:
            return Strategy.UNKNOWN


def ignores_spread(scheduling: ReplicaSchedulingStrategy | None) -> bool:
    """Whether spread constraints do not count because weights say which clusters are meant."""
    if scheduling is None or strategy_of(scheduling) is not Strategy.STATIC_WEIGHT:
        return False
    weights = scheduling.weight_preference
    return weights is None or bool(weights.static_weight_list)
