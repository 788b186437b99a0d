"""What happens in a round: actions of users and faults of the parts, drawn from a seed; pure."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

MEMBERS = ("member1", "member2", "member3")
WORKERS = ("worker1", "worker2")
LASTS = 6.0
"""Seconds of a round's script at most; healing and settling come after it."""
GIVEN_UP = 5.0
"""Seconds after which a member that died in the first one has been given up, and its copies are elsewhere."""
STAGGERED = 2.0
"""Seconds within which members that were cut off together are reached again; by then all are known to have failed."""

DIVIDED, DUPLICATED, LONE, SETTINGS = "divided", "duplicated", "lone", "settings"
KINDS = {
    DIVIDED: "a Deployment whose replicas are divided evenly",
    DUPLICATED: "a Deployment of which every cluster has all replicas",
    LONE: "a Deployment of one replica, in one cluster",
    SETTINGS: "a ConfigMap for every cluster",
}


@dataclass(frozen=True, order=True)
class Step:
    """One thing that is done.

    Attributes:
        at: seconds after the round's begin.
        what: of whom or what it is done to, after its name.
    """

    at: float
    do: str
    what: str = ""
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.at:5.2f}  {' '.join(part for part in (self.do, self.what, self.detail) if part)}"


@dataclass(frozen=True)
class Script:
    """A whole round.

    Attributes:
        scenario: its name.
        workers: how many there are.
        templates: name -> kind, as they are submitted before the round begins.
    """

    seed: int
    scenario: str
    workers: int
    templates: dict[str, str]
    steps: tuple[Step, ...]

    def __str__(self) -> str:
        head = f"seed {self.seed}: {self.scenario}, {self.workers} worker{'s' if self.workers > 1 else ''}"
        first = ", ".join(f"{name} ({kind})" for name, kind in self.templates.items())
        return "\n".join([head, f"       before: {first}", *(f"  {step}" for step in self.steps)])


def script_of(seed: int) -> Script:
    """The round of a seed; the same for the same seed."""
    draw = random.Random(f"argosy chaos {seed}")
    scenario = draw.choice(sorted(SCENARIOS))
    workers = draw.choice((1, 2, 2))
    templates = {
        f"web-{number}": draw.choice((DIVIDED, DIVIDED, DUPLICATED)) for number in range(draw.randint(2, 4))
    }
    templates |= {"one": LONE, "conf": SETTINGS}
    drawn = _Drawn(draw, workers, templates)
    steps = [*SCENARIOS[scenario](drawn), *drawn.edits(placing=scenario not in _UNMOVED)]
    return Script(seed, scenario, workers, templates, tuple(sorted(steps)))


@dataclass
class _Drawn:
    """Where the parts of a script come from."""

    draw: random.Random
    workers: int
    templates: dict[str, str]

    def moment(self, first: float, last: float) -> float:
        return round(self.draw.uniform(first, last), 2)

    def member(self) -> str:
        return self.draw.choice(MEMBERS)

    def deployments(self) -> list[str]:
        """The templates with replicas, sorted."""
        return sorted(name for name, kind in self.templates.items() if kind != SETTINGS)

    def worker(self) -> str:
        return self.draw.choice(WORKERS[: self.workers])

    def edits(self, *, placing: bool) -> Iterator[Step]:
        """What users do meanwhile: new versions and deletions, and where `placing` is set, what moves copies too."""
        names = sorted(self.templates)
        for _ in range(self.draw.randint(2, 6)):
            yield Step(self.moment(0, LASTS), "update", self.draw.choice(names))
        if self.draw.random() < 0.4:
            yield Step(self.moment(0, LASTS), "delete", self.draw.choice(names))
        if not placing:
            return
        if self.draw.random() < 0.5:
            yield Step(self.moment(0, LASTS), "submit", "late", self.draw.choice((DIVIDED, DUPLICATED)))
        if self.draw.random() < 0.3:
            began = self.moment(0, LASTS - 3)
            without = self.member()
            kind = self.draw.choice((DIVIDED, DUPLICATED, SETTINGS))
            yield Step(began, "narrow", kind, without)
            yield Step(self.moment(began + 1, LASTS), "widen", kind)
        if self.draw.random() < 0.3:
            began = self.moment(0, LASTS - 2)
            member = self.member()
            yield Step(began, "cordon", member)
            yield Step(self.moment(began + 0.5, LASTS), "uncordon", member)

    def outage(self, member: str, began: float, ended: float) -> Iterator[Step]:
        """One member that does not answer for some time, in one of four ways."""
        how, undo = self.draw.choice(
            (("kill", "revive"), ("freeze", "thaw"), ("drop", "connect"), ("cut", "connect"))
        )
        yield Step(began, how, member)
        yield Step(ended, undo, member)

    def crash(self, began: float, ended: float) -> Iterator[Step]:
        """One part of Argosy or Temporal that dies or hangs, and is there again."""
        match self.draw.choice(("worker", "worker", "workers", "stall", "temporal")):
            case "workers":
                for worker in WORKERS[: self.workers]:
                    yield Step(began, "kill", worker)
                    yield Step(ended, "revive", worker)
            case "worker":
                worker = self.worker()
                yield Step(began, "kill", worker)
                yield Step(ended, "revive", worker)
            case "stall":
                worker = self.worker()
                yield Step(began, "freeze", worker)
                yield Step(ended, "thaw", worker)
            case _:
                yield Step(began, "kill", "temporal")
                yield Step(ended, "revive", "temporal")


def _flap(drawn: _Drawn) -> Iterator[Step]:
    """A member that is away for a moment only, again and again: too short for anything to move."""
    member, at = drawn.member(), 0.3
    while at < LASTS - 2:
        ended = at + drawn.moment(0.3, 1.0)
        yield from drawn.outage(member, round(at, 2), round(ended, 2))
        at = ended + drawn.moment(1.7, 2.3)


def _die(drawn: _Drawn) -> Iterator[Step]:
    """A member that dies for good, or comes back late."""
    yield from drawn.outage(drawn.member(), drawn.moment(0.2, 1), GIVEN_UP)


def _die_amid_crashes(drawn: _Drawn) -> Iterator[Step]:
    """A member that dies while Argosy itself crashes: when it is found, when copies move, or when it is back."""
    began = drawn.moment(0.2, 1)
    ended = drawn.moment(GIVEN_UP - 0.5, GIVEN_UP)
    yield from drawn.outage(drawn.member(), began, ended)
    at = drawn.moment(began + 2, ended - 1)
    yield from drawn.crash(at, min(GIVEN_UP, round(at + drawn.moment(0.3, 2), 2)))


def _cut_off(drawn: _Drawn) -> Iterator[Step]:
    """The observer loses every member, or most of them, at once, and finds them one by one: nothing may move."""
    cut = MEMBERS if drawn.draw.random() < 0.6 else tuple(sorted(drawn.draw.sample(MEMBERS, 2)))
    how = drawn.draw.choice(("drop", "cut"))
    for member in cut:
        yield Step(0.5, how, member)
        yield Step(drawn.moment(LASTS - STAGGERED, LASTS), "connect", member)


def _crash(drawn: _Drawn) -> Iterator[Step]:
    """Argosy and Temporal crash while users work."""
    at = drawn.moment(0.3, 1.5)
    while at < LASTS - 1.5:
        ended = min(LASTS, round(at + drawn.moment(0.4, 2.5), 2))
        yield from drawn.crash(at, ended)
        at = round(ended + drawn.moment(0.5, 2), 2)


def _steer(drawn: _Drawn) -> Iterator[Step]:
    """A person moves everything away from a member, perhaps holds it or one template, and lets all return."""
    member, at = drawn.member(), drawn.moment(0.3, 1.2)
    if drawn.draw.random() < 0.6:
        what = drawn.draw.choice((member, *drawn.deployments()))
        yield Step(at, *(("hold", member) if what == member else ("keep", what)))
        until = drawn.moment(at + 2.5, at + 4)
        yield Step(until, *(("resume", member) if what == member else ("free", what)))
        at += 0.8
    yield Step(round(at, 2), "failover", member, drawn.draw.choice(("--now", "--now", "")))
    yield Step(drawn.moment(at + 3, LASTS), "recover", member)
    yield from _perhaps_a_crash(drawn, at)


def _move(drawn: _Drawn) -> Iterator[Step]:
    """A person moves single templates away from members, and lets them return."""
    at = drawn.moment(0.3, 1)
    for name in drawn.draw.sample(drawn.deployments(), 2):
        member = drawn.member()
        yield Step(round(at, 2), "move", name, member)
        yield Step(drawn.moment(at + 2.5, LASTS), "return", name, member)
        at += drawn.moment(0.2, 1)
    yield from _perhaps_a_crash(drawn, at)


def _perhaps_a_crash(drawn: _Drawn, at: float) -> Iterator[Step]:
    if drawn.draw.random() < 0.5:
        began = drawn.moment(at + 0.2, at + 2.5)
        yield from drawn.crash(began, round(began + drawn.moment(0.3, 1.5), 2))


def _lapse(drawn: _Drawn) -> Iterator[Step]:
    """A worker hangs for longer than its monitors may, and goes on as if nothing had been."""
    worker, began = drawn.worker(), drawn.moment(0.2, 0.4)
    yield Step(began, "freeze", worker)
    yield Step(drawn.moment(began + 5.6, LASTS), "thaw", worker)
    if drawn.draw.random() < 0.5:
        yield from drawn.outage(drawn.member(), drawn.moment(began + 0.5, began + 2), drawn.moment(4, LASTS))


CUT_OFF, STEERED = "the observer is cut off", "a failover is asked for"
MOVED = "templates are moved"
# Where every move is judged, nothing else may have been its reason.
_UNMOVED = {CUT_OFF, STEERED, MOVED}
SCENARIOS = {
    "a member flaps": _flap,
    "a member dies": _die,
    "a member dies amid crashes": _die_amid_crashes,
    CUT_OFF: _cut_off,
    "crashes": _crash,
    STEERED: _steer,
    MOVED: _move,
    "monitors lapse": _lapse,
}


def outages(script: Script) -> dict[str, list[tuple[float, float]]]:
    """Part -> when it did not answer, from and to, in seconds after the round's begin."""
    begun: dict[str, float] = {}
    found: dict[str, list[tuple[float, float]]] = {}
    for step in script.steps:
        if step.do in {"kill", "freeze", "drop", "cut"}:
            begun.setdefault(step.what, step.at)
        elif step.do in {"revive", "thaw", "connect"} and step.what in begun:
            found.setdefault(step.what, []).append((begun.pop(step.what), step.at))
    for part, at in begun.items():
        found.setdefault(part, []).append((at, float("inf")))
    return found
