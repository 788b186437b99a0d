"""Taint policies and the entity of a cluster: looked at when a condition changes and when a policy does."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from activities.contracts import Inspected, Observation, TaintedBy, TaintVerdict
from argosy.api.conditions import ClusterCondition, nodes_condition, watching_condition
from argosy.api.ids import cluster_id
from argosy.api.membership import ClusterSettings, Edit, Health
from argosy.api.messages import PoliciesChanged
from argosy.api.meta import Taint
from argosy.api.policyset import PolicySetState
from cli.connection import new_id
from cli.membership import joined
from tests.workflows.stage import Stage, permanent
from tests.workflows.test_cluster import named, settings, until

pytestmark = pytest.mark.timeout(60)

WELL = Health(ready=True, reason="ClusterReady")
SICK = Health(ready=False, reason="ClusterNotReachable", message="cluster is not reachable")
MARK = Taint(key="broken", effect="NoExecute")
CHANGED = PoliciesChanged(policy_set="policies/_", generation=1)


def verdict(*, added: bool) -> TaintVerdict:
    return TaintVerdict(changes=(TaintedBy(taint=MARK, policy="p", added=added),))


def seen(health: Health, *conditions: ClusterCondition) -> Observation:
    judged = conditions or (watching_condition("True" if health.ready else "Unknown", "r", "m"),)
    return Observation(health=health.model_copy(update={"since": datetime.now(UTC)}), conditions=judged)


async def test_taints_come_and_go_with_a_condition_and_name_their_policy(stage: Stage) -> None:
    name = named()
    await joined(stage.session, name, settings(), timeout=20)
    stage.tainting = {"False": verdict(added=True), "True": verdict(added=False)}
    await stage.observations[name].put(seen(SICK))
    status = await until(stage, name, lambda s: bool(s.settings.taints))
    assert (status.settings.taints[0].key, status.settings.taints[0].effect) == ("broken", "NoExecute")
    assert status.settings.taints[0].time_added is not None
    await stage.observations[name].put(seen(WELL))
    status = await until(stage, name, lambda s: s.health.ready and not s.settings.taints)
    assert [(step.what, step.by) for step in status.steps] == [
        ("Joined", status.steps[0].by),
        ("NotReady", "monitor"),
        ("Taint broken:NoExecute added", "ClusterTaintPolicy p"),
        ("Ready", "monitor"),
        ("Taint broken:NoExecute removed", "ClusterTaintPolicy p"),
    ]
    looked = [one.conditions["Ready"] for one in stage.evaluated if one.name == name]
    assert looked == ["False", "True"]


async def test_a_changed_policy_is_looked_at_without_any_other_change(stage: Stage) -> None:
    name = named()
    await joined(stage.session, name, settings(), timeout=20)
    stage.tainting = {"True": verdict(added=True)}
    await stage.client.get_workflow_handle(cluster_id(name)).signal("policies_changed", CHANGED)
    status = await until(stage, name, lambda s: bool(s.settings.taints))
    assert status.epoch == 2


async def test_a_taint_that_a_person_has_set_meanwhile_is_theirs(stage: Stage) -> None:
    name = named()
    await joined(stage.session, name, settings(), timeout=20)
    handle = stage.client.get_workflow_handle(cluster_id(name))
    stage.tainting = {"True": verdict(added=True)}
    mine = MARK.model_copy(update={"value": "mine"})
    edit = Edit(request_id=new_id(), requested_by="ada", taint=(mine,))
    before = await handle.execute_update("edit", edit, result_type=ClusterSettings)
    await handle.signal("policies_changed", CHANGED)
    async with asyncio.timeout(10):
        while name not in {one.name for one in stage.evaluated}:
            await asyncio.sleep(0.02)
    after = await handle.execute_update("edit", Edit(request_id=new_id()), result_type=ClusterSettings)
    assert after.taints == before.taints


async def test_policies_that_cannot_be_looked_at_stop_nothing(stage: Stage) -> None:
    name = named()
    await joined(stage.session, name, settings(), timeout=20)
    handle = stage.client.get_workflow_handle(cluster_id(name))
    stage.failing[f"taints of {name}"] = permanent("Internal", "a defect")
    await handle.signal("policies_changed", CHANGED)
    await asyncio.sleep(0.5)
    del stage.failing[f"taints of {name}"]
    stage.tainting = {"True": verdict(added=True)}
    await handle.signal("policies_changed", CHANGED)
    await until(stage, name, lambda s: bool(s.settings.taints))


async def test_what_was_asked_before_continuing_as_new_is_answered_afterwards(stage: Stage) -> None:
    name = named()
    await joined(stage.session, name, settings(), timeout=20)
    handle = stage.client.get_workflow_handle(cluster_id(name))
    stage.hanging.add(f"taints of {name}")
    await handle.signal("policies_changed", CHANGED)
    await asyncio.sleep(0.5)
    facts = stage.inspected.facts.model_copy(update={"enablements_digest": "more"})
    await stage.observations[name].put(
        Observation(health=WELL, inspected=Inspected(facts=facts), conditions=())
    )
    async with asyncio.timeout(15):
        while await stage.runs(cluster_id(name)) != 2:
            await asyncio.sleep(0.05)
    stage.hanging.clear()
    stage.tainting = {"True": verdict(added=True)}
    await until(stage, name, lambda s: bool(s.settings.taints))


async def test_conditions_are_published_and_their_changes_recorded(stage: Stage) -> None:
    name = named()
    await joined(stage.session, name, settings(), timeout=20)
    watching = watching_condition("True", "WatchesAlive", "m")
    await stage.observations[name].put(seen(WELL, nodes_condition(nodes=3, ready=3), watching))
    status = await until(stage, name, lambda s: len(s.conditions) == 2)
    assert [(one.type, one.status) for one in status.conditions] == [
        ("NodesReady", "True"),
        ("Watching", "True"),
    ]
    await stage.observations[name].put(seen(WELL, nodes_condition(nodes=3, ready=0)))
    status = await until(stage, name, lambda s: s.conditions[0].status == "False")
    assert status.steps[-1].what == "NodesReady False"
    # Whom it concerns, because of a policy, hears of the taint; of the condition itself nobody has to.
    assert status.epoch == 1


async def test_a_policy_set_tells_clusters_of_taint_policies_alone(stage: Stage) -> None:
    def policy(name: str) -> dict[str, Any]:
        return {
            "apiVersion": "policy.karmada.io/v1alpha1",
            "kind": "ClusterTaintPolicy",
            "metadata": {"name": name},
            "spec": {"taints": [{"key": "k", "effect": "NoSchedule"}]},
        }

    await stage.session.edit_policies(None, put=[policy("b")])
    last = await stage.session.edit_policies(None, put=[policy("a")])
    # An edit that comes while clusters are being told of the one before it may be told in its stead.
    async with asyncio.timeout(10):
        while last.generation not in {one.generation for one in stage.clusters_told}:
            await asyncio.sleep(0.02)
    state: PolicySetState = await stage.session.policies(None)
    stored = sorted(state.policies, key=lambda one: str(one.created_at))
    assert [one.name for one in stored if one.kind == "ClusterTaintPolicy"] == ["b", "a"]
    # No template has to plan anew.
    assert {one.kinds for one in stage.notified} <= {()}
    await stage.session.edit_policies(None, delete=[("ClusterTaintPolicy", "a"), ("ClusterTaintPolicy", "b")])
