"""Members whose workloads run, and workloads on them that can be made to fail one by one."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from argosy.api.manifest import ResourceRef, ref_of
from argosy.api.propagation import PropagationStatus
from argosy.errors import NotFound
from cli.session import Session
from devcluster.member import Member
from devcluster.ports import LOOPBACK
from tests.cli.runs import Run, argosy, write
from tests.plant import Plant, deployment, polling

NODE_LABEL = "fits"
GROUP = "failover.example.com"
LONGEST = 60
MERGE = "application/merge-patch+json"
NOT_READY = "cluster.karmada.io/not-ready"


@dataclass
class Ground:
    """An installation with running members, and the commands that a person would use."""

    plant: Plant
    session: Session
    directory: Path

    def member(self, name: str) -> Member:
        return next(one for one in self.plant.members if one.name == name)

    async def run(self, *words: str) -> Run:
        return await asyncio.to_thread(argosy, *words, TEMPORAL_ADDRESS=self.plant.temporal.address)

    async def done(self, *words: str) -> str:
        """Run a command that has to succeed; what it says."""
        run = await self.run(*words)
        assert run.code == 0, run.err
        return run.out

    async def apply(self, *manifests: dict[str, Any], wait: bool = True) -> None:
        """Apply with the command line, and wait until everything is applied."""
        file = write(self.directory / f"{secrets.token_hex(4)}.yaml", *manifests)
        await self.done("apply", "-f", file, *(("--wait",) if wait else ()))

    async def restart_worker(self) -> None:
        self.plant.start_worker()
        await polling(self.session)


@dataclass
class Workload:
    """One template in a namespace of its own, whose pods run only where `fits` lets them."""

    ground: Ground
    manifest: dict[str, Any]
    placement: dict[str, Any]
    failover: dict[str, Any] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)

    @property
    def ref(self) -> ResourceRef:
        return ref_of(self.manifest)

    @property
    def namespace(self) -> str:
        assert self.ref.namespace
        return self.ref.namespace

    @property
    def words(self) -> tuple[str, ...]:
        """How the command line is told which one."""
        return (self.ref.kind.lower(), self.ref.name, "-n", self.namespace)

    @property
    def path(self) -> str:
        group, plural = self.ref.api_version, f"{self.ref.kind.lower()}s"
        return f"/apis/{group}/namespaces/{self.namespace}/{plural}"

    def policy(self) -> dict[str, Any]:
        selector = {"apiVersion": self.ref.api_version, "kind": self.ref.kind, "namespace": self.namespace}
        spec: dict[str, Any] = {"resourceSelectors": [selector], "placement": self.placement}
        if self.failover:
            spec |= {"failover": self.failover, "propagateDeps": True}
        return {
            "apiVersion": "policy.karmada.io/v1alpha1",
            "kind": "PropagationPolicy",
            "metadata": {"name": "p", "namespace": self.namespace, "annotations": self.annotations},
            "spec": spec,
        }

    def fits(self, member: str, *, yes: bool) -> None:
        """Let this workload's new pods run on a member's node, or not."""
        patch = {"metadata": {"labels": {f"{NODE_LABEL}/{self.namespace}": "yes" if yes else None}}}
        path = f"/api/v1/nodes/{member}-node"
        status, answer = self.ground.member(member).request("PATCH", path, patch, content=MERGE)
        assert status == 200, answer

    def fail(self, member: str) -> None:
        """Its pods on a member die, and find no node any more."""
        self.fits(member, yes=False)
        path = f"/api/v1/namespaces/{self.namespace}/pods"
        assert self.ground.member(member).request("DELETE", path)[0] == 200

    def copies(self) -> dict[str, dict[str, Any]]:
        """Member -> its copy, as the API server has it; members that do not answer are left out."""
        found = {}
        for member in self.ground.plant.members:
            with contextlib.suppress(OSError):
                status, body = member.request("GET", f"{self.path}/{self.ref.name}", timeout=3)
                if status == 200:
                    found[member.name] = json.loads(body)
        return found

    def replicas(self) -> dict[str, int]:
        return {name: int(one["spec"]["replicas"]) for name, one in self.copies().items()}

    async def status(self) -> PropagationStatus:
        return (await self.ground.session.observe(self.ref)).status

    async def becomes(
        self, holds: Callable[[PropagationStatus], bool], *, seconds: float = 40
    ) -> PropagationStatus:
        seen = await self.status()
        try:
            async with asyncio.timeout(seconds):
                while not holds(seen):
                    await asyncio.sleep(0.1)
                    seen = await self.status()
        except TimeoutError:
            raise AssertionError(f"{self.ref} never became so: {seen}") from None
        return seen

    async def runs_in(self, *members: str, seconds: float = 40) -> PropagationStatus:
        """Wait until it has copies in these members alone, all of them healthy."""
        return await self.becomes(
            lambda s: sorted(s.clusters) == sorted(members) and s.phase == "Applied" and is_well(s),
            seconds=seconds,
        )

    async def delete(self) -> None:
        with contextlib.suppress(NotFound):
            await self.ground.session.delete(self.ref, orphan=(), preserve=False)


def is_well(status: PropagationStatus) -> bool:
    return status.health is not None and status.health.is_healthy


def step(status: PropagationStatus, what: str) -> float:
    """When something is recorded to have happened last, in seconds."""
    found = [one.at for one in status.steps if one.what == what]
    assert found, [one.what for one in status.steps]
    return found[-1].timestamp()


def steps(status: PropagationStatus) -> list[str]:
    return [one.what for one in status.steps]


def running(label: str, *, kind: str = "Deployment", replicas: int = 2) -> dict[str, Any]:
    """A workload in a namespace of its own that runs only on nodes labelled for it."""
    namespace = f"{label}-{secrets.token_hex(3)}"
    made = deployment("web", namespace)
    made["kind"] = kind
    made["spec"] |= {"replicas": replicas} | ({"serviceName": "web"} if kind == "StatefulSet" else {})
    made["spec"]["template"]["spec"]["nodeSelector"] = {f"{NODE_LABEL}/{namespace}": "yes"}
    return made


def in_order(*groups: str, seconds: int | None = None) -> dict[str, Any]:
    """A placement that prefers the first of these clusters; `seconds` is how long it stays where one is lost."""
    placed: dict[str, Any] = {
        "clusterAffinities": [{"affinityName": f"in-{name}", "clusterNames": [name]} for name in groups]
    }
    return placed | (patient(seconds) if seconds is not None else {})


def divided(*clusters: str) -> dict[str, Any]:
    """A placement that divides replicas evenly over these clusters."""
    division = {"replicaSchedulingType": "Divided", "replicaDivisionPreference": "Weighted"}
    return {"clusterAffinity": {"clusterNames": list(clusters)}, "replicaScheduling": division}


def patient(seconds: int) -> dict[str, Any]:
    tolerated = {"key": NOT_READY, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": seconds}
    return {"clusterTolerations": [tolerated]}


def ticker(label: str) -> dict[str, Any]:
    """An object of a kind of our own, whose status says how far it has got."""
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "Ticker",
        "metadata": {"name": "web", "namespace": f"{label}-{secrets.token_hex(3)}"},
        "spec": {"size": 1},
    }


def ticker_kind() -> dict[str, Any]:
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "schema": {
            "openAPIV3Schema": {"type": "object", "properties": {"spec": anything, "status": anything}}
        },
    }
    names = {"plural": "tickers", "singular": "ticker", "kind": "Ticker"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"tickers.{GROUP}"},
        "spec": {"group": GROUP, "scope": "Namespaced", "names": names, "versions": [version]},
    }


def ticker_health() -> dict[str, Any]:
    script = "function InterpretHealth(obj) return obj.status ~= nil and obj.status.phase == 'Running' end"
    return {
        "apiVersion": "config.karmada.io/v1alpha1",
        "kind": "ResourceInterpreterCustomization",
        "metadata": {"name": "tickers"},
        "spec": {
            "target": {"apiVersion": f"{GROUP}/v1", "kind": "Ticker"},
            "customizations": {"healthInterpretation": {"luaScript": script}},
        },
    }


def report(workload: Workload, member: str, **status: Any) -> None:
    """Write the status of a Ticker, as its controller would."""
    path = f"{workload.path}/{workload.ref.name}/status"
    done, answer = workload.ground.member(member).request("PATCH", path, {"status": status}, content=MERGE)
    assert done == 200, answer


@dataclass(frozen=True)
class Seen:
    """One event of a watch, and when it came."""

    at: float
    member: str
    type: str
    item: dict[str, Any]

    @property
    def ready(self) -> int:
        return int(self.item.get("status", {}).get("readyReplicas") or 0)


class Witness:
    """Watches of our own on what members have in a namespace, for a minute."""

    def __init__(self, workloads: Iterable[Workload]) -> None:
        self._seen: dict[str, list[Seen]] = {}
        for workload in workloads:
            self._seen[workload.namespace] = []
            for member in workload.ground.plant.members:
                threading.Thread(target=self._watch, args=(member, workload), daemon=True).start()

    def _watch(self, member: Member, workload: Workload) -> None:
        headers = {"Authorization": f"Bearer {member._credentials.admin_token}"}
        connection = http.client.HTTPSConnection(LOOPBACK, member._port, timeout=600, context=member._tls)
        path = f"{workload.path}?watch=1&timeoutSeconds={LONGEST}"
        with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("GET", path, headers=headers)
            with connection.getresponse() as response:
                for line in response:
                    event = json.loads(line)
                    self._seen[workload.namespace].append(
                        Seen(time.time(), member.name, event["type"], event["object"])
                    )

    def first(
        self, workload: Workload, member: str, kind: str, holds: Callable[[Seen], bool] = lambda _: True
    ) -> float:
        """When a member had such an event first."""
        for one in self._seen[workload.namespace]:
            if (one.member, one.type) == (member, kind) and holds(one):
                return one.at
        raise AssertionError(f"{member} had no such event; all: {self._told(workload)}")

    def _told(self, workload: Workload) -> list[tuple[str, str, int]]:
        return [(one.member, one.type, one.ready) for one in self._seen[workload.namespace]]


class PodCount:
    """Pods of one workload that run, over all members and over time; those of a dead member go on running."""

    def __init__(self, workload: Workload) -> None:
        self._workload = workload
        self._known: dict[str, int] = {}
        self.most = 0
        self._task = asyncio.create_task(self._look())

    async def _look(self) -> None:
        while True:
            for member in self._workload.ground.plant.members:
                with contextlib.suppress(OSError):
                    self._known[member.name] = await asyncio.to_thread(pods_of, member, self._workload)
            self.most = max(self.most, sum(self._known.values()))
            await asyncio.sleep(0.1)

    def stop(self) -> Mapping[str, int]:
        """Where pods were seen last."""
        self._task.cancel()
        return {name: count for name, count in self._known.items() if count}


def pods_of(member: Member, workload: Workload) -> int:
    """Pods that run, those that are being deleted among them."""
    status, body = member.request("GET", f"/api/v1/namespaces/{workload.namespace}/pods", timeout=2)
    assert status == 200
    return sum(one["status"].get("phase") == "Running" for one in json.loads(body)["items"])


async def place(*workloads: Workload, in_members: Mapping[str, tuple[str, ...]]) -> None:
    """Apply workloads whose pods fit everywhere, and wait until they run where they belong.

    Args:
        in_members: namespace -> where.
    """
    for workload in workloads:
        for member in workload.ground.plant.members:
            await asyncio.to_thread(workload.fits, member.name, yes=True)
    ground = workloads[0].ground
    await ground.apply(*(one for each in workloads for one in (each.policy(), each.manifest)))
    await asyncio.gather(*(each.runs_in(*in_members[each.namespace]) for each in workloads))
