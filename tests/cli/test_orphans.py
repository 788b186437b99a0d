"""Nothing of Argosy's is left where it is not wanted: the members are searched by its label, over all kinds."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from argosy.api.cluster_connection import ConnectionReference
from argosy.kube.connect import connect
from argosy.kube.read import sweep
from tests.cli.runs import Run, until, write
from tests.plant import Plant, deployment, join

pytestmark = pytest.mark.timeout(300)


async def marked(plant: Plant, namespace: str) -> dict[str, set[str]]:
    """Member -> the kinds and names of what carries Argosy's label in a namespace."""
    found: dict[str, set[str]] = {}
    for local in plant.members:
        reference = ConnectionReference(kubeconfig=str(local.kubeconfig), context=local.name)
        member = await connect(local.name, reference, allow_exec=False)
        try:
            swept = await sweep(member)
        finally:
            await member.close()
        if swept.unread:
            # What could not be read proves nothing; it is looked at again.
            return {"unread": set(swept.unread)}
        found[local.name] = {
            f"{one['kind']}/{one['metadata']['name']}"
            for one in swept.objects
            if one["metadata"].get("namespace") == namespace
        }
    return found


def placed(namespace: str, *clusters: str) -> list[dict[str, Any]]:
    """A Deployment that needs a ConfigMap, on these clusters."""
    web = deployment("web", namespace)
    container = web["spec"]["template"]["spec"]["containers"][0]
    container["envFrom"] = [{"configMapRef": {"name": "settings"}}]
    settings = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "settings", "namespace": namespace},
        "data": {"a": "1"},
    }
    policy = {
        "apiVersion": "policy.karmada.io/v1alpha1",
        "kind": "PropagationPolicy",
        "metadata": {"name": "p", "namespace": namespace},
        "spec": {
            "propagateDeps": True,
            "resourceSelectors": [{"apiVersion": "apps/v1", "kind": "Deployment"}],
            "placement": {"clusterAffinity": {"clusterNames": list(clusters)}},
        },
    }
    return [policy, settings, web]


def test_no_orphan_stays_after_re_placement_unjoining_and_deletion(
    plant: Plant, run: Callable[..., Run], tmp_path: Path
) -> None:
    namespace = f"orphans-{secrets.token_hex(4)}"
    both = {"Deployment/web", "ConfigMap/settings"}

    def becomes(**wanted: set[str]) -> None:
        def there() -> dict[str, set[str]]:
            return asyncio.run(marked(plant, namespace))

        try:
            asyncio.run(until(lambda: there() == wanted))
        except TimeoutError:
            raise AssertionError(f"{there()} and not {wanted}") from None

    files = write(tmp_path / "a.yaml", *placed(namespace, "member1", "member3"))
    assert run("apply", "-f", files, "--wait").code == 0
    becomes(member1=both, member2=set(), member3=both)

    moved = write(tmp_path / "b.yaml", *placed(namespace, "member2", "member3"))
    assert run("apply", "-f", moved, "--wait").code == 0
    becomes(member1=set(), member2=both, member3=both)

    try:
        left = run("cluster", "unjoin", "member3", "--delete-workloads", "--timeout", "60")
        assert left.code == 0, left.err
        becomes(member1=set(), member2=both, member3=set())
    finally:
        asyncio.run(_rejoined(plant))

    gone = run("delete", "-f", moved, "--timeout", "60")
    assert gone.code == 0, gone.err
    becomes(member1=set(), member2=set(), member3=set())


async def _rejoined(plant: Plant) -> None:
    session = await plant.session()
    for member in plant.members:
        if member.name == "member3":
            await join(session, member)


def test_a_cluster_is_emptied_also_of_what_fits_nowhere_else(
    plant: Plant, run: Callable[..., Run], tmp_path: Path
) -> None:
    namespace = f"only-{secrets.token_hex(4)}"
    files = write(tmp_path / "a.yaml", *placed(namespace, "member3"))
    assert run("apply", "-f", files, "--wait").code == 0
    assert asyncio.run(marked(plant, namespace))["member3"] == {"Deployment/web", "ConfigMap/settings"}
    try:
        left = run("cluster", "unjoin", "member3", "--delete-workloads", "--timeout", "60")
        assert left.code == 0, left.err
        assert asyncio.run(marked(plant, namespace))["member3"] == set()
    finally:
        asyncio.run(_rejoined(plant))
    # It comes back with the cluster.
    asyncio.run(until(lambda: "Deployment/web" in asyncio.run(marked(plant, namespace))["member3"]))
    assert run("delete", "-f", files, "--timeout", "60").code == 0
