"""One round: play its script, heal, wait until everything has settled, and judge."""

from __future__ import annotations

import asyncio
import os
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from temporalio.service import RPCError

from activities import attributes
from argosy.api.ids import id_of
from argosy.api.manifest import ResourceRef, ref_of
from argosy.api.propagation import PropagationStatus
from argosy.errors import ArgosyError, Conflict, NotFound
from tests.chaos.invariants import LAG, cut_off, wrong_at_the_end, wrong_throughout
from tests.chaos.kubelet import Kubelet
from tests.chaos.rig import FAULTS, Rig
from tests.chaos.script import DIVIDED, DUPLICATED, LONE, MEMBERS, SETTINGS, Script, Step
from tests.chaos.world import Act, Ending, Event, Recorded, RecordedCopy, Wanted, policy_of, template_of

SETTLES = 60.0
"""Seconds within which what is not as it should be has to change, once every fault is undone."""
SETTLES_AT_MOST = 180.0
STAYS = 0.5
"""Seconds for which it has to stay so."""
BEFORE = 30.0
ANSWERS = 25.0
"""Seconds for which users insist on an answer."""
_AGAIN = 0.3
_PATIENT = 1000.0
_COMMANDS = {
    "failover": ("cluster", "failover"),
    "recover": ("cluster", "recover"),
    "hold": ("cluster", "hold"),
    "resume": ("cluster", "resume"),
    "cordon": ("cluster", "cordon"),
    "uncordon": ("cluster", "uncordon"),
}
_OF_TEMPLATES = {"move": "failover", "return": "recover", "keep": "hold", "free": "resume"}


@dataclass
class Outcome:
    """How a round went.

    Attributes:
        wrong: what does not hold; empty where all does.
        settled: seconds after the healing.
    """

    script: Script
    wrong: list[str]
    settled: float
    timeline: list[tuple[float, str]] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [str(self.script), "", "  what happened:"]
        lines += [f"  {at:6.2f}  {line}" for at, line in sorted(self.timeline)]
        return "\n".join([*lines, "", *(f"  VIOLATED  {line}" for line in self.wrong)])


class Round:
    """The users of one round and what they see."""

    def __init__(self, rig: Rig, script: Script) -> None:
        self._rig = rig
        self._script = script
        self._namespace = f"chaos-{script.seed}-{int(time.time())}"
        self._kinds = {f"{self._namespace}/{name}": kind for name, kind in script.templates.items()}
        self._sent: defaultdict[str, list[Act]] = defaultdict(list)
        self._acts: list[Act] = []
        self._events: list[Event] = []
        self._faults: list[tuple[float, str]] = []
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._versions: defaultdict[str, int] = defaultdict(int)
        self._narrowed: dict[str, str] = {}
        self._began = time.monotonic()
        self._wall = datetime.now(UTC)

    async def play(self) -> Outcome:
        """From the first submission to the verdict."""
        script, rig = self._script, self._rig
        kubelets = [Kubelet(one, clock=self._clock, events=self._events) for one in rig.members.values()]
        watching = [asyncio.create_task(one.run()) for one in kubelets]
        try:
            await rig.have_workers(script.workers)
            self._began = time.monotonic() + BEFORE
            await self._prepare()
            before = await self._settle(BEFORE)
            if before:
                return self._outcome([f"before the round: {line}" for line in before], 0)
            # From here on, time is what the script counts in; what was before has negative times.
            await self._perform()
            healed = time.monotonic()
            await rig.heal(script.workers)
            self._note("healed")
            wrong = await self._settle(SETTLES)
            settled = time.monotonic() - healed
            # What was held up for long enough shows only now.
            for _, ended in cut_off(script):
                await asyncio.sleep(max(0.0, ended - self._clock()))
            lag = LAG * slowness()
            wrong += wrong_throughout(script, self._kinds, self._acts, self._events, lag=lag)
            outcome = self._outcome(wrong, settled)
            if not wrong:
                await self._clean_up()
            return outcome
        finally:
            for task in watching:
                task.cancel()
            await asyncio.gather(*watching, return_exceptions=True)

    def _clock(self) -> float:
        return time.monotonic() - self._began

    def _note(self, line: str) -> None:
        self._faults.append((self._clock(), line))

    def _outcome(self, wrong: list[str], settled: float) -> Outcome:
        timeline = [*self._faults, *((act.sent, str(act)) for act in self._acts)]
        timeline += [(event.at, str(event)) for event in self._events if event.copy.key in self._kinds]
        return Outcome(self._script, wrong, settled, timeline)

    # -- users ------------------------------------------------------------------------------------------------

    async def _prepare(self) -> None:
        policies = [
            policy_of(kind, MEMBERS, self._namespace) for kind in (DIVIDED, DUPLICATED, LONE, SETTINGS)
        ]
        await self._rig.session.edit_policies(self._namespace, put=policies)
        await asyncio.gather(*(self._submit("submit", name) for name in self._script.templates))

    async def _perform(self) -> None:
        # What was done before keeps its place, before the begin.
        shift = self._clock()
        self._began += shift
        self._acts = [_earlier(act, shift) for act in self._acts]
        self._events[:] = [Event(event.at - shift, event.type, event.copy) for event in self._events]
        self._faults.clear()
        async with asyncio.TaskGroup() as doing:
            for step in self._script.steps:
                await asyncio.sleep(max(0.0, step.at - self._clock()))
                doing.create_task(self._do(step))

    async def _do(self, step: Step) -> None:
        if step.do in FAULTS:
            self._note(f"fault: {step.do} {step.what}")
            await self._rig.do(step)
            return
        async with self._turns[step.what]:
            match step.do:
                case "submit":
                    self._kinds[f"{self._namespace}/{step.what}"] = step.detail
                    await self._submit("submit", step.what)
                case "update":
                    await self._submit("update", step.what)
                case "delete":
                    await self._delete(step.what)
                case "narrow" | "widen":
                    await self._place(step)
                case "move" | "return" | "keep" | "free":
                    await self._steer(step)
                case _:
                    await self._command(step)

    async def _submit(self, do: str, name: str) -> None:
        self._versions[name] += 1
        version = self._versions[name]
        template = self._template(name, version)

        async def submit() -> None:
            await self._rig.session.submit(template)

        await self._insist(do, self._key(name), str(version), submit)

    async def _delete(self, name: str) -> None:
        ref = ref_of(self._template(name, 0))

        async def delete() -> None:
            # What is gone already was deleted by an attempt that was not answered.
            with suppress(NotFound):
                await self._rig.session.delete(ref, orphan=(), preserve=False)

        await self._insist("delete", self._key(name), "", delete)

    async def _place(self, step: Step) -> None:
        without = step.detail if step.do == "narrow" else ""
        clusters = tuple(member for member in MEMBERS if member != without)

        async def place() -> None:
            policy = policy_of(step.what, clusters, self._namespace)
            await self._rig.session.edit_policies(self._namespace, put=[policy])

        await self._insist(step.do, step.what, step.detail, place)

    async def _command(self, step: Step) -> None:
        confirmed = ["--yes"] if step.do == "recover" else []
        words = [*_COMMANDS[step.do], step.what, *confirmed, *([step.detail] if step.detail else [])]
        await self._insist(step.do, step.what, step.detail, partial(self._argosy, words))

    async def _steer(self, step: Step) -> None:
        """One template instead of a cluster, which may have been deleted meanwhile."""
        key = self._key(step.what)
        words = [_OF_TEMPLATES[step.do], f"deployment/{step.what}", "-n", self._namespace]
        words += ["-C", step.detail] if step.detail else []
        words += ["--now"] if step.do == "move" else []

        async def command() -> None:
            with suppress(NotFound):
                await self._argosy(words)

        await self._insist(step.do, key, step.detail, command)

    async def _argosy(self, words: list[str]) -> None:
        done = await asyncio.to_thread(self._rig.command, words)
        if done.code != 0:
            nothing_there = "is not propagated" in done.err or "has no copy" in done.err
            raise (NotFound if nothing_there else ArgosyError)(done.err.strip())

    async def _insist(self, do: str, what: str, detail: str, act: Callable[[], Awaitable[None]]) -> None:
        """Do something until it is answered, as people do; a refusal is an answer, and nothing has happened."""
        sent = self._clock()
        deadline = time.monotonic() + ANSWERS
        while True:
            try:
                await act()
            except Conflict:
                self._note(f"refused: {do} {what} {detail}")
                return
            except (ArgosyError, RPCError, TimeoutError) as error:
                if time.monotonic() > deadline:
                    self._note(f"no answer: {do} {what} {detail}: {error}")
                    self._acts.append(Act(sent, do, what, detail))
                    return
                await asyncio.sleep(_AGAIN)
            else:
                self._acts.append(Act(sent, do, what, detail, self._clock()))
                return

    def _key(self, name: str) -> str:
        return f"{self._namespace}/{name}"

    def _template(self, name: str, version: int) -> dict[str, Any]:
        return template_of(name, self._kinds[self._key(name)], version, self._namespace)

    # -- the end ----------------------------------------------------------------------------------------------

    async def _settle(self, seconds: float) -> list[str]:
        """What is still wrong although nothing has changed for so many seconds; empty as soon as nothing is wrong."""
        deadline = time.monotonic() + seconds
        at_most = time.monotonic() + SETTLES_AT_MOST
        well_since: float | None = None
        before: list[str] = []
        while True:
            began = time.monotonic()
            try:
                wrong = wrong_at_the_end(await self._ending())
            except (ArgosyError, RPCError, OSError) as error:
                wrong = [f"what is there cannot be read: {error}"]
            now = time.monotonic()
            if wrong != before:
                # A slow machine gets the time it needs as long as it gets on.
                before, deadline = wrong, min(now + seconds, at_most)
                self._note(f"still wrong: {'; '.join(wrong)}" if wrong else "as it should be")
            if wrong:
                well_since = None
                if now > deadline:
                    return wrong
            elif well_since is None:
                well_since = now
            elif now - well_since >= STAYS:
                return []
            # Looking is not to take more of the machine than what is looked at.
            await asyncio.sleep(max(_AGAIN, now - began))

    async def _ending(self) -> Ending:
        rig = self._rig
        failed = await rig.failed_since(self._wall)
        wanted = expected(self._kinds, self._acts, failed=failed)
        refs = {key: ref_of(self._template(key.partition("/")[2], 0)) for key in wanted}
        records = {key: found for key, ref in refs.items() if (found := await self._record(ref)) is not None}
        claims = {}
        async for execution in rig.session.client.list_workflows(
            'WorkflowType = "Propagation" AND ExecutionStatus = "Running"'
        ):
            status = await execution.memo_value(attributes.STATUS, None, type_hint=PropagationStatus)
            claims[execution.id] = frozenset(status.clusters if status else ())
        # The lists lag behind; what is read consistently counts.
        for key, record in records.items():
            claims[id_of(refs[key])] = frozenset(record.copies) if record.running else frozenset()
        return Ending(wanted, records, claims, await rig.copies(), await rig.phases())

    async def _record(self, ref: ResourceRef) -> Recorded | None:
        try:
            observed = await self._rig.session.observe(ref)
        except NotFound:
            return None
        copies = {
            member: RecordedCopy(str(copy.phase), copy.revision, copy.pass_number, copy.replicas)
            for member, copy in observed.status.clusters.items()
        }
        status = observed.status
        left = frozenset(status.left)
        return Recorded(str(status.phase), status.message, observed.running, copies, left)

    async def _clean_up(self) -> None:
        async def delete(key: str) -> None:
            with suppress(NotFound, ArgosyError, RPCError):
                ref = ref_of(self._template(key.partition("/")[2], 0))
                await self._rig.session.delete(ref, orphan=(), preserve=False)

        await asyncio.gather(*map(delete, self._kinds))


def _earlier(act: Act, shift: float) -> Act:
    answered = None if act.answered is None else act.answered - shift
    return Act(act.sent - shift, act.do, act.what, act.detail, answered)


def slowness() -> float:
    """How much longer than on a machine that has nothing else to do everything may take; 1 at least."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def expected(
    kinds: dict[str, str], acts: list[Act], *, failed: frozenset[str] = frozenset()
) -> dict[str, Wanted]:
    """What users may expect of every template, by what they did, in the order in which they did it.

    Args:
        failed: members that were not ready for some time.
    """
    narrowed: dict[str, str] = {}
    for act in acts:
        if act.do in {"narrow", "widen"}:
            narrowed[act.what] = act.detail if act.do == "narrow" else ""
    found = {}
    for key, kind in kinds.items():
        versions: frozenset[int] = frozenset()
        gone: bool | None = None
        done = [act for act in acts if act.what == key and act.do in {"submit", "update", "delete"}]
        for act in done:
            if act.do == "delete":
                gone = True if act.answered is not None else None
            elif act.answered is not None:
                versions, gone = frozenset({int(act.detail)}), False
            else:
                versions |= {int(act.detail)}
        if done:
            clusters = frozenset(MEMBERS) - {narrowed.get(kind, "")}
            found[key] = Wanted(kind, versions, gone, clusters, failed | _asked_away(key, acts))
    return found


def _asked_away(key: str, acts: list[Act]) -> frozenset[str]:
    """Members that a person wanted the template to leave, and has not let it return to."""
    away: set[str] = set()
    for act in sorted(acts, key=lambda one: one.sent):
        if act.do == "failover":
            away.add(act.what)
        elif act.do == "move" and act.what == key:
            away.add(act.detail)
        elif act.answered is not None and act.do == "recover":
            away.discard(act.what)
        elif act.answered is not None and act.do == "return" and act.what == key:
            away.discard(act.detail)
    return frozenset(away)
