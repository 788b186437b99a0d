"""`argosy cluster recover`: which templates return to a cluster, shown before they do."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from activities.decide import decide
from activities.failback import staying_away
from activities.fleet import Fleets
from activities.placing import Occasion
from activities.policies import PolicyView, choose
from activities.runs import RunInputs
from activities.snapshot import ClusterSnapshot
from argosy.api.cluster import Cluster
from argosy.api.ids import policies_id
from argosy.api.membership import FAILOVER_NOW_TAINT, FAILOVER_TAINT
from argosy.api.messages import Steer
from argosy.api.propagation import PropagationStatus
from argosy.api.steering import SteerAction, SteerCluster
from argosy.errors import Refused
from cli.membership import steered
from cli.options import Output
from cli.output import console, emit, plain, table
from cli.session import Session

PREVIEWED = 50
"""Templates that are placed for the preview; the rest is counted."""


@dataclass(frozen=True)
class Return:
    """One template: where it is, and where it would be."""

    ref: str
    now: dict[str, int | None]
    then: dict[str, int | None]


async def recover(
    session: Session, name: str, order: Steer, *, confirmed: bool, dry_run: bool, output: Output
) -> int:
    """Show what returns, ask, and let it return in waves.

    Raises:
        NotFound: no such cluster is joined.
        Refused: somebody has to confirm, and nobody can be asked.
    """
    await session.require_worker()
    away = await staying_away(session.client, name)
    returns = await _previewed(session, name, away)
    grid = table("object", "now in", "then in")
    for one in returns:
        grid.add_row(plain(one.ref), plain(_shares(one.now)), plain(_shares(one.then)))
    items = [{"object": one.ref, "now": one.now, "then": one.then} for one in returns]
    emit(
        output,
        items=items,
        names=[one.ref for one in returns],
        grid=grid,
        empty="Nothing stays away from it.",
    )
    if len(away) > len(returns):
        console().print(f"… and {len(away) - len(returns)} more")
    if dry_run:
        return 0
    if returns and not confirmed:
        if not sys.stdin.isatty():
            raise Refused(f"{len(away)} templates would return to {name}; confirm with --yes")
        sys.stdout.write(f"Let them return, {order.wave} at a time? [y/N] ")
        sys.stdout.flush()
        if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
            raise Refused("nothing was changed")
    await steered(session, name, SteerCluster(action=SteerAction.RECOVER, order=order))
    sys.stdout.write(
        f"cluster {name} recovers: {len(away)} templates return, {order.wave} at a time; "
        f"see `argosy cluster get {name}`\n"
    )
    return 0


async def _previewed(session: Session, name: str, away: Mapping[str, PropagationStatus]) -> list[Return]:
    fleet = await Fleets(RunInputs(session.client)).of(await ClusterSnapshot(session.client).clusters())
    fleet = {known: _unmarked(cluster) if known == name else cluster for known, cluster in fleet.items()}
    views: dict[str | None, PolicyView] = {}
    found = []
    for status in list(away.values())[:PREVIEWED]:
        scopes = (None, status.ref.namespace)
        for scope in scopes:
            if scope not in views:
                views[scope] = PolicyView.of(await session.policies(scope))
        policies = {policies_id(scope): views[scope] for scope in scopes}
        template = json.loads((await session.state(status.ref)).template)
        plan = decide(
            template,
            views=policies,
            chosen=choose(template, policies, status.policy),
            fleet=fleet,
            previous=None,
            occasion=Occasion(now=datetime.now(UTC), behaviour=session.settings.behaviour),
        )
        now = {cluster: target.replicas for cluster, target in status.clusters.items() if not target.eviction}
        then = {target.cluster: target.replicas for target in plan.targets}
        found.append(Return(str(status.ref), now, then))
    return found


def _unmarked(cluster: Cluster) -> Cluster:
    """The cluster as it is when its failover has ended."""
    taints = tuple(one for one in cluster.spec.taints if one.key not in {FAILOVER_TAINT, FAILOVER_NOW_TAINT})
    return cluster.model_copy(update={"spec": cluster.spec.model_copy(update={"taints": taints})})


def _shares(placement: Mapping[str, int | None]) -> str:
    shown = [name if count is None else f"{name}: {count}" for name, count in sorted(placement.items())]
    return ", ".join(shown) or "-"
