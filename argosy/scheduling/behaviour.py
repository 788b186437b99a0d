"""Where Argosy deliberately answers otherwise than Karmada: named rules, each a condition on what is asked.

With behaviour `karmada` none of them counts. With `argosy` answers may differ only where a rule applies;
`docs/differences-from-karmada.md` lists them for users.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from argosy.api.cluster import Cluster
from argosy.api.placement import SpreadConstraint
from argosy.scheduling.affinity import groups_to_try, is_past_first_group
from argosy.scheduling.filters import Screen, is_leaving, serves
from argosy.scheduling.request import ScheduleRequest
from argosy.scheduling.standing import Standing, joined_since
from argosy.scheduling.strategy import Strategy, strategy_of

Asked = TypeVar("Asked")


@dataclass(frozen=True, slots=True)
class Rule(Generic[Asked]):
    """A difference from Karmada: what Argosy does, and why; `applies` tells where answers may differ."""

    name: str
    argosy: str
    reason: str
    applies: Callable[[Asked, Sequence[Cluster]], bool]


def lacks_maximum(constraint: SpreadConstraint | None) -> bool:
    """Whether a spread constraint sets no upper bound; one that is not there at all sets none either."""
    return constraint is None or constraint.max_groups == 0


def spreads_by_one_property(request: ScheduleRequest) -> bool:
    """Whether a placement spreads by zone or by provider, and by nothing else."""
    fields = [one.spread_by_field or one.spread_by_label for one in request.placement.spread_constraints]
    return fields in (["zone"], ["provider"])


def is_scaled_to_zero(request: ScheduleRequest) -> bool:
    """Whether a workload that could run asks for no replicas now."""
    return request.wanted == 0 and request.requirements is not None


def is_unknown_kind(request: ScheduleRequest, clusters: Sequence[Cluster]) -> bool:
    """Whether no cluster serves the template's kind (yet)."""
    present = [cluster for cluster in clusters if not is_leaving(cluster)]
    return bool(present) and not any(serves(cluster, request.template) for cluster in present)


def has_static_weights(request: ScheduleRequest) -> bool:
    """Whether replicas are divided by weights of the policy's own, which say what each cluster is to have."""
    return request.wanted > 0 and strategy_of(request.placement.replica_scheduling) is Strategy.STATIC_WEIGHT


def joined_by_weight(standing: Standing, clusters: Sequence[Cluster]) -> list[str]:
    """The clusters that joined since replicas were divided over all the room there was; sorted."""
    request = standing.request
    strategy = strategy_of(request.placement.replica_scheduling)
    by_room = request.wanted > 0 and strategy is Strategy.DYNAMIC_WEIGHT
    return joined_since(standing, clusters) if by_room else []


def _lacks_a_maximum(request: ScheduleRequest, _: Sequence[Cluster]) -> bool:
    constraints = {one.spread_by_field: one for one in request.placement.spread_constraints}
    return bool(constraints) and (
        "cluster" not in constraints or any(lacks_maximum(one) for one in constraints.values())
    )


def _nothing_fits(request: ScheduleRequest, clusters: Sequence[Cluster]) -> bool:
    present = [cluster for cluster in clusters if not is_leaving(cluster)]
    return any(
        all(screen.rejection(cluster) for cluster in present)
        for screen in (Screen.of(request, term) for term in groups_to_try(request))
    )


SCHEDULING: tuple[Rule[ScheduleRequest], ...] = (
    Rule(
        name="no-maximum-means-no-maximum",
        argosy="a spread constraint without maxGroups, or with 0, sets no upper bound",
        reason="maxGroups is documented as optional, yet leaving it out makes Karmada choose 0 clusters and fail",
        applies=_lacks_a_maximum,
    ),
    Rule(
        name="spread-by-zone-or-provider",
        argosy="a placement may spread by zone alone or by provider alone, and is treated as by region",
        reason="the API offers both fields; Karmada's scheduler refuses them unless cluster or region is there too",
        applies=lambda request, _: spreads_by_one_property(request),
    ),
    Rule(
        name="preferred-group-returns",
        argosy="ordered affinity groups are tried from the first one at every scheduling",
        reason="Karmada starts at the group in use, so that a workload never returns from a fallback by itself",
        applies=lambda request, _: is_past_first_group(request),
    ),
    Rule(
        name="scaled-to-zero-stays",
        argosy="a workload scaled to zero stays in its clusters, or is placed with zero replicas",
        reason="Karmada deletes it from every cluster, and with it what only lives there",
        applies=lambda request, _: is_scaled_to_zero(request),
    ),
    Rule(
        name="unknown-kinds-are-awaited",
        argosy="where no cluster serves the kind, none is left out for it, and applying waits until it is served",
        reason="a CRD may be on its way along with its instances, and Karmada would place them minutes later",
        applies=is_unknown_kind,
    ),
)

SETTLING: tuple[Rule[ScheduleRequest], ...] = (
    Rule(
        name="no-fit-keeps-and-retries",
        argosy="where no cluster fits, copies stay where they are and placing is tried again",
        reason="Karmada deletes every copy and does not try again, so that one wrong label takes a service down",
        applies=_nothing_fits,
    ),
)

TRIGGERING: tuple[Rule[Standing], ...] = (
    Rule(
        name="weights-follow-clusters",
        argosy=(
            "static weights are applied anew at every event; "
            "replicas divided by room are divided anew when a cluster that fits has joined"
        ),
        reason="Karmada never gives a new cluster any replicas of a workload that is fully placed",
        applies=lambda standing, clusters: (
            has_static_weights(standing.request) or bool(joined_by_weight(standing, clusters))
        ),
    ),
)

RULES: tuple[Rule[ScheduleRequest] | Rule[Standing], ...] = (*SCHEDULING, *SETTLING, *TRIGGERING)
