"""What must hold after a round and, by what the members saw, throughout; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tests.chaos.script import CUT_OFF, DIVIDED, DUPLICATED, LONE, MEMBERS, SETTINGS, Script, outages
from tests.chaos.world import Act, Copy, Ending, Event, Recorded, Wanted, replicas_of

LAG = 6.0
"""Seconds for which what was seen of a copy may be acted upon although it has changed since."""
AFTERMATH = 4.0
"""Seconds after which members that were cut off together are all known to be back."""


# -- at the end -------------------------------------------------------------------------------------------


def wrong_at_the_end(ending: Ending) -> list[str]:
    """What does not hold once everything is well again and has settled; empty where all does."""
    return [
        *_unwell(ending),
        *_orphans(ending),
        *(line for name, wanted in sorted(ending.wanted.items()) for line in _template(name, wanted, ending)),
    ]


def _unwell(ending: Ending) -> Iterator[str]:
    for member in MEMBERS:
        phase = ending.clusters.get(member, "unknown")
        if phase != "Ready":
            yield f"{member} is {phase}, not Ready"


def _orphans(ending: Ending) -> Iterator[str]:
    """Copies that no propagation claims."""
    for copy in ending.copies:
        if copy.member not in ending.claims.get(copy.propagation, frozenset()):
            yield f"{copy.member} holds {copy.key}, which {copy.propagation} does not claim"


def _template(name: str, wanted: Wanted, ending: Ending) -> Iterator[str]:
    record = ending.records.get(name)
    copies = [copy for copy in ending.copies if copy.key == name]
    there = record is not None and record.running
    if wanted.gone is True or (wanted.gone is None and not there):
        if there and record is not None:
            yield f"{name} was deleted, and its propagation is {record.phase}: {record.message}"
        yield from (f"{name} was deleted, and {copy.member} holds it" for copy in copies)
        return
    if record is None or not record.running:
        yield f"{name} was accepted, and has no propagation"
        return
    yield from _record(name, record)
    yield from _as_recorded(name, record, copies)
    yield from _as_wanted(name, wanted, copies, stays_away=record.left)


def _record(name: str, record: Recorded) -> Iterator[str]:
    unsettled = {member: copy.phase for member, copy in record.copies.items() if copy.phase != "Applied"}
    if record.phase != "Applied" or unsettled:
        detail = ", ".join(f"{member} {phase}" for member, phase in sorted(unsettled.items()))
        yield f"{name} is {record.phase}, not Applied: {record.message or detail} {detail}".rstrip()


def _as_recorded(name: str, record: Recorded, copies: Sequence[Copy]) -> Iterator[str]:
    """The copies against the record: where they are, which write they are from, how many replicas they have."""
    count = Counter(copy.member for copy in copies)
    for member in sorted(record.copies.keys() | count.keys()):
        if member not in record.copies:
            yield f"{member} holds {name}, which the record does not name"
        elif count[member] != 1:
            yield f"{member} holds {name} {count[member]} times; the record says once"
    for copy in copies:
        known = record.copies.get(copy.member)
        if known is None:
            continue
        if (copy.revision, copy.pass_number) != (known.revision, known.pass_number):
            yield (
                f"{name} in {copy.member} is from {copy.revision}.{copy.pass_number}, "
                f"the record says {known.revision}.{known.pass_number}"
            )
        if copy.replicas != known.replicas and known.replicas is not None:
            yield f"{name} in {copy.member} has {copy.replicas} replicas, the record says {known.replicas}"


def _as_wanted(
    name: str, wanted: Wanted, copies: Sequence[Copy], *, stays_away: frozenset[str]
) -> Iterator[str]:
    if stays_away - wanted.away:
        yield f"{name} stays away from {_listed(stays_away - wanted.away)}, which never failed"
    versions = {copy.version for copy in copies}
    if len(versions) > 1 or not versions <= wanted.versions:
        found = ", ".join(f"v{copy.version} in {copy.member}" for copy in copies)
        yield f"{name} is {found}; accepted was {_versions(wanted)}"
        return
    if not copies:
        yield f"{name} is nowhere"
        return
    where = {copy.member for copy in copies}
    replicas = replicas_of(wanted.kind, next(iter(versions)))
    shares = {copy.member: copy.replicas or 0 for copy in copies}
    if where - wanted.clusters:
        yield f"{name} is in {_listed(where - wanted.clusters)}, where its policy does not want it"
    if wanted.kind in {DIVIDED, LONE} and sum(shares.values()) != replicas:
        yield f"{name} has {sum(shares.values())} replicas in all, not {replicas}: {shares}"
    if wanted.kind == LONE and len(where) != 1:
        yield f"{name} has one replica, and is in {_listed(where)}"
    # Only what is divided has its share elsewhere, so the rest comes back by itself.
    lacking = wanted.clusters - where - (stays_away if wanted.kind == DIVIDED else frozenset())
    if wanted.kind in {DIVIDED, DUPLICATED, SETTINGS} and lacking:
        yield f"{name} is not in {_listed(lacking)}, where its policy wants it"
    elif wanted.kind == DIVIDED and max(shares.values()) - min(shares.values()) > 1:
        yield f"{name} is divided unevenly: {shares}"
    if wanted.kind == DUPLICATED and any(share != replicas for share in shares.values()):
        yield f"{name} has other than {replicas} replicas somewhere: {shares}"


def _versions(wanted: Wanted) -> str:
    return " or ".join(f"v{version}" for version in sorted(wanted.versions))


def _listed(names: Sequence[str] | set[str] | frozenset[str]) -> str:
    return ", ".join(sorted(names))


# -- throughout -------------------------------------------------------------------------------------------


@dataclass
class _Seen:
    """The newest sight of each copy, and when it was last seen ready."""

    lag: float = LAG
    copies: dict[tuple[str, str], Copy] = field(default_factory=dict)
    ready: dict[tuple[str, str], float] = field(default_factory=dict)

    def take(self, event: Event) -> Copy | None:
        """The copy as it was before this event."""
        place = (event.copy.member, event.copy.key)
        before = self.copies.pop(place, None)
        if before is not None and before.ready:
            # It was ready up to now.
            self.ready[place] = event.at
        if not event.is_gone:
            self.copies[place] = event.copy
        return before

    def others(self, copy: Copy, *, at: float) -> list[tuple[Copy, bool]]:
        """The copies in other members, each with whether it was ready a moment ago."""
        return [
            (other, other.ready or at - self.ready.get(place, float("-inf")) <= self.lag)
            for place, other in self.copies.items()
            if other.key == copy.key and other.member != copy.member
        ]


def wrong_throughout(
    script: Script,
    kinds: Mapping[str, str],
    acts: Sequence[Act],
    events: Sequence[Event],
    *,
    lag: float = LAG,
) -> list[str]:
    """What should never have happened on the way, by the order of what the members saw.

    Args:
        kinds: template -> its kind.
        events: from before the round's begin on, so that everything that was there is known.
        lag: as `LAG`; more where the machine is slow.
    """
    found: list[str] = []
    seen = _Seen(lag)
    out, cut = outages(script), cut_off(script)
    for event in sorted(events, key=lambda one: one.at):
        before = seen.take(event)
        kind = kinds.get(event.copy.key)
        if kind is None:
            continue
        when = f"at {event.at:.2f}, {event}"
        if event.is_gone and not _asked_to_go(event, acts):
            found += [f"{when}: {why}" for why in _deleted_too_soon(event, kind, acts, seen, out)]
        if any(began <= event.at <= ended for began, ended in cut) and _moved(event, before, acts, lag=lag):
            found.append(f"{when}: moved while most members were cut off")
        if kind == LONE and not event.is_gone:
            found += [f"{when}: {why}" for why in _doubled(event, acts, seen)]
        if _is_held(event, acts) and (before is not None and _moved(event, before, acts, lag=lag)):
            found.append(f"{when}: moved although it was held")
    return found


def cut_off(script: Script) -> list[tuple[float, float]]:
    """When most members were cut off, by the relays, until all are known to be back."""
    dropped = [
        spans for member, spans in outages(script).items() if member in MEMBERS and script.scenario == CUT_OFF
    ]
    if len(dropped) * 2 <= len(MEMBERS):
        return []
    return [
        (max(spans[0][0] for spans in dropped), max(spans[0][1] for spans in dropped) + AFTERMATH),
    ]


def _asked_to_go(event: Event, acts: Sequence[Act]) -> bool:
    return any(act.do == "delete" and act.what == event.copy.key and act.sent <= event.at for act in acts)


def _deleted_too_soon(
    event: Event,
    kind: str,
    acts: Sequence[Act],
    seen: _Seen,
    out: Mapping[str, list[tuple[float, float]]],
) -> Iterator[str]:
    """A copy may go when there is enough elsewhere and, unless users do not want it there, it is ready."""
    copy = event.copy
    unwanted = any(
        act.do == "narrow" and act.what == kind and act.detail == copy.member and act.sent <= event.at
        for act in acts
    )
    others = [
        (other, ready) for other, ready in seen.others(copy, at=event.at) if not _long_out(other, event, out)
    ]
    enough = [other for other, ready in others if ready or unwanted]
    if kind in {DUPLICATED, SETTINGS} and not unwanted and not _asked_away(event, acts):
        yield "a whole copy was deleted although nobody had taken its share over"
    if not others:
        yield "the last copy that can be reached was deleted"
    elif not enough:
        yield "deleted while no other copy was ready"
    elif kind == DIVIDED:
        needed = min(
            replicas_of(kind, version) or 0 for version in _current(copy, acts, at=event.at, lag=seen.lag)
        )
        held = sum(other.replicas or 0 for other in enough)
        if held < needed:
            yield f"deleted while ready copies elsewhere had {held} of {needed} replicas"


def _asked_away(event: Event, acts: Sequence[Act]) -> bool:
    """Whether a person wanted the copies to leave the member."""
    return any(
        act.sent <= event.at and (_forces(act, event.copy.member) or _moves(act, event.copy)) for act in acts
    )


def _forces(act: Act, member: str) -> bool:
    return act.do == "failover" and act.what == member


def _moves(act: Act, copy: Copy) -> bool:
    return act.do == "move" and act.what == copy.key and act.detail == copy.member


def _current(copy: Copy, acts: Sequence[Act], *, at: float, lag: float) -> set[int]:
    """The versions that a template may have had lately; the copy may be older, if its member was away."""
    sent = sorted(
        (act.sent, int(act.detail))
        for act in acts
        if act.do in {"submit", "update"} and act.what == copy.key and act.sent <= at
    )
    return {
        copy.version,
        *(version for moment, version in sent if at - 2 * lag <= moment),
        *(v for _, v in sent[-1:]),
    }


def _long_out(copy: Copy, event: Event, out: Mapping[str, list[tuple[float, float]]]) -> bool:
    """Whether a copy's member has not answered for so long that nobody may count on it."""
    return any(began + 2 * LAG <= event.at <= ended for began, ended in out.get(copy.member, []))


def _moved(event: Event, before: Copy | None, acts: Sequence[Act], *, lag: float) -> bool:
    """Whether replicas came or went without a new version of the template, or anybody's deletion."""
    copy = event.copy
    if event.type == "there":
        return False
    if event.is_gone:
        return not _asked_to_go(event, acts)
    if before is None:
        began = [act.sent for act in acts if act.do in {"submit", "update"} and act.what == copy.key]
        # What is submitted for the first time, or again after its deletion, comes; what was there before moves.
        return not any(event.at - 2 * lag <= sent <= event.at for sent in began)
    if _is_placed_anew(copy, acts, at=event.at):
        # What was placed by what there was at that moment is divided again when there is more.
        return False
    return copy.version == before.version and copy.replicas != before.replicas


def _is_placed_anew(copy: Copy, acts: Sequence[Act], *, at: float) -> bool:
    """Whether a template was deleted, and submitted again, since the round began."""
    deleted = [act.sent for act in acts if act.do == "delete" and act.what == copy.key and act.sent <= at]
    again = [act.sent for act in acts if act.do in {"submit", "update"} and act.what == copy.key]
    return bool(deleted) and any(min(deleted) <= sent <= at for sent in again)


def _doubled(event: Event, acts: Sequence[Act], seen: _Seen) -> Iterator[str]:
    """A single replica is patient: it moves at once only where a person says so."""
    for other, _ in seen.others(event.copy, at=event.at):
        asked = any(
            act.sent <= event.at
            and ((_forces(act, one.member) and act.detail == "--now") or _moves(act, one))
            for act in acts
            for one in (other, event.copy)
        )
        if not asked:
            yield f"a single replica is in {other.member} too"


def _is_held(event: Event, acts: Sequence[Act]) -> bool:
    """Whether a person keeps everything on the member where it is, or the copies of this template."""
    return _is_kept(event.copy.member, event.at, acts, begin="hold", end="resume") or _is_kept(
        event.copy.key, event.at, acts, begin="keep", end="free"
    )


def _is_kept(what: str, at: float, acts: Sequence[Act], *, begin: str, end: str) -> bool:
    held = [act.answered for act in acts if act.do == begin and act.what == what]
    freed = [act.sent for act in acts if act.do == end and act.what == what]
    began = max((moment for moment in held if moment is not None and moment <= at), default=None)
    if began is None or any(act.do in {"failover", "move"} and act.sent <= began for act in acts):
        # What had begun to move by then goes on.
        return False
    return not any(began <= moment <= at for moment in freed)
