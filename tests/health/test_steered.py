"""Members that freeze and restart, from the command line: taints by policy, the countdown, and what stays put."""

from __future__ import annotations

import asyncio
import json
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from devcluster.member import Member
from tests.cli.runs import ROOT, Run, argosy, until, write
from tests.health.plants import became, described, placing, planted, replicas, stateful
from tests.plant import Plant, deployment

pytestmark = pytest.mark.timeout(300)

Runner = Callable[..., Run]


@pytest.fixture(scope="module")
async def quick(
    members: list[Member], member: Member, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Plant]:
    """Two shared members and one that may be killed; failures are confirmed soon, and copies given some time."""
    settings = {"FAILURE_AFTER": "2", "RECOVERY_AFTER": "1", "FAILOVER_AFTER": "45", "FLEET_GUARD": "0.4"}
    with pytest.MonkeyPatch.context() as patch:
        directory = tmp_path_factory.mktemp("quick")
        async with planted(directory, [*members[:2], member], patch, **settings) as plant:
            yield plant


@pytest.fixture
def run(quick: Plant) -> Runner:
    def started(*words: str) -> Run:
        return argosy(*words, TEMPORAL_ADDRESS=quick.temporal.address, ARGOSY_FLEET_GUARD="0.4")

    return started


@pytest.fixture
def lone(member: Member) -> Iterator[Member]:
    """A member that the test freezes or kills, well again afterwards."""
    yield member
    member.thaw()
    member.start()


async def page(run: Runner, name: str) -> dict[str, Any]:
    shown = await asyncio.to_thread(run, "cluster", "get", name, "-o", "json")
    assert shown.code == 0, shown.err
    found: dict[str, Any] = json.loads(shown.out)
    return found


async def becomes(run: Runner, name: str, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Wait until a cluster's page is as wanted."""
    seen: dict[str, Any] = {}
    try:
        async with asyncio.timeout(60):
            while not holds(seen := await page(run, name)):
                await asyncio.sleep(0.3)
    except TimeoutError:
        raise AssertionError(f"never came true: {seen}") from None
    return seen


async def web(quick: Plant, run: Runner, path: Path) -> str:
    """A Deployment of six replicas, two in each member; its namespace."""
    namespace = f"health-{secrets.token_hex(4)}"
    template = deployment("web", namespace)
    template["spec"]["replicas"] = 6
    file = write(path / "web.yaml", placing(namespace, "Deployment"), template)
    applied = await asyncio.to_thread(run, "apply", "-f", file, "--wait")
    assert applied.code == 0, applied.err
    assert sorted(replicas(quick, "deployments", namespace, "web").values()) == [2, 2, 2]
    return namespace


def condition(seen: dict[str, Any], kind: str) -> tuple[str, str]:
    found = next(one for one in seen["conditions"] if one["type"] == kind)
    return found["status"], found["reason"]


async def test_a_frozen_member_is_tainted_by_policy_counted_down_and_well_again(
    quick: Plant, run: Runner, lone: Member, tmp_path: Path
) -> None:
    namespace = await web(quick, run, tmp_path)
    applied = await asyncio.to_thread(run, "apply", "-f", str(ROOT / "examples/failover/taint-policy.yaml"))
    assert "ClusterTaintPolicy/mark-unreachable created" in applied.out, applied.err
    listed = await asyncio.to_thread(run, "get", "policies")
    assert "nodes-gone" in listed.out
    seen = await becomes(run, lone.name, lambda s: len(s["conditions"]) == 4)
    assert [
        condition(seen, kind) for kind in ("Ready", "CompleteAPIEnablements", "NodesReady", "Watching")
    ] == [
        ("True", "ClusterReady"),
        ("True", "Complete"),
        ("True", "NoNodes"),
        ("True", "WatchesAlive"),
    ]
    lone.freeze()
    seen = await becomes(run, lone.name, lambda s: bool(s["settings"]["taints"]) and bool(s["next"]["moves"]))
    assert seen["settings"]["taints"][0]["key"] == "example.com/unreachable"
    assert condition(seen, "Ready") == ("False", "ClusterNotReachable")
    assert condition(seen, "Watching") == ("Unknown", "ClusterNotReachable")
    assert seen["health"]["message"].startswith("cluster is not reachable: ")
    assert "ClusterTaintPolicy mark-unreachable" in [step["by"] for step in seen["steps"]]
    assert seen["next"]["sentence"].startswith("1 propagation moves away: in ")
    assert f"(Deployment {namespace}/web)" in seen["next"]["sentence"]
    shown = await asyncio.to_thread(run, "cluster", "get", lone.name)
    assert "What next:" in shown.out
    listed = await asyncio.to_thread(run, "cluster", "list")
    assert "ClusterNotReachable" in listed.out
    # Told to stay, it says so; the signal is what `temporal workflow signal` sends.
    signal(quick, lone.name, "hold", {"reason": "let it be", "requested_by": "alerting"})
    seen = await becomes(run, lone.name, lambda s: s["next"]["held"])
    assert seen["next"]["sentence"].startswith("held: nothing moves; 1 propagation would move away: ")
    assert (seen["steps"][-1]["what"], seen["steps"][-1]["why"]) == ("Hold", "let it be")
    assert "is not held" in (await asyncio.to_thread(run, "cluster", "resume", lone.name)).out
    lone.thaw()
    seen = await becomes(run, lone.name, lambda s: s["health"]["ready"] and not s["settings"]["taints"])
    await becomes(run, lone.name, lambda s: condition(s, "Watching") == ("True", "WatchesAlive"))
    await becomes(run, lone.name, lambda s: s["next"]["sentence"] == "nothing moves away")
    assert sorted(replicas(quick, "deployments", namespace, "web").values()) == [2, 2, 2]
    for name in ("nodes-gone", "mark-unreachable"):
        gone = await asyncio.to_thread(run, "delete", "clustertaintpolicy", name)
        assert gone.out == f"ClusterTaintPolicy/{name} deleted\n"
    assert (await asyncio.to_thread(run, "delete", "deployment", "web", "-n", namespace)).code == 0


def signal(plant: Plant, cluster: str, name: str, order: dict[str, str]) -> None:
    """What a person or an alert would run."""
    subprocess.run(
        [
            str(Path(sys.executable).with_name("temporal")),
            *("workflow", "signal", "--address", plant.temporal.address),
            *("--workflow-id", f"cluster/{cluster}", "--name", name, "--input", json.dumps(order)),
        ],
        check=True,
        capture_output=True,
        timeout=30,
    )


async def test_when_all_members_freeze_at_once_nothing_is_evicted(
    quick: Plant, run: Runner, lone: Member, tmp_path: Path
) -> None:
    namespace = await web(quick, run, tmp_path)
    session = await quick.session()
    try:
        for member in quick.members:
            member.freeze()
        for member in quick.members:
            await became(session, member.name, ready=False, seconds=40)
        seen = await becomes(run, lone.name, lambda s: s["next"]["guarded"])
        assert seen["next"]["sentence"].startswith("guarded: too many clusters fail at once")
        # Past the moment at which copies would have to go.
        await asyncio.sleep(50)
        status = await asyncio.to_thread(run, "status", "deployment", "web", "-n", namespace, "-o", "json")
        assert set(json.loads(status.out)["counts"]) == {"Applied"}
    finally:
        for member in quick.members:
            member.thaw()
    for member in quick.members:
        await became(session, member.name, ready=True, seconds=90)
    assert sorted(replicas(quick, "deployments", namespace, "web").values()) == [2, 2, 2]
    assert (await asyncio.to_thread(run, "delete", "deployment", "web", "-n", namespace)).code == 0


@pytest.mark.parametrize(
    "outage", [pytest.param(6.0, id="6s"), pytest.param(30.0, id="30s", marks=pytest.mark.crash)]
)
async def test_an_api_server_that_restarts_moves_no_stateful_set(
    quick: Plant, run: Runner, lone: Member, tmp_path: Path, outage: float
) -> None:
    namespace = f"health-{secrets.token_hex(4)}"
    policy = placing(namespace, "StatefulSet")
    file = write(tmp_path / "db.yaml", policy, {**stateful("db", namespace), "spec": _spec(namespace, 3)})
    applied = await asyncio.to_thread(run, "apply", "-f", file, "--wait")
    assert applied.code == 0, applied.err
    before = {
        name: item["db"]["metadata"]["uid"] for name, item in quick.objects("statefulsets", namespace).items()
    }
    assert set(before) == {member.name for member in quick.members}
    session = await quick.session()
    lone.kill()
    await became(session, lone.name, ready=False, seconds=20)
    await asyncio.sleep(outage)
    seen = await page(run, lone.name)
    assert f"(StatefulSet {namespace}/db)" in seen["next"]["sentence"]
    await asyncio.to_thread(lone.start)
    await became(session, lone.name, ready=True, seconds=70)
    await until(lambda: "nothing moves away" in run("cluster", "get", lone.name).out)
    after = {
        name: item["db"]["metadata"]["uid"] for name, item in quick.objects("statefulsets", namespace).items()
    }
    assert after == before
    assert set(replicas(quick, "statefulsets", namespace, "db").values()) == {1}
    _, status = await described(session, lone.name)
    assert "NotReady" in [step.what for step in status.steps]
    assert (await asyncio.to_thread(run, "delete", "statefulset", "db", "-n", namespace)).code == 0


def _spec(namespace: str, count: int) -> dict[str, Any]:
    spec: dict[str, Any] = stateful("db", namespace)["spec"]
    return spec | {"replicas": count}
