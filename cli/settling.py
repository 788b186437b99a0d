"""What `argosy apply --wait` waits for: the templates that were handed in, and what a change of policies moves.

Policy sets tell propagations by signals, which are on record before the activity that sends them ends. So nobody has
to be waited for any more who was told by a set at rest, and is at rest himself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from activities import attributes
from argosy.api.ids import policies_id
from argosy.api.manifest import ResourceRef
from argosy.api.policyset import PolicySetStatus, concerned_kinds
from argosy.api.propagation import Phase, PropagationStatus
from cli.observing import Observed, is_busy
from cli.runtime import TimedOut
from cli.session import Session
from cli.targets import is_resting, settled
from cli.waiting import wait_for

INTERVAL = 0.2
_OPEN = 'WorkflowType = "Propagation" AND ExecutionStatus = "Running"'


@dataclass(frozen=True)
class Before:
    """The propagations that a change of policies may concern, as they were before it: revision and pass of each."""

    scopes: Mapping[str | None, tuple[str, ...] | None]
    stamps: Mapping[ResourceRef, tuple[int, int]]

    def is_as_before(self, observed: Observed) -> bool:
        """Whether a propagation still follows the same plan."""
        return self.stamps.get(observed.status.ref) == _stamp(observed.status)


async def look_before(session: Session, policies: Mapping[str | None, Sequence[dict[str, Any]]]) -> Before:
    """Look at what policies that are about to be stored may concern.

    Args:
        policies: by scope, as they will be.
    """
    scopes: dict[str | None, tuple[str, ...] | None] = {}
    for scope, manifests in policies.items():
        names = {(one["kind"], one["metadata"]["name"]) for one in manifests}
        stored = (await session.policies(scope)).policies
        replaced = [one.manifest for one in stored if (one.kind, one.name) in names]
        scopes[scope] = concerned_kinds([*manifests, *replaced])
    listed = await _listed(session, scopes)
    return Before(scopes, {one.ref: _stamp(one) for one in listed})


async def templates_settled(
    session: Session,
    revisions: Mapping[ResourceRef, int],
    *,
    defined: Collection[tuple[str, str]] = (),
    timeout: float,
) -> list[Observed]:
    """Wait until every template has settled, or certainly only waits for a policy that matches it.

    Args:
        revisions: what each has to have come to at least.
        defined: groups and kinds that clusters will serve once definitions have arrived that were handed in, too.

    Raises:
        TimedOut: some have not, in time.
    """
    clock = asyncio.get_running_loop().time
    deadline = clock() + timeout

    def left() -> float:
        return round(deadline - clock(), 1)

    def has_settled(one: Observed) -> bool:
        ref = one.status.ref
        if one.status.phase == Phase.UNSCHEDULABLE and (ref.group, ref.kind) in defined:
            return False
        return settled(one, revision=revisions[ref]) or is_stuck(one)

    def is_stuck(one: Observed) -> bool:
        return has_no_policy(one) and not one.busy and one.status.revision >= revisions[one.status.ref]

    while True:
        observed = await wait_for(session, list(revisions), done=has_settled, timeout=left())
        stuck = [one.status.ref for one in observed if is_stuck(one)]
        if not stuck:
            return observed
        # A policy may be on its way to them, or a workload that needs them; then they are not at rest afterwards.
        scopes = dict.fromkeys([None, *(ref.namespace for ref in stuck)], 0)
        await everybody_told(session, scopes, timeout=left())
        await wait_for(session, list(revisions), done=lambda one: not one.busy, timeout=left())
        again = {ref: await session.observe(ref) for ref in stuck}
        if all(is_stuck(one) for one in again.values()):
            return [again.get(one.status.ref, one) for one in observed]


def has_no_policy(observed: Observed) -> bool:
    """Whether a template waits for a policy that matches it."""
    status = observed.status
    return observed.running and status.phase == Phase.WAITING and status.policy is None


def kinds_defined(templates: Iterable[dict[str, Any]]) -> set[tuple[str, str]]:
    """Groups and kinds that CustomResourceDefinitions among these define."""
    specs = [one.get("spec") or {} for one in templates if one.get("kind") == "CustomResourceDefinition"]
    return {(spec.get("group", ""), (spec.get("names") or {}).get("kind", "")) for spec in specs}


async def changed_by(
    session: Session, before: Before, generations: Mapping[str | None, int], *, timeout: float
) -> list[Observed]:
    """Wait until all that policies concern have acted upon them; the ones that follow another plan now.

    Args:
        generations: of each scope that was edited, the one that everybody has to be told of.

    Raises:
        TimedOut: some have not, in time.
    """
    await everybody_told(session, generations, timeout=timeout)
    listed = await _listed(session, before.scopes)
    refs = list(dict.fromkeys([*before.stamps, *(one.ref for one in listed)]))
    observed = await wait_for(
        session,
        refs,
        done=lambda one: not one.busy and (is_resting(one) or before.is_as_before(one)),
        timeout=timeout,
    )
    return [one for one in observed if one.running and not before.is_as_before(one)]


async def everybody_told(session: Session, generations: Mapping[str | None, int], *, timeout: float) -> None:
    """Wait until the policy sets of these scopes have told whom it concerns of these generations, or of later ones.

    Raises:
        TimedOut: they have not, in time.
    """
    try:
        async with asyncio.timeout(timeout):
            for scope, generation in generations.items():
                while not await _has_told(session, scope, generation):
                    await asyncio.sleep(INTERVAL)
    except TimeoutError:
        raise TimedOut(
            f"not everybody was told of the policies within {timeout:g} s; it goes on in the background"
        ) from None


async def _has_told(session: Session, scope: str | None, generation: int) -> bool:
    described = await session.describe(policies_id(scope))
    if described is None:
        return True
    status = await described.memo_value(attributes.STATUS, None, type_hint=PolicySetStatus)
    return not is_busy(described) and status is not None and status.generation >= generation


async def _listed(
    session: Session, scopes: Mapping[str | None, tuple[str, ...] | None]
) -> Iterable[PropagationStatus]:
    found: dict[ResourceRef, PropagationStatus] = {}
    for scope, kinds in scopes.items():
        if kinds == ():
            continue
        where = "" if scope is None else f' AND {attributes.NAMESPACE.name} = "{scope}"'
        if kinds is not None:
            quoted = ", ".join(f'"{kind}"' for kind in kinds)
            where += f" AND {attributes.KIND.name} IN ({quoted})"
        async for one in session.propagations(_OPEN + where):
            found[one.ref] = one
    return found.values()


def _stamp(status: PropagationStatus) -> tuple[int, int]:
    return status.revision, status.pass_number
