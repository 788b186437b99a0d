"""Every common kind on a member whose workloads run: placed, read back, restored, and gone when it is not wanted."""

from __future__ import annotations

import asyncio
import json
import secrets
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from devcluster.member import Member
from tests.cli.application import MEDDLING, Application, everything_with, found, value_at
from tests.cli.runs import Run, argosy, until, write
from tests.plant import Plant, join

pytestmark = pytest.mark.timeout(400)

Manifest = dict[str, Any]

# A cluster without a load balancer, an ingress controller and metrics; the test plays the first two.
WELL = {
    "CustomResourceDefinition": ("Healthy", None),
    "Deployment": ("Healthy", 2),
    "StatefulSet": ("Healthy", 2),
    "DaemonSet": ("Healthy", 1),
    "Job": ("Healthy", None),
    "CronJob": ("Healthy", None),
    "Service": ("Healthy", None),
    "Ingress": ("Healthy", None),
    "PodDisruptionBudget": ("Healthy", None),
    "HorizontalPodAutoscaler": ("Degraded", None),
    "PersistentVolumeClaim": ("Healthy", None),
    "Widget": ("Healthy", None),
}


class Installed:
    """The application, placed on the member that runs it, and what can be asked about it."""

    def __init__(self, plant: Plant, member: Member, directory: Path, *, without: str = "") -> None:
        self.plant, self.member = plant, member
        self.app = Application(f"kinds-{secrets.token_hex(4)}", frozenset({without}))
        self.files = directory / f"{self.app.namespace}.yaml"

    def run(self, *words: str) -> Run:
        return argosy(*words, TEMPORAL_ADDRESS=self.plant.temporal.address)

    def place(self, *clusters: str) -> None:
        files = write(self.files, *self.app.policies(*clusters), *self.app.manifests())
        applied = self.run("apply", "-f", files, "--wait", "--timeout", "90")
        assert applied.code == 0, applied.out + applied.err

    def move(self, *clusters: str) -> None:
        """Place anew; for a moment, Widgets fit nowhere, as their definition is on its way to another member."""
        moved = self.run("apply", "-f", write(self.files, *self.app.policies(*clusters)))
        assert moved.code == 0, moved.out + moved.err

    def status(self, manifest: Manifest) -> Any:
        words = ["status", manifest["kind"], manifest["metadata"]["name"], "-n", self.app.namespace]
        shown = self.run(*words, "-o", "json")
        assert shown.code == 0, shown.err
        return json.loads(shown.out)

    def copy(self, manifest: Manifest) -> Any:
        return self.status(manifest)["clusters"].get("full")

    def listed(self) -> dict[str, Any]:
        """Kind -> status, as the lists have it."""
        items = json.loads(self.run("get", "propagations", "-n", self.app.namespace, "-o", "json").out)
        mine = (self.app.namespace, f"widgets.{self.app.group}")
        return {
            one["ref"]["kind"]: one
            for one in items
            if {one["ref"]["namespace"], one["ref"]["name"]} & {*mine}
        }

    def live(self, manifest: Manifest) -> Any:
        return found(self.member, self.app.path(manifest))

    def change(self, manifest: Manifest, part: str, body: Manifest) -> None:
        path = f"{self.app.path(manifest)}{part}?fieldManager=meddler"
        status, answer = self.member.request("PATCH", path, body, content="application/merge-patch+json")
        assert status == 200, answer

    def becomes(self, holds: Callable[[], bool], tell: Callable[[], object]) -> None:
        try:
            asyncio.run(until(holds))
        except TimeoutError:
            raise AssertionError(f"{tell()}") from None


@pytest.fixture(scope="module")
def installed(plant: Plant, joined: Member, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    made = Installed(plant, joined, tmp_path_factory.mktemp("kinds"))
    volume = made.app.volume()
    assert joined.request("POST", "/api/v1/persistentvolumes", volume)[0] == 201
    made.place("full")
    by_kind = {one["kind"]: one for one in made.app.manifests()}
    address = {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}}
    for kind in ("Service", "Ingress"):
        made.change(by_kind[kind], "/status", address)
    yield made
    gone = made.run("delete", "-f", str(made.files), "--timeout", "90")
    assert gone.code == 0, gone.err


def test_every_kind_runs_and_is_read_back(installed: Installed) -> None:
    def healths() -> dict[str, tuple[str | None, int | None]]:
        return {
            kind: (one["health"]["health"], one["health"]["ready"]) if one["health"] else (None, None)
            for kind, one in installed.listed().items()
        }

    installed.becomes(lambda: healths() == WELL, healths)
    for manifest in installed.app.manifests():
        known = installed.copy(manifest)
        health, ready = WELL[manifest["kind"]]
        assert known["phase"] == "Applied"
        assessment = known["seen"]["assessment"]
        assert (assessment["health"], assessment["ready"], assessment["desired"]) == (health, ready, ready)
        assert assessment["message"], f"{manifest['kind']} has a health and no sentence"
        assert known["drifts"] == 0, f"{manifest['kind']}: {known['drift']}"
    shown = installed.run("get", "deployment", "app", "-n", installed.app.namespace, "-C", "full")
    assert f"Deployment {installed.app.namespace}/app revision 1" in shown.out


def test_what_somebody_changes_in_any_kind_is_back_within_two_seconds(installed: Installed) -> None:
    took = {}
    for manifest in installed.app.manifests():
        place, value = MEDDLING[manifest["kind"]]
        wanted = value_at(installed.live(manifest), place)
        assert wanted not in {None, value}
        patch = value
        for part in reversed(place):
            patch = {part: patch}
        installed.change(manifest, "", patch)
        began = time.monotonic()
        while value_at(installed.live(manifest), place) != wanted:
            assert time.monotonic() - began < 30, f"{place} stays changed: {installed.copy(manifest)}"
            time.sleep(0.02)
        took[manifest["kind"]] = time.monotonic() - began
    assert statistics.median(took.values()) < 2, took

    def drifts() -> dict[str, int]:
        return {one["kind"]: installed.copy(one)["drifts"] for one in installed.app.manifests()}

    installed.becomes(lambda: set(drifts().values()) == {1}, drifts)
    for manifest in installed.app.manifests():
        drift = installed.copy(manifest)["drift"]
        assert drift["corrected"]
        assert drift["fields"] == [".".join(MEDDLING[manifest["kind"]][0])]
        assert drift["by"][0].startswith("meddler at "), (manifest["kind"], drift)


def test_what_somebody_deletes_comes_back_whatever_the_kind(installed: Installed) -> None:
    manifests = installed.app.manifests()
    before = {one["kind"]: installed.live(one)["metadata"]["uid"] for one in manifests}
    # The definition of a kind last, because its objects go with it.
    for manifest in reversed(manifests):
        status, body = installed.member.request("DELETE", installed.app.path(manifest))
        assert status in {200, 202}, body

    def is_back(kind: str, live: dict[str, Any] | None) -> bool:
        if live is None:
            return False
        if kind == "PersistentVolumeClaim" and live["metadata"].get("deletionTimestamp"):
            # Kubernetes keeps it as long as a pod uses it, and the new pods may have come before it was gone.
            return "kubernetes.io/pvc-protection" in live["metadata"]["finalizers"]
        return live["metadata"]["uid"] != before[kind] and not live["metadata"].get("deletionTimestamp")

    def missing() -> list[str]:
        manifests = installed.app.manifests()
        return [one["kind"] for one in manifests if not is_back(one["kind"], installed.live(one))]

    installed.becomes(
        lambda: not missing(),
        lambda: {kind: installed.live(one) for one in manifests if (kind := one["kind"]) in missing()},
    )
    installed.becomes(
        lambda: installed.listed()["Deployment"]["health"]["ready"] == 2,
        lambda: installed.listed()["Deployment"],
    )


def test_nothing_is_left_where_it_is_not_wanted(plant: Plant, joined: Member, tmp_path: Path) -> None:
    # A member without controllers never lets go of a claim, as its finalizer is theirs.
    moving = Installed(plant, joined, tmp_path, without="PersistentVolumeClaim")
    namespace = moving.app.namespace

    def left(member: Member) -> set[str]:
        ours = {one for one in everything_with(member, "argosy.dev/managed") if namespace in one}
        # What the copies' own controllers have made goes with them.
        return ours | {one for one in everything_with(member, "app=app") if f":{namespace}/" in one}

    def expect(member: Member, *, something: bool) -> None:
        moving.becomes(lambda: bool(left(member)) == something, lambda: left(member))

    moving.place("full")
    moving.becomes(lambda: any("/pods:" in one for one in left(joined)), lambda: left(joined))
    # Placed anew: everything leaves one member and arrives in the other.
    moving.move("member1")
    expect(joined, something=False)
    member1 = next(one for one in plant.members if one.name == "member1")
    complete = len(moving.app.manifests())
    moving.becomes(lambda: len(left(member1)) == complete, lambda: left(member1))
    moving.move("full", "member1")
    moving.becomes(lambda: any("/pods:" in one for one in left(joined)), lambda: left(joined))
    try:
        unjoined = moving.run("cluster", "unjoin", "full", "--delete-workloads", "--timeout", "90")
        assert unjoined.code == 0, unjoined.err
        expect(joined, something=False)
        assert len(left(member1)) == complete
    finally:
        asyncio.run(_rejoined(plant, joined))
    moving.becomes(lambda: any("/pods:" in one for one in left(joined)), lambda: left(joined))
    files = write(moving.files, *moving.app.policies("full", "member1"), *moving.app.manifests())
    gone = moving.run("delete", "-f", files, "--timeout", "80")
    assert gone.code == 0, gone.err
    expect(joined, something=False)
    expect(member1, something=False)


async def _rejoined(plant: Plant, member: Member) -> None:
    await join(await plant.session(), member)
