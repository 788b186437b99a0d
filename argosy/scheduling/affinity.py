"""Ordered affinity groups: which of them are tried, and in what order."""

from __future__ import annotations

from argosy.api.placement import ClusterAffinityTerm, Placement
from argosy.scheduling.request import ScheduleRequest


def groups_to_try(request: ScheduleRequest) -> tuple[ClusterAffinityTerm | None, ...]:
    """The groups to be tried until one works; a placement without named groups has a single nameless one.

    Karmada begins at the group that the last placement came from and never goes back by itself.
    """
    terms = request.placement.cluster_affinities
    if not terms:
        return (None,)
    if request.behaviour == "karmada":
        return terms[_recorded(request) :]
    return terms


def is_past_first_group(request: ScheduleRequest) -> bool:
    """Whether the last placement came from a group that others are preferred to."""
    return _recorded(request) > 0


def _recorded(request: ScheduleRequest) -> int:
    """The position of the group in use; 0 where there is none, or where all is decided anew."""
    if request.fresh:
        return 0
    names = [term.affinity_name for term in request.placement.cluster_affinities]
    return names.index(request.observed_affinity) if request.observed_affinity in names else 0


def named_group(placement: Placement, name: str) -> ClusterAffinityTerm | None:
    """The group of that name, or None."""
    return next((term for term in placement.cluster_affinities if term.affinity_name == name), None)
