"""Everything is written down, Temporal's database is lost, and what was written down brings everything back."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from activities.connection import connect, initialise, instance_of
from argosy.config import Settings
from cli.membership import unjoined
from devcluster.member import Member
from devcluster.temporal import TemporalServer
from tests.cli.runs import Run, until, write
from tests.plant import Plant, deployment, placing_everything, polling

pytestmark = pytest.mark.timeout(300)

SPACE = "backup"
DIVIDED = {
    "replicaScheduling": {
        "replicaSchedulingType": "Divided",
        "replicaDivisionPreference": "Weighted",
        "weightPreference": {
            "staticWeightList": [
                {"targetCluster": {"clusterNames": ["member1"]}, "weight": 2},
                {"targetCluster": {"clusterNames": ["member2"]}, "weight": 1},
            ]
        },
    }
}


def policy(name: str, of: str, **placement: Any) -> dict[str, Any]:
    return {
        "apiVersion": "policy.karmada.io/v1alpha1",
        "kind": "PropagationPolicy",
        "metadata": {"name": name, "namespace": SPACE},
        "spec": {
            "resourceSelectors": [{"apiVersion": "apps/v1", "kind": "Deployment", "name": of}],
            "placement": placement,
            "propagateDeps": True,
        },
    }


def state() -> list[dict[str, Any]]:
    web = deployment("web", SPACE)
    web["spec"]["replicas"] = 3
    needy = deployment("needy", SPACE)
    needy["spec"]["template"]["spec"]["containers"][0]["envFrom"] = [
        {"configMapRef": {"name": "settings"}},
        {"secretRef": {"name": "hidden"}},
    ]
    return [
        policy("divided", "web", **DIVIDED),
        policy("needing", "needy", clusterAffinity={"clusterNames": ["member1"]}),
        *placing_everything("elsewhere"),
        web,
        needy,
        deployment("other", "elsewhere"),
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "settings", "namespace": SPACE},
            "data": {"on": "yes", "text": "two\nlines\n"},
        },
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "hidden", "namespace": SPACE},
            "data": {"word": "c2VjcmV0"},
        },
    ]


def copies(members: list[Member]) -> dict[tuple[str, str], tuple[str, Any]]:
    """Every object of the test in every member: its UID, and what controllers and pods look at."""
    found = {}
    for member in members:
        for namespace in (SPACE, "elsewhere"):
            for plural in ("apis/apps/v1/{}/deployments", "api/v1/{}/configmaps", "api/v1/{}/secrets"):
                path = "/" + plural.format(f"namespaces/{namespace}")
                for item in json.loads(member.request("GET", path)[1])["items"]:
                    metadata = item["metadata"]
                    key = (member.name, f"{path}/{metadata['name']}")
                    found[key] = (metadata["uid"], item.get("spec", item.get("data")))
    return found


def instances(plant: Plant) -> set[str]:
    found = plant.objects("deployments", SPACE) | {"e": {}}
    return {
        item["metadata"]["annotations"]["argosy.dev/instance"]
        for items in found.values()
        for item in items.values()
    }


def lose(plant: Plant) -> None:
    """Kill worker and Temporal, delete the database, and start both with nothing."""
    plant.kill_worker()
    plant.temporal.kill()
    for path in plant.temporal.directory.glob("temporal.db*"):
        path.unlink()
    plant.temporal.start()

    async def fresh() -> None:
        session = await plant.session()
        await initialise(session.client)
        plant.start_worker()
        await polling(session)

    asyncio.run(fresh())


@pytest.fixture
def told(plant: Plant, run: Callable[..., Run], tmp_path: Path) -> Iterator[Path]:
    """The state is propagated; the directory for what is written."""
    files = write(tmp_path / "all.yaml", *state())
    done = run("apply", "-f", files, "--wait")
    assert done.code in {0, 1}, done.err
    yield tmp_path
    run("delete", "-f", files)
    assert plant.temporal.pid


def settled(run: Callable[..., Run]) -> dict[str, str]:
    listed = json.loads(run("get", "propagations", "-A", "-o", "json").out)
    return {one["ref"]["name"]: one["phase"] for one in listed}


async def all_applied(run: Callable[..., Run], *names: str) -> None:
    def holds() -> bool:
        found = settled(run)
        return all(found.get(name) == "Applied" for name in names)

    await until(holds)


EVERYTHING = ("web", "needy", "other", "settings", "hidden")


def test_a_lost_database_is_restored_without_touching_what_runs(
    plant: Plant, run: Callable[..., Run], told: Path
) -> None:
    asyncio.run(all_applied(run, *EVERYTHING))
    run("cluster", "label", "member2", "tier=gold")
    run("cluster", "taint", "member3", "maintenance=soon:PreferNoSchedule")
    run("cluster", "hold", "member3")
    before, directory = copies(plant.members), told / "state"
    assert len(before) >= 2 + 1 + 3 + 2

    written = run("export", "-o", str(directory), "--include-secrets")
    assert written.code == 0, written.err
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in directory.rglob("*.yaml"))
    names = {str(path.relative_to(directory)) for path in directory.rglob("*.yaml")}
    assert {
        "clusters/member1.yaml",
        f"policies/{SPACE}/PropagationPolicy/divided.yaml",
        "policies/elsewhere/OverridePolicy/everything.yaml",
        f"templates/{SPACE}/Deployment.apps/web.yaml",
        f"templates/{SPACE}/Secret/hidden.yaml",
    } <= names
    again = {path: path.read_text() for path in directory.rglob("*.yaml")}
    assert run("export", "-o", str(directory), "--include-secrets").code == 0
    assert {path: path.read_text() for path in directory.rglob("*.yaml")} == again

    old = instances(plant)
    lose(plant)

    refused = run("import", "-f", str(directory))
    assert refused.code == 4
    assert "--takeover" in refused.error
    assert run("get", "propagations", "-A", "-o", "name").out == ""

    shown = run("import", "-f", str(directory), "--takeover", "--dry-run")
    assert shown.code == 0, shown.err
    assert "cluster/member1 would be joined" in shown.out
    assert f"Deployment {SPACE}/web would be created" in shown.out
    assert run("get", "clusters", "-o", "name").out == ""

    done = run("import", "-f", str(directory), "--takeover")
    assert done.code == 0, done.err
    asyncio.run(all_applied(run, *EVERYTHING))
    assert copies(plant.members) == before
    assert instances(plant).isdisjoint(old)
    clusters = {one["name"]: one["settings"] for one in json.loads(run("get", "clusters", "-o", "json").out)}
    assert clusters["member2"]["labels"] == {"tier": "gold"}
    assert clusters["member3"]["hold"]
    assert clusters["member3"]["taints"][0]["key"] == "maintenance"

    repeated = run("import", "-f", str(directory), "--takeover")
    assert repeated.code == 0, repeated.err
    assert f"Deployment {SPACE}/web unchanged (revision 2)" in repeated.out
    assert "cluster/member1 is joined already" in repeated.out
    assert copies(plant.members) == before


def test_copies_that_have_moved_since_are_found(plant: Plant, run: Callable[..., Run], told: Path) -> None:
    """The backup is older than the last move: what is nobody's afterwards would stay for ever."""
    asyncio.run(all_applied(run, *EVERYTHING))
    assert run("export", "-o", str(told / "old"), "--include-secrets").code == 0
    moved = policy("needing", "needy", clusterAffinity={"clusterNames": ["member2"]})
    assert run("apply", "-f", write(told / "moved.yaml", moved)).code == 0

    async def gone() -> None:
        async with asyncio.timeout(60):
            while "needy" in plant.objects("deployments", SPACE)["member1"]:
                await asyncio.sleep(0.2)

    asyncio.run(gone())
    lose(plant)
    assert run("import", "-f", str(told / "old"), "--takeover").code == 0
    asyncio.run(all_applied(run, *EVERYTHING))
    found = plant.objects("deployments", SPACE)
    assert ["needy" in found[name] for name in ("member1", "member2", "member3")] == [True, False, False]


def test_one_that_was_applied_by_hand_first_is_taken_over_afterwards(
    plant: Plant, run: Callable[..., Run], told: Path
) -> None:
    asyncio.run(all_applied(run, *EVERYTHING))
    before = copies(plant.members)
    assert run("export", "-o", str(told / "state"), "--include-secrets").code == 0
    lose(plant)
    assert (
        run("import", "-f", str(told / "state" / "clusters"), "-f", str(told / "state" / "policies")).code
        == 0
    )
    conflicting = run("apply", "-f", str(told / "all.yaml"), "--wait", "--timeout", "30")
    assert conflicting.code == 1, conflicting.err
    assert run("import", "-f", str(told / "state"), "--takeover").code == 0
    asyncio.run(all_applied(run, *EVERYTHING))
    assert copies(plant.members) == before


def test_secrets_are_left_out_unless_asked_for(plant: Plant, run: Callable[..., Run], told: Path) -> None:
    asyncio.run(all_applied(run, *EVERYTHING))
    text = run("export")
    assert text.code == 0
    assert "left out 1 templates of Secrets" in text.err
    documents = list(yaml.safe_load_all(text.out))
    assert "Secret" not in {one["kind"] for one in documents}
    assert "c2VjcmV0" not in text.out
    kinds = [one["kind"] for one in documents]
    assert kinds == sorted(kinds, key=lambda kind: (kind != "Cluster", not kind.endswith("Policy")))
    assert run("export", "-o", str(told / "all"), "--include-secrets").code == 0
    secret = told / "all" / "templates" / SPACE / "Secret" / "hidden.yaml"
    assert secret.exists()
    less = run("export", "-o", str(told / "all"))
    assert "dropped" in less.err
    assert not secret.exists()
    assert run("import", "-f", str(told / "all")).code == 0


def test_a_cluster_that_cannot_be_joined_stops_everything(
    plant: Plant, run: Callable[..., Run], tmp_path: Path
) -> None:
    async def leave() -> None:
        session = await plant.session()
        await unjoined(session, "member3", delete_workloads=False, force=True, timeout=30)

    text = run("export").out
    asyncio.run(leave())
    broken = text.replace(str(plant.members[2].kubeconfig), str(tmp_path / "none"))
    assert broken != text
    (tmp_path / "broken.yaml").write_text(broken + "---\n" + yaml.safe_dump(deployment("never", SPACE)))
    stopped = run("import", "-f", str(tmp_path / "broken.yaml"), "--timeout", "20")
    assert stopped.code != 0
    assert "no template was submitted" in stopped.error
    assert "never" not in run("get", "propagations", "-A", "-o", "name").out
    (tmp_path / "sound.yaml").write_text(text)
    assert run("import", "-f", str(tmp_path / "sound.yaml")).code == 0


def test_the_server_is_another_installation_after_its_database_is_gone(tmp_path: Path) -> None:
    """What all of this rests on: an installation is told by the ID of its namespace."""
    server = TemporalServer(tmp_path / "t", ui=False)

    async def identity() -> str:
        return await instance_of(await connect(Settings(), address=server.address))

    server.start()
    try:
        first = asyncio.run(identity())
        server.kill()
        for path in server.directory.glob("temporal.db*"):
            path.unlink()
        server.start()
        assert asyncio.run(identity()) != first
    finally:
        server.stop()
