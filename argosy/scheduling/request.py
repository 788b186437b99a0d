"""What the scheduler is asked."""

from __future__ import annotations

from argosy.api.behaviour import Behaviour
from argosy.api.manifest import ResourceRef
from argosy.api.placement import Placement
from argosy.api.record import Record
from argosy.api.requirements import Component, ReplicaRequirements


class Target(Record):
    """One chosen cluster and its replicas; None for kinds that have none."""

    name: str
    replicas: int | None = None


class SchedulerOptions(Record):
    """Settings of the scheduler.

    Attributes:
        empty_workload_propagation: chosen clusters that get no replica get the object all the same.
        without_filters: names of filters that are not to be asked, such as `APIEnablement`.
    """

    empty_workload_propagation: bool = False
    without_filters: tuple[str, ...] = ()


class ScheduleRequest(Record):
    """One template to be placed; the placement carries Karmada's defaults (`argosy.api.defaults`).

    Attributes:
        uid: of the template; settles ties when dividing by weight.
        replicas: as the template asks for; None for kinds that have none.
        requirements: what one replica needs; None where the template says nothing.
        components: the parts of a workload that has several pod templates; it is placed whole, never divided.
        previous: where the template is now; the order settles ties when scaling down.
        evicting: clusters that the template is being moved away from.
        staying_away: clusters that it was moved away from, and does not return to by itself.
        observed_affinity: the ordered affinity group that the last placement came from.
        fresh: someone asked for a new division; what runs where now does not matter.
        estimates: cluster -> replicas that fit as a closer look at its nodes tells; the smaller number counts.
        together_with: the clusters of every other placed workload of the affinity group.
        apart_from: the clusters of every other placed workload of the anti-affinity group.
    """

    template: ResourceRef
    uid: str = ""
    placement: Placement = Placement()
    replicas: int | None = None
    requirements: ReplicaRequirements | None = None
    components: tuple[Component, ...] = ()
    previous: tuple[Target, ...] = ()
    evicting: tuple[str, ...] = ()
    staying_away: tuple[str, ...] = ()
    observed_affinity: str = ""
    fresh: bool = False
    estimates: dict[str, int] = {}
    together_with: tuple[tuple[str, ...], ...] = ()
    apart_from: tuple[tuple[str, ...], ...] = ()
    behaviour: Behaviour = "argosy"
    options: SchedulerOptions = SchedulerOptions()

    def without_filter(self, name: str) -> ScheduleRequest:
        """The same request, to which one filter more does not matter."""
        names = (*self.options.without_filters, name)
        return self.model_copy(update={"options": self.options.model_copy(update={"without_filters": names})})

    @property
    def wanted(self) -> int:
        """The replicas asked for, 0 for kinds that have none."""
        return self.replicas or 0

    @property
    def is_workload(self) -> bool:
        """Whether there is anything to divide or to estimate room for."""
        return self.wanted > 0 or self.requirements is not None or bool(self.components)

    @property
    def needed(self) -> int:
        """How much must fit: the replicas, or one instance where a single cluster is to hold all of it."""
        return self.wanted or int(self.fills_one_cluster)

    @property
    def fills_one_cluster(self) -> bool:
        """Whether a workload of several components is to run in exactly one cluster."""
        return bool(self.components) and any(
            one.spread_by_field == "cluster" and one.min_groups == one.max_groups == 1
            for one in self.placement.spread_constraints
        )
