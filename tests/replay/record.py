"""Record histories of today: `python -m tests.replay.record [SCENARIO…]`. Old ones stay, to be replayed for ever."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from temporalio.exceptions import ApplicationError

from activities.connection import connect, initialise
from activities.contracts import Inspected, Observation, TaintedBy, TaintVerdict
from activities.exits import leave_after
from argosy import __version__
from argosy.api.cluster_connection import ConnectionReference
from argosy.api.conditions import watching_condition
from argosy.api.eviction import Eviction, Moving, PurgeMode
from argosy.api.health import Assessment, ObjectHealth
from argosy.api.ids import cluster_id, id_of, policies_id
from argosy.api.manifest import ResourceRef
from argosy.api.membership import ClusterSettings, Edit, Health, Unjoin
from argosy.api.messages import ClusterEvent, PoliciesChanged, Required, Steer, StuckReplicas
from argosy.api.meta import Taint
from argosy.api.observation import CopyObservation, Observed
from argosy.api.plan import Plan
from argosy.api.policyset import WaitForPolicy
from argosy.api.propagation import Phase, PropagationInput, PropagationState, TargetPhase
from argosy.api.steering import Approval
from argosy.config import Settings
from argosy.errors import Unreachable
from cli.connection import new_id
from cli.membership import joined
from devcluster.temporal import TemporalServer
from tests.workflows.stage import Stage, lost, permanent, plan_for

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


async def needed_propagation(stage: Stage) -> str:
    """Is needed before it is submitted, moves with a workload, needs others itself, and is let go of in the end."""
    ref = ResourceRef(api_version="v1", kind="ConfigMap", namespace="default", name="needed")
    other = ref.model_copy(update={"name": "other"})
    needing = Required(by="propagation/default/Deployment.apps/w", clusters=("a",))
    handle = await stage.client.start_workflow(
        "Propagation",
        PropagationInput(template="", state=PropagationState(ref=ref, revision=0)),
        id=id_of(ref),
        task_queue=stage.session.settings.task_queue,
        start_signal="required",
        start_signal_args=[needing],
    )
    await stage.until(handle, lambda s: s.phase == Phase.WAITING)
    stage.applies_along = True
    stage.plan = lambda _: plan_for("a", dependencies={id_of(other): other}, strategy="Aggregated")
    await stage.submit("needed", key="1")
    await stage.until(handle, lambda s: s.revision == 1 and s.phase == Phase.APPLIED)
    await handle.signal("replicas_stuck", StuckReplicas(cluster="a", replicas=1))
    await stage.session.reschedule(ref)
    stage.plan = lambda _: plan_for("b", digest="d2")
    await handle.signal("required", Required(by=needing.by, clusters=("b",)))
    await stage.until(handle, lambda s: set(s.clusters) == {"b"} and s.phase == Phase.APPLIED)
    await stage.session.delete(ref, orphan=(), preserve=False)
    await stage.until(handle, lambda s: s.revision == 0)
    await handle.signal("required", Required(by=needing.by))
    await handle.result()
    return handle.id


async def interrupted_propagation(stage: Stage) -> str:
    """Begins anew after a worker was lost, finds what that one left, and fits nowhere at first."""
    ref = ResourceRef(api_version="v1", kind="ConfigMap", namespace="default", name="interrupted")
    handle = await lost(stage.client, stage.session.settings.task_queue, ref)
    stage.stranded = {"old": "uid-old"}
    stage.plan = lambda _: plan_for(unschedulable="no room", retry=True, message="no room")
    async with stage:
        await stage.until(handle, lambda s: s.phase == Phase.UNSCHEDULABLE)
        stage.plan = lambda _: plan_for("a")
        await handle.signal("policies_changed", PoliciesChanged(policy_set="policies/default", generation=1))
        await stage.until(handle, lambda s: s.counts == {"Applied": 1})
    return handle.id


async def hurried_propagation(stage: Stage) -> str:
    """An attempt is called back and never hears of it, as if its worker were dead; the next one succeeds."""
    stage.hanging.add("c")
    handle, _ = await stage.submit("hurried", key="1")
    await stage.until(handle, lambda s: s.counts == {"Applied": 2, "Pending": 1})
    ref = ResourceRef(api_version="v1", kind="ConfigMap", namespace="default", name="hurried")
    await stage.session.retry(ref, clusters=("c",))
    stage.hanging.clear()
    await stage.until(handle, lambda s: s.phase == Phase.APPLIED, seconds=20)
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


async def steered_cluster(stage: Stage) -> str:
    """Fails and is tainted by policy, is steered by signals, gets new APIs, and leaves."""
    settings = ClusterSettings(connection=ConnectionReference(kubeconfig="/kubeconfig"))
    await joined(stage.session, "steered", settings, timeout=20)
    handle = stage.client.get_workflow_handle(cluster_id("steered"))
    mark = Taint(key="example.com/down", effect="NoSchedule")
    stage.tainting = {
        "False": TaintVerdict(changes=(TaintedBy(taint=mark, policy="p", added=True),)),
        "True": TaintVerdict(changes=(TaintedBy(taint=mark, policy="p", added=False),)),
    }
    dead = Health(ready=False, reason="ClusterNotReachable", message="cluster is not reachable")
    blind = watching_condition("Unknown", "ClusterNotReachable", "the cluster is not ready")
    await stage.observations["steered"].put(Observation(health=dead, conditions=(blind,)))
    await asyncio.sleep(1)
    await handle.signal("failover", Steer(request_id="1", reason="it is dead"))
    await handle.signal("hold", Steer(request_id="2"))
    await handle.signal("hold", Steer(request_id="2"))
    await handle.signal("resume", Steer(request_id="3"))
    well = Health(ready=True, reason="ClusterReady", message="cluster is healthy")
    alive = watching_condition("True", "WatchesAlive", "changes are seen")
    facts = stage.inspected.facts.model_copy(update={"enablements_digest": "more"})
    await stage.observations["steered"].put(
        Observation(health=well, inspected=Inspected(facts=facts), conditions=(alive,))
    )
    await asyncio.sleep(1)
    await handle.signal("recover", Steer(request_id="4"))
    await handle.signal("policies_changed", PoliciesChanged(policy_set="policies/_", generation=1))
    await asyncio.sleep(1)
    await handle.execute_update("unjoin", Unjoin(request_id=new_id()))
    await handle.result()
    return handle.id


async def moving_propagation(stage: Stage) -> str:
    """Moves away from a dead cluster behind a fence, is steered, keeps a copy until that is let go of, and returns."""
    gone = Eviction(since=datetime.now(UTC), why="it does not answer")
    fenced = Moving(fenced=True)
    stage.plan = lambda _: plan_for("a", "b", moving=fenced)
    handle, _ = await stage.submit("moving", key="1")
    await stage.until(handle, lambda s: s.phase == Phase.APPLIED)
    stage.plan = lambda _: plan_for("a", "c", moving=fenced, evicting={"b": gone})
    await handle.signal("cluster_event", ClusterEvent(cluster="b", kind="NotReady", epoch=2, ready=False))
    await stage.until(handle, lambda s: s.awaited == ("b",))
    await handle.execute_update("approve", Approval(request_id="1"), result_type=tuple[str, ...])
    await stage.until(handle, lambda s: s.counts == {"Applied": 2, "Evicting": 1})
    kept = gone.model_copy(update={"purge": PurgeMode.NEVER, "answers": True})
    stage.plan = lambda _: plan_for("c", evicting={"a": kept, "b": gone})
    await handle.signal("failover", Steer(request_id="2", cluster="a", now=True))
    await stage.until(handle, lambda s: s.clusters["a"].phase == TargetPhase.EVICTING)
    stage.plan = lambda _: plan_for("c", evicting={"a": kept, "b": gone.model_copy(update={"answers": True})})
    await handle.signal("cluster_event", ClusterEvent(cluster="b", kind="Ready", epoch=3, ready=True))
    well = Assessment(health=ObjectHealth.HEALTHY)
    copies = {
        name: CopyObservation(uid=f"uid-{name}", version="200", fields="ours", assessment=well)
        for name in ("b", "c")
    }
    await handle.signal("observed", Observed(copies=copies))
    await stage.until(handle, lambda s: sorted(s.clusters) == ["a", "c"])
    await handle.execute_update("approve", Approval(request_id="3"), result_type=tuple[str, ...])
    await stage.until(handle, lambda s: sorted(s.clusters) == ["c"])
    stage.plan = lambda _: plan_for("a", "c")
    await handle.signal("hold", Steer(request_id="4"))
    await handle.signal("recover", Steer(request_id="5"))
    await stage.until(handle, lambda s: s.counts == {"Applied": 2})
    ref = ResourceRef(api_version="v1", kind="ConfigMap", namespace="default", name="moving")
    await stage.session.delete(ref, orphan=(), preserve=False)
    await handle.result()
    return handle.id


async def replanned_propagation(stage: Stage) -> str:
    """Passes that begin with their plan: applied within the first task, and where that fails, by an activity."""
    stage.plan = lambda _: plan_for("a")
    handle, _ = await stage.submit("replanned", key="1")
    await stage.until(handle, lambda s: s.phase == Phase.APPLIED)
    stage.plan = lambda _: plan_for("a", "b", digest="d2")
    await handle.signal("policies_changed", PoliciesChanged(policy_set="policies/default", generation=1))
    await stage.until(handle, lambda s: s.pass_number == 1 and s.phase == Phase.APPLIED)
    stage.failing["c"] = ApplicationError("c is busy", type="Transient")
    stage.plan = lambda _: plan_for("b", "c", digest="d3")
    await handle.signal("policies_changed", PoliciesChanged(policy_set="policies/default", generation=2))
    await stage.until(handle, lambda s: s.pass_number == 2)
    del stage.failing["c"]
    await stage.until(handle, lambda s: s.counts == {"Applied": 2})
    ref = ResourceRef(api_version="v1", kind="ConfigMap", namespace="default", name="replanned")
    await stage.session.delete(ref, orphan=(), preserve=False)
    await handle.result()
    return handle.id


async def fanned_out_propagation(stage: Stage) -> str:
    """Goes to many clusters together; one that is busy is attempted alone, and asked to hurry."""
    names = [f"m{number:02}" for number in range(30)]
    stage.plan = lambda _: plan_for(*names)
    stage.failing["m07"] = ApplicationError("m07 is busy", type="Transient")
    handle, _ = await stage.submit("fanned-out", key="1")
    await stage.until(handle, lambda s: s.counts == {"Applied": 29, "Pending": 1})
    del stage.failing["m07"]
    ref = ResourceRef(api_version="v1", kind="ConfigMap", namespace="default", name="fanned-out")
    await stage.session.retry(ref, clusters=("m07",))
    await stage.until(handle, lambda s: s.phase == Phase.APPLIED)
    stage.plan = lambda _: plan_for(*names[:20], digest="d2")
    await stage.submit("fanned-out", key="2")
    await stage.until(handle, lambda s: s.revision == 2 and s.counts == {"Applied": 20})
    return handle.id


async def surprised_propagation(stage: Stage) -> str:
    """Is told of a change before its first task, whose attempts it waits for before it plans anew.

    What a release recorded that did not wait is in overlapping_propagation-0.json.
    """
    ref = ResourceRef(api_version="v1", kind="ConfigMap", namespace="default", name="surprised")
    state = PropagationState(ref=ref, digest="d", revision=1)
    stage.plan = lambda _: plan_for("a", "b")
    stage.hanging.add("b")
    handle = await stage.client.start_workflow(
        "Propagation",
        PropagationInput(template="{}", state=state, plan=plan_for("a", "b"), at_once=True, together=True),
        id=id_of(ref),
        task_queue=stage.session.settings.task_queue,
        start_signal="policies_changed",
        start_signal_args=[PoliciesChanged(policy_set="policies/default", generation=1)],
    )
    await asyncio.sleep(0.5)
    stage.hanging.clear()
    await stage.until(handle, lambda s: s.counts == {"Applied": 2})
    return id_of(ref)


SCENARIOS = (
    busy_propagation,
    waiting_propagation,
    needed_propagation,
    interrupted_propagation,
    policy_set,
    cluster,
    steered_cluster,
    moving_propagation,
    replanned_propagation,
    fanned_out_propagation,
    hurried_propagation,
    surprised_propagation,
)


async def record(names: Sequence[str]) -> None:
    """Play the scenarios of these names, or all, and save each run's history."""
    directory = HISTORIES / __version__
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        server = TemporalServer(Path(temporary), ui=False)
        server.start()
        client = await connect(Settings(), address=server.address)
        await initialise(client)
        for scenario in (one for one in SCENARIOS if not names or one.__name__ in names):
            stage = Stage(client, task_queue=f"record-{scenario.__name__}")
            # One that is interrupted loses a worker before the stage has its own.
            async with contextlib.nullcontext() if scenario is interrupted_propagation else stage:
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


def main() -> None:
    """Record the scenarios that are named, or all."""
    asyncio.run(record(sys.argv[1:]))
    sys.stdout.write(f"recorded {len(list(HISTORIES.rglob('*.json')))} histories\n")


def _portable(value: Any) -> Any:
    """The history without stack traces, which name paths of this machine and mean nothing to a replay."""
    if isinstance(value, dict):
        return {key: _portable(inner) for key, inner in value.items() if key != "stackTrace"}
    return [_portable(inner) for inner in value] if isinstance(value, list) else value


if __name__ == "__main__":
    leave_after(main)
