"""The demo's last step: a cluster that stays away loses its share, and gets it back when somebody says so."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from argosy.api.ids import cluster_id
from argosy.api.manifest import ref_of
from argosy.api.membership import ClusterSettings
from argosy.api.messages import Steer
from argosy.api.propagation import TargetPhase
from argosy.api.steering import SteerAction, SteerCluster
from cli.connection import new_id
from cli.demo_stage import STEP_TIMEOUT, Stage, heading, images, pause, say
from cli.observing import Observed
from cli.output import console
from cli.pages import steps_table
from cli.targets import status_table
from cli.waiting import wait_for


async def fail_over(stage: Stage) -> None:
    """Kill a member for good, watch its share move, bring it back, and let the share return."""
    dead = stage.members["member3"]
    if "kwok" not in dead.parts:
        say(
            "These members run no pods, so nothing can be seen to be well elsewhere; the failover is left out."
        )
        return
    heading(f"kill -9 of {dead.name}'s API server again, and nobody repairs it")
    began = time.monotonic()
    await asyncio.to_thread(dead.kill)
    [observed] = await _until(stage, lambda o: dead.name in o.status.evict_at or _evicting(o, dead.name))
    say(f"{observed.status.message} ({time.monotonic() - began:.1f} s after the kill)")
    [observed] = await _until(
        stage, lambda o: _evicting(o, dead.name) and o.status.counts.get("Applied") == 2
    )
    console().print(status_table([observed]))
    say(f"All replicas are elsewhere {time.monotonic() - began:.1f} s after the kill; nothing was deleted.")
    pause()
    heading(f"{dead.name} is back")
    await asyncio.to_thread(lambda: dead.start(detach=True))
    say("Its old copy goes when the new ones are well.")
    [observed] = await _until(stage, lambda o: dead.name not in o.status.clusters)
    say(observed.status.message)
    pause()
    heading(f"argosy cluster recover {dead.name}: nothing returns before somebody says so")
    order = Steer(request_id=new_id(), requested_by=stage.session.actor, reason="repaired")
    request = SteerCluster(action=SteerAction.RECOVER, order=order)
    await stage.session.update(cluster_id(dead.name), "steer", request, ClusterSettings)
    [observed] = await _until(stage, lambda o: o.status.counts.get("Applied") == 3)
    images(stage)
    heading("argosy history deployment/frontend: what happened, when, and why")
    start = await stage.session.state(observed.status.ref)
    steps = [*start.state.steps, *(one for one in observed.status.steps if one not in start.state.steps)]
    console().print(steps_table(steps))
    pause()


def _evicting(observed: Observed, cluster: str) -> bool:
    target = observed.status.clusters.get(cluster)
    return target is not None and target.phase == TargetPhase.EVICTING


async def _until(stage: Stage, done: Callable[[Observed], bool]) -> list[Observed]:
    return await wait_for(stage.session, [ref_of(stage.frontend)], done=done, timeout=STEP_TIMEOUT)
