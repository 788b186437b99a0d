"""Record histories of today's workflows: `python -m tests.replay.record`. Old ones stay, to be replayed for ever."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from activities.connection import connect, initialise
from argosy import __version__
from argosy.api.cluster_connection import ConnectionReference
from argosy.api.ids import cluster_id, policies_id
from argosy.api.manifest import ResourceRef
from argosy.api.membership import ClusterSettings, Edit, Unjoin
from argosy.api.policyset import WaitForPolicy
from argosy.api.propagation import Phase, Plan, PoliciesChanged
from argosy.config import Settings
from argosy.errors import Unreachable
from cli.connection import new_id
from cli.membership import joined
from devcluster.temporal import TemporalServer
from tests.workflows.stage import Stage, permanent, plan_for

HISTORIES = Path(__file__).parent / "histories"


async def busy_propagation(stage: Stage) -> str:
    """Fails, is retried, is edited, moves, and is deleted while a cluster is down."""
    stage.failing["b"] = permanent("Rejected", "b: no such field")
    handle, _ = await stage.submit("busy", key="1")
    await stage.until(handle, lambda s: s.phase == Phase.FAILED)
    stage.failing.clear()
    ref = ResourceRef(api_version="v1", kind="ConfigMap", namespace="default", name="busy")
    await stage.session.retry(ref, clusters=())
    await stage.until(handle, lambda s: s.phase == Phase.APPLIED)
    stage.plan = lambda _: plan_for("b", "c", digest="d2")
    await stage.submit("busy", key="2")
    await stage.until(handle, lambda s: s.revision == 2 and s.phase == Phase.APPLIED)
    stage.failing["c"] = Unreachable("c: refuses connections")
    await stage.session.delete(ref, orphan=(), preserve=False)
    await stage.until(handle, lambda s: s.phase == Phase.DELETING and s.waiting_for == ("c",))
    await stage.session.delete(ref, orphan=("c",), preserve=False)
    await handle.result()
    stage.failing.clear()
    return handle.id


async def waiting_propagation(stage: Stage) -> str:
    """Waits for its policy, and is picked up."""
    stage.plan = lambda _: Plan(message="no policy matches", seen={"policies/default": 0}, digest="none")
    handle, _ = await stage.submit("waits", key="1")
    await stage.until(handle, lambda s: s.phase == Phase.WAITING)
    stage.plan = lambda _: plan_for("a", seen={"policies/default": 1})
    await handle.signal("policies_changed", PoliciesChanged(policy_set="policies/default", generation=1))
    await stage.until(handle, lambda s: s.phase == Phase.APPLIED)
    return handle.id


async def policy_set(stage: Stage) -> str:
    """Is edited while templates wait."""
    policy = {
        "apiVersion": "policy.karmada.io/v1alpha1",
        "kind": "PropagationPolicy",
        "metadata": {"name": "p", "namespace": "recorded"},
        "spec": {"resourceSelectors": [{"apiVersion": "v1", "kind": "ConfigMap"}]},
    }
    await stage.session.edit_policies("recorded", put=[policy])
    handle = stage.client.get_workflow_handle(policies_id("recorded"))
    await handle.signal("wait_for_policy", WaitForPolicy(propagation="propagation/x", seen=1))
    await stage.session.edit_policies("recorded", delete=[("PropagationPolicy", "p")])
    await asyncio.sleep(0.5)
    return handle.id


async def cluster(stage: Stage) -> str:
    """Joins, is edited, and leaves."""
    settings = ClusterSettings(connection=ConnectionReference(kubeconfig="/kubeconfig"))
    await joined(stage.session, "recorded", settings, timeout=20)
    handle = stage.client.get_workflow_handle(cluster_id("recorded"))
    await handle.execute_update("edit", Edit(request_id=new_id(), labels={"tier": "gold"}))
    await handle.execute_update("unjoin", Unjoin(request_id=new_id()))
    await handle.result()
    return handle.id


async def record() -> None:
    """Play every scenario and save each run's history."""
    directory = HISTORIES / __version__
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        server = TemporalServer(Path(temporary), ui=False)
        server.start()
        client = await connect(Settings(), address=server.address)
        await initialise(client)
        for scenario in (busy_propagation, waiting_propagation, policy_set, cluster):
            async with Stage(client, task_queue=f"record-{scenario.__name__}") as stage:
                identifier = await scenario(stage)
            number = 0
            run_id: str = (await client.get_workflow_handle(identifier).describe()).run_id
            while run_id:
                history = await client.get_workflow_handle(identifier, run_id=run_id).fetch_history()
                path = directory / f"{scenario.__name__}-{number}.json"
                events = json.dumps(_portable(json.loads(history.to_json())), indent=1)
                path.write_text(f"{events}\n", encoding="utf-8")
                attributes = history.events[0].workflow_execution_started_event_attributes
                run_id, number = attributes.continued_execution_run_id, number + 1
        server.stop()


def _portable(value: Any) -> Any:
    """The history without stack traces, which name paths of this machine and mean nothing to a replay."""
    if isinstance(value, dict):
        return {key: _portable(inner) for key, inner in value.items() if key != "stackTrace"}
    return [_portable(inner) for inner in value] if isinstance(value, list) else value


if __name__ == "__main__":
    asyncio.run(record())
    sys.stdout.write(f"recorded {len(list(HISTORIES.rglob('*.json')))} histories\n")
