"""Messages that arrive exactly at a continue-as-new: none is lost, none acts twice."""

from __future__ import annotations

import asyncio
import random
import uuid

import pytest

from argosy.api.ids import policies_id
from argosy.api.manifest import ResourceRef
from argosy.api.messages import PoliciesChanged
from argosy.api.policyset import PolicySetState, WaitForPolicy
from argosy.api.propagation import Phase
from tests.workflows.stage import Stage, plan_for

pytestmark = pytest.mark.timeout(180)

TRIALS = 200
WRITERS = 4


async def test_two_hundred_edits_of_one_template_are_all_kept_in_order(stage: Stage) -> None:
    """Every edit rolls the entity over while others arrive; revisions are the ledger of what was accepted."""
    stage.plan = lambda request: plan_for("a", digest=f"d{request.revision}", seen={"policies/default": 0})
    handle, _ = await stage.submit("raced", key="0")
    accepted: dict[int, str] = {}

    async def write(writer: int) -> None:
        for number in range(TRIALS // WRITERS):
            value = f"{writer}-{number}"
            _, revision = await stage.submit("raced", key=value)
            assert revision not in accepted, "two edits were given one revision"
            accepted[revision] = value

    await asyncio.gather(*(write(writer) for writer in range(WRITERS)))
    assert sorted(accepted) == list(range(2, TRIALS + 2))
    last = TRIALS + 1
    await stage.until(handle, lambda s: s.revision == last and s.phase == Phase.APPLIED)
    ref = ResourceRef(api_version="v1", kind="ConfigMap", namespace="default", name="raced")
    start = await stage.session.state(ref)
    assert f'"key":"{accepted[last]}"' in start.template
    for entry in start.state.ledger:
        assert entry.template is not None
        assert f'"key":"{accepted[entry.revision]}"' in entry.template


async def test_two_hundred_notices_amid_edits_are_all_seen(stage: Stage) -> None:
    """Signals at random moments around run changes: the last generation is always planned against."""
    known = {"generation": 0}
    stage.plan = lambda request: plan_for(
        "a",
        digest=f"d{request.revision}-{known['generation']}",
        seen={"policies/default": known["generation"]},
    )
    handle, _ = await stage.submit("noticed", key="0")
    chance = random.Random(7)

    async def notices() -> None:
        for generation in range(1, TRIALS + 1):
            known["generation"] = generation
            await handle.signal(
                "policies_changed", PoliciesChanged(policy_set="policies/default", generation=generation)
            )
            await asyncio.sleep(chance.uniform(0, 0.01))

    async def edits() -> None:
        for number in range(TRIALS // 10):
            await stage.submit("noticed", key=f"{number + 1}")
            await asyncio.sleep(chance.uniform(0, 0.05))

    await asyncio.gather(notices(), edits())
    ref = ResourceRef(api_version="v1", kind="ConfigMap", namespace="default", name="noticed")
    # Two hundred runs in the full sandbox take their time on a slow machine.
    await stage.until(
        handle, lambda s: s.revision == TRIALS // 10 + 1 and s.phase == Phase.APPLIED, seconds=100
    )
    async with asyncio.timeout(60):
        while True:
            last = stage.applied[-1]
            if last.digest == f"d{TRIALS // 10 + 1}-{TRIALS}":
                break
            await asyncio.sleep(0.05)
    shown = (await stage.session.observe(ref)).status
    assert (shown.revision, shown.phase) == (TRIALS // 10 + 1, Phase.APPLIED)


async def test_two_hundred_policy_edits_and_waiting_templates_meet(stage: Stage) -> None:
    """Whoever registers with a generation that is already old is told; whoever is up to date waits."""
    namespace = f"ns-{uuid.uuid4().hex[:8]}"
    generations: list[int] = []

    async def edit(writer: int) -> None:
        for number in range(TRIALS // WRITERS // 2):
            policy = {
                "apiVersion": "policy.karmada.io/v1alpha1",
                "kind": "PropagationPolicy",
                "metadata": {"name": f"p{writer}-{number}", "namespace": namespace},
                "spec": {"resourceSelectors": [{"apiVersion": "v1", "kind": "ConfigMap"}]},
            }
            answer = await stage.session.edit_policies(namespace, put=[policy])
            generations.append(answer.generation)

    async def wait() -> None:
        handle = stage.client.get_workflow_handle(policies_id(namespace))
        for number in range(TRIALS // 2):
            await handle.signal(
                "wait_for_policy", WaitForPolicy(propagation=f"propagation/x/{number}", seen=0)
            )
            await asyncio.sleep(0.005)

    await stage.session.edit_policies(namespace, delete=[("PropagationPolicy", "none")])
    await asyncio.gather(*(edit(writer) for writer in range(WRITERS)), wait())
    total = TRIALS // WRITERS // 2 * WRITERS
    assert sorted(generations) == list(range(1, total + 1))
    state: PolicySetState = await stage.session.policies(namespace)
    assert len(state.policies) == total
    expected = {f"propagation/x/{number}" for number in range(TRIALS // 2)}
    async with asyncio.timeout(60):
        while not expected <= {name for request in stage.notified for name in request.waiters}:
            await asyncio.sleep(0.05)
