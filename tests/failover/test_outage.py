"""A whole cluster that is lost and comes back: one outage, and what becomes of every kind of workload in it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from argosy.api.propagation import PropagationStatus
from devcluster.member import FULL, Member
from tests.failover.ground import (
    Ground,
    PodCount,
    Workload,
    divided,
    in_order,
    is_well,
    place,
    report,
    running,
    step,
    steps,
    ticker,
)
from tests.health.plants import became

pytestmark = [pytest.mark.timeout(300), pytest.mark.crash]

LOST = "cdg"
POSITION = "example.com/position"
FENCED = {"argosy.dev/fencing": "Required"}
LEASE = 12
WAVES = [f"wave{number}" for number in range(5)]


@dataclass
class Outage:
    """Workloads with copies in `cdg`, before it is lost and after."""

    ground: Ground
    workloads: dict[str, Workload]
    pods: dict[str, PodCount]
    uids: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Workload:
        return self.workloads[name]

    @property
    def member(self) -> Member:
        return self.ground.member(LOST)


def uid(workload: Workload, member: str = LOST) -> str:
    return str(workload.copies()[member]["metadata"]["uid"])


@pytest.fixture(scope="module")
async def before(ground: Ground) -> AsyncIterator[Outage]:
    rules = [{"aliasLabelName": POSITION, "jsonPath": "{ .position }"}]
    preserving = {"cluster": {"purgeMode": "Directly", "statePreservation": {"rules": rules}}}

    def fenced(label: str, **more: str) -> Workload:
        single = running(label, kind="StatefulSet", replicas=1)
        return Workload(ground, single, in_order(LOST, "ams", seconds=1), annotations={**FENCED, **more})

    made = {
        "state": Workload(ground, ticker("state"), in_order(LOST, "ams", seconds=1), preserving),
        "approved": fenced("approved"),
        "leased": fenced("leased", **{"argosy.dev/fencing-lease": f"{LEASE}s"}),
        "returned": fenced("returned"),
        "divided": Workload(ground, running("divided", replicas=6), divided("ams", "ber", LOST)),
        "everywhere": Workload(ground, running("everywhere"), {}),
        "database": Workload(
            ground, running("database", kind="StatefulSet", replicas=1), in_order(LOST, "ams")
        ),
        "auto": Workload(
            ground, running("auto"), in_order(LOST, "ber"), annotations={"argosy.dev/fail-back": "Auto"}
        ),
        **{name: Workload(ground, running(name), in_order(LOST, "ber")) for name in WAVES},
    }
    tick = made.pop("state")
    await ground.apply(tick.policy(), tick.manifest)
    report(tick, LOST, phase="Running", position="p-17")
    everywhere = {"divided": ("ams", "ber", LOST), "everywhere": ("ams", "ber", LOST)}
    where = {one.namespace: everywhere.get(name, (LOST,)) for name, one in made.items()}
    await place(*made.values(), in_members=where)
    await tick.becomes(lambda s: bool((seen := s.clusters[LOST].seen) and seen.state))
    outage = Outage(ground, {**made, "state": tick}, {})
    outage.uids = {name: uid(one) for name, one in outage.workloads.items()}
    outage.pods = {name: PodCount(outage[name]) for name in ("approved", "returned")}
    try:
        async with asyncio.timeout(20):
            while any(not count.most for count in outage.pods.values()):
                await asyncio.sleep(0.1)
        yield outage
    finally:
        for count in outage.pods.values():
            count.stop()
        await asyncio.to_thread(outage.member.start)
        await asyncio.gather(*(one.delete() for one in outage.workloads.values()))


@pytest.fixture(scope="module")
async def lost(before: Outage) -> Outage:
    await lose(before)
    return before


async def lose(outage: Outage) -> None:
    """Kill the cluster but for its store."""
    outage.member.kill(*(part for part in FULL if part != "etcd"))
    await became(outage.ground.session, LOST, ready=False, seconds=30)


async def come_back(outage: Outage) -> None:
    await asyncio.to_thread(outage.member.start)
    await became(outage.ground.session, LOST, ready=True, seconds=60)


@pytest.fixture(scope="module")
async def back(lost: Outage) -> Outage:
    """The cluster answers again; its fenced workload that waits for that is not let begin before."""
    status = await lost["returned"].becomes(lambda s: s.awaited == (LOST,))
    assert status.clusters["ams"].phase == "Pending"
    await come_back(lost)
    return lost


async def moved(workload: Workload, to: str) -> None:
    """Wait until it runs elsewhere; its old copy is left where it cannot be reached."""
    status = await workload.becomes(
        lambda s: s.counts == {"Applied": 1, "Evicting": 1} and s.clusters[to].assessment.is_healthy
    )
    assert status.clusters[LOST].phase == "Evicting"


async def test_workloads_of_two_replicas_move_and_one_with_data_stays(lost: Outage) -> None:
    await moved(lost["auto"], "ber")
    for name in WAVES:
        await moved(lost[name], "ber")
    status = await lost["database"].status()
    assert status.counts == {"Applied": 1}
    assert 290 <= status.evict_at[LOST].timestamp() - step(status, f"{LOST} does not answer") <= 301


async def test_the_share_of_a_lost_cluster_is_divided_over_the_others(lost: Outage) -> None:
    await lost["divided"].becomes(lambda s: s.counts == {"Applied": 2, "Evicting": 1})
    assert lost["divided"].replicas() == {"ams": 3, "ber": 3}
    status = await lost["everywhere"].becomes(lambda s: "Evicting" in s.counts)
    assert status.counts == {"Applied": 2, "Evicting": 1}


async def test_the_state_of_a_copy_outlives_its_cluster(lost: Outage) -> None:
    tick = lost["state"]
    await tick.becomes(lambda s: "ams" in s.clusters and s.clusters["ams"].phase == "Applied")
    assert tick.copies()["ams"]["metadata"]["labels"][POSITION] == "p-17"


async def test_a_single_writer_waits_for_a_person(lost: Outage) -> None:
    web = lost["approved"]
    await web.becomes(lambda s: s.awaited == (LOST,))
    shown = await web.ground.done("status", *web.words)
    assert (
        f"which begins when the copy in {LOST} has stopped, or `argosy approve StatefulSet web`"
        in " ".join(shown.split())
    )
    await asyncio.sleep(2)
    assert web.copies() == {}
    assert lost.pods["approved"].most == 1
    assert f"approved for {LOST}" in await web.ground.done("approve", *web.words, "-C", LOST)
    await web.becomes(lambda s: "ams" in s.clusters and s.clusters["ams"].assessment.is_healthy)
    lost.pods["approved"].stop()


async def test_a_single_writer_begins_elsewhere_when_the_lease_of_the_old_one_is_over(lost: Outage) -> None:
    web = lost["leased"]
    status = await web.becomes(lambda s: "Placed in ams" in steps(s))
    if status.awaited:
        assert f"{LOST} until" in status.message
        assert sorted(web.copies()) == []
    await web.becomes(lambda s: "ams" in s.clusters and s.clusters["ams"].phase == "Applied")
    status = await web.status()
    since = status.clusters["ams"].since
    assert since is not None
    assert LEASE <= since.timestamp() - step(status, f"{LOST} does not answer") <= LEASE + 4


async def test_a_single_writer_begins_elsewhere_when_the_old_one_is_gone_with_its_pods(back: Outage) -> None:
    web = back["returned"]
    await web.runs_in("ams")
    assert back.pods["returned"].most == 1
    assert back.pods["returned"].stop() == {"ams": 1}
    assert sorted(web.copies()) == ["ams"]


async def test_leftovers_go_and_nothing_returns_unasked(back: Outage) -> None:
    for name in WAVES:
        await back[name].runs_in("ber")
        assert sorted(back[name].copies()) == ["ber"]
    status = await back["divided"].runs_in("ams", "ber")
    assert list(status.left) == [LOST]
    assert back["divided"].replicas() == {"ams": 3, "ber": 3}
    for name in ("approved", "leased"):
        await back[name].runs_in("ams")
    # A workload with data has not moved, and a whole copy in every cluster simply stays.
    await back["database"].runs_in(LOST)
    await back["everywhere"].runs_in("ams", "ber", LOST)
    assert uid(back["database"]) == back.uids["database"]
    assert uid(back["everywhere"]) == back.uids["everywhere"]


async def test_what_may_returns_by_itself(back: Outage) -> None:
    web = back["auto"]
    await web.runs_in(LOST)
    assert uid(web) != back.uids["auto"]
    assert f"Removed from {LOST}" in steps(await web.status())


async def returned(outage: Outage) -> dict[str, PropagationStatus]:
    statuses = await asyncio.gather(*(outage[name].status() for name in WAVES))
    return {name: one for name, one in zip(WAVES, statuses, strict=True) if LOST not in one.left}


async def test_a_fail_back_is_shown_first_and_ends_with_a_wave_that_is_not_well(back: Outage) -> None:
    ground = back.ground
    for name in ("auto", "divided", "approved", "leased", "returned", "state"):
        await back[name].delete()
    shown = await ground.done("cluster", "recover", LOST, "--dry-run", "-o", "json")
    ours = {f"Deployment {back[name].namespace}/web": name for name in WAVES}
    plan = {ours.get(one["object"], one["object"]): (one["now"], one["then"]) for one in json.loads(shown)}
    assert plan == dict.fromkeys(WAVES, ({"ber": 2}, {LOST: 2}))
    for name in WAVES:
        back[name].fits(LOST, yes=False)
    told = await ground.done("cluster", "recover", LOST, "--yes", "--wave", "2")
    assert "5 templates return, 2 at a time" in told
    await ended(back, "2 returned", "did not become healthy; nothing more returns")
    assert len(await returned(back)) == 2
    # Where they do not run yet, what does is still there.
    assert all(ready_in(back[name], "ber") for name in WAVES)


async def test_a_fail_back_ends_when_the_cluster_fails_again(back: Outage) -> None:
    ground = back.ground
    first = await returned(back)
    uids = {name: uid(back[name], "ber") for name in WAVES}
    await ground.done("cluster", "recover", LOST, "--yes", "--wave", "2")
    async with asyncio.timeout(20):
        while len(second := await returned(back)) < 4:
            await asyncio.sleep(0.1)
    await lose(back)
    await ended(back, "Recovery stopped", "the cluster does not answer")
    assert set(first) < set(second)
    for name in second:
        # What has not left stays, rather than being made again.
        status = await back[name].becomes(lambda s: s.clusters["ber"].phase == "Applied")
        assert list(status.left) == [LOST]
    assert {name: uid(back[name], "ber") for name in WAVES} == uids


async def test_templates_return_in_waves(back: Outage) -> None:
    ground = back.ground
    await come_back(back)
    for name in WAVES:
        back[name].fits(LOST, yes=True)
        await back[name].runs_in("ber")
    assert not await returned(back)
    await ground.done("cluster", "recover", LOST, "--yes", "--wave", "2", "--reason", "repaired")
    most = 0

    async def count() -> None:
        nonlocal most
        while True:
            most = max(most, sum(not settled(one) for one in (await returned(back)).values()))
            await asyncio.sleep(0.05)

    counting = asyncio.create_task(count())
    await ended(back, "5 returned", "")
    counting.cancel()
    assert 1 <= most <= 2
    for name in WAVES:
        status = await back[name].runs_in(LOST)
        assert step(status, "Removed from ber") >= step(status, f"Placed in {LOST}")


def settled(status: PropagationStatus) -> bool:
    return status.phase == "Applied" and is_well(status)


def ready_in(workload: Workload, member: str) -> bool:
    return bool(workload.copies()[member]["status"].get("readyReplicas") == 2)


async def ended(outage: Outage, what: str, why: str) -> None:
    """Wait until a fail-back has ended so."""
    clock = asyncio.get_running_loop().time
    until, last = clock() + 40, []
    while clock() < until:
        page = json.loads(await outage.ground.done("cluster", "get", LOST, "-o", "json"))
        last = [(one["what"], one["why"]) for one in page["steps"] if one["by"] == "fail-back"]
        if last and last[-1][0] == what and last[-1][1].endswith(why):
            return
        await asyncio.sleep(0.3)
    statuses = [await outage[name].status() for name in WAVES]
    raise AssertionError((last, [(one.message, one.health, one.clusters, one.steps) for one in statuses]))
