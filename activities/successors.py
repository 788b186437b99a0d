"""What becomes of a template that was moved away: what new copies are given, and where it does not return."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from activities.evictions import Evictions, FailoverTerms, Template, is_well, return_from
from argosy.api.cluster import Cluster
from argosy.api.eviction import CopyFacts, Eviction, EvictionCause, KeptState, PurgeMode, Steering
from argosy.api.plan import Plan
from argosy.api.policy import Failover


def still_left(
    template: Template,
    previous: Plan | None,
    evicting: Mapping[str, Eviction],
    fleet: Mapping[str, Cluster],
    *,
    rescheduled_at: datetime | None,
    steering: Steering,
    terms: FailoverTerms,
    applied_placement: str,
) -> dict[str, datetime]:
    """Clusters that the template stays away from, and since when: those that it was moved away from.

    It is free to return when somebody lets it, asks for a new division, or edits its placement; by itself only where
    it has a whole copy in every cluster, or its policy says so, and never to where it failed in a well cluster.

    Args:
        applied_placement: the placement as it is recorded, to tell an edited one.
    """
    if template.behaviour == "karmada":
        return {}
    before = previous.left if previous else {}
    edited = previous is not None and bool(previous.placement) and previous.placement != applied_placement
    left = {} if edited else dict(before)
    left = {name: since for name, since in left.items() if rescheduled_at is None or rescheduled_at <= since}
    left = {name: since for name, since in left.items() if not steering.lets_return(name, since=since)}
    left |= {name: eviction.since for name, eviction in evicting.items() if name not in left}
    free = template.is_everywhere or template.moving.returns
    bound = {*evicting, *failed_in(previous, evicting)}
    return {
        name: since
        for name, since in sorted(left.items())
        if name in fleet and not (free and name not in bound and is_well(template, fleet[name], terms))
    }


def failed_in(previous: Plan | None, evicting: Mapping[str, Eviction]) -> set[str]:
    """Clusters that the template was moved away from because it failed there itself."""
    now = {name for name, eviction in evicting.items() if eviction.cause == EvictionCause.APPLICATION}
    return {*(previous.failed if previous else ()), *now}


def returned_from(
    template: Template,
    leaving: Evictions,
    chosen: Iterable[str],
    *,
    returns: bool,
    facts: CopyFacts,
    terms: FailoverTerms,
    now: datetime,
) -> dict[str, Eviction]:
    """Copies that stay until the template is well where it has returned to, and how they go then.

    Args:
        chosen: the clusters that it is to have copies in.
        returns: it has just become free to return.
    """
    names = sorted(chosen)
    known = {
        name: one
        for name, one in leaving.evicting.items()
        if one.cause == EvictionCause.RETURN and name not in names
    }
    if not returns:
        return known
    why = f"it returns to {', '.join(names[:5])}"
    fresh = [target.cluster for target in leaving.kept if target.cluster not in names]
    # What was moved away from and is not wanted there after all goes on leaving as it did.
    unwanted = {name: one for name, one in facts.evicting.items() if name not in names}
    begun = {name: return_from(template, name, why=why, facts=facts, terms=terms, now=now) for name in fresh}
    return {**unwanted, **known, **begun}


def kept_states(failover: Failover | None) -> tuple[KeptState, ...]:
    """What of a copy's status has to be known before the copy is lost."""
    parts = (failover.application, failover.cluster) if failover else ()
    rules = [
        rule for part in parts if part and part.state_preservation for rule in part.state_preservation.rules
    ]
    found = {rule.alias_label_name: rule.json_path for rule in rules}
    return tuple(KeptState(label=label, path=path) for label, path in sorted(found.items()))


def restored(
    previous: Plan | None, evicting: Mapping[str, Eviction], targets: Iterable[str]
) -> dict[str, dict[str, str]]:
    """Cluster -> labels with the state of a lost copy, which its successor keeps as long as it is there.

    As in Karmada: only where there is one copy, the old one is gone for certain, and the cluster had none before.
    """
    names = sorted(targets)
    known = previous.restored if previous else {}
    found = {name: labels for name, labels in known.items() if name in names}
    lost = [one for _, one in sorted(evicting.items()) if one.state and one.purge == PurgeMode.DIRECTLY]
    held = {target.cluster for target in previous.targets} if previous else set()
    if len(names) == 1 and lost and names[0] not in held | set(lost[-1].before):
        found[names[0]] = lost[-1].state
    return found
