"""A whole installation for tests: real Temporal, a real worker process, real members."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from activities.connection import connect, initialise
from argosy.api.cluster_connection import NOT_FROM_HERE, ConnectionReference
from argosy.api.manifest import ResourceRef
from argosy.api.membership import ClusterSettings, SyncMode
from argosy.config import Settings
from argosy.errors import ArgosyError
from cli.membership import joined, worker_inside
from cli.session import Session
from devcluster.member import Member
from devcluster.process import Identity, spawn
from devcluster.temporal import TemporalServer

GRACE = 8.0
"""Seconds that the worker inside a member in pull mode may be away."""


def asked_to_pull() -> frozenset[str]:
    """Members that `ARGOSY_TEST_PULL=member2,cdg` puts into pull mode, in every installation of the tests."""
    return frozenset(os.environ.get("ARGOSY_TEST_PULL", "").split(",")) - {""}  # noqa: TID251 - how tests are run


@dataclass
class Plant:
    """A whole installation of real processes, any of which may be killed."""

    directory: Path
    temporal: TemporalServer
    members: list[Member]
    worker: Identity | None = None
    settings: Settings = field(default_factory=Settings)
    environment: dict[str, str] = field(default_factory=dict)
    """More of what the worker is started with."""
    pulled: frozenset[str] = field(default_factory=asked_to_pull)
    """Members in pull mode, each with a worker of its own; the other worker is never told how to reach them."""
    inside: dict[str, Identity] = field(default_factory=dict)

    async def session(self) -> Session:
        """A connection with the installation."""
        return Session(await connect(self.settings, address=self.temporal.address), self.settings)

    def start_worker(self) -> None:
        """Start the worker process."""
        self.worker = spawn(
            [sys.executable, "-m", "worker"],
            log=self.directory / "worker.log",
            environment=self._environment(),
        )

    def _environment(self) -> dict[str, str]:
        environment = {**os.environ, "TEMPORAL_ADDRESS": self.temporal.address, **self.environment}  # noqa: TID251 - handed on
        if self.settings.encryption_keys is not None:
            environment["ARGOSY_ENCRYPTION_KEYS"] = str(self.settings.encryption_keys)
        return environment

    def start_inside(self, member: Member, *options: str) -> None:
        """Start the worker inside a member in pull mode, with that member's credentials."""
        command = [sys.executable, "-m", "cli", "worker", "run", "--cluster", member.name]
        credentials = options or ("--kubeconfig", str(member.kubeconfig))
        self.inside[member.name] = spawn(
            [*command, *credentials],
            log=self.directory / f"worker-{member.name}.log",
            environment=self._environment(),
        )

    def stop_workers(self) -> None:
        """Stop every worker that runs."""
        for each in (self.worker, *self.inside.values()):
            if each is not None:
                each.stop()

    async def set_up(self) -> None:
        """Prepare the namespace, start the worker, and join the members."""
        session = await self.session()
        await initialise(session.client)
        self.start_worker()
        pulled = [member for member in self.members if member.name in self.pulled]
        for member in pulled:
            self.start_inside(member)
        await polling(session)
        await asyncio.gather(*(polling_inside(session, member.name) for member in pulled))
        await asyncio.gather(
            *(join(session, member, pull=member.name in self.pulled) for member in self.members)
        )

    def kill_worker(self) -> None:
        """SIGKILL the worker."""
        assert self.worker is not None
        self.worker.kill()

    def objects(self, plural: str, namespace: str, api: str = "apis/apps/v1") -> dict[str, dict[str, Any]]:
        """member -> object name -> object, as the API servers have them."""
        found: dict[str, dict[str, Any]] = {}
        for member in self.members:
            status, body = member.request("GET", f"/{api}/namespaces/{namespace}/{plural}?limit=5000")
            assert status == 200
            found[member.name] = {item["metadata"]["name"]: item for item in json.loads(body)["items"]}
        return found


async def polling(session: Session) -> None:
    """Wait until a worker polls."""
    async with asyncio.timeout(30):
        while True:
            try:
                await session.require_worker()
            except ArgosyError:
                await asyncio.sleep(0.1)
            else:
                return


async def polling_inside(session: Session, name: str) -> None:
    """Wait until the worker inside a member polls."""
    async with asyncio.timeout(30):
        while not await worker_inside(session, name):
            await asyncio.sleep(0.1)


async def join(session: Session, member: Member, *, pull: bool = False) -> None:
    region = "eu" if member.name != "member3" else "us"
    if pull:
        settings = ClusterSettings(
            connection=NOT_FROM_HERE, sync_mode=SyncMode.PULL, region=region, worker_grace=GRACE
        )
    else:
        reference = ConnectionReference(kubeconfig=str(member.kubeconfig), context=member.name)
        settings = ClusterSettings(connection=reference, region=region)
    await joined(session, member.name, settings, timeout=60)


def deployment(name: str, namespace: str, image: str = "nginx:1") -> dict[str, Any]:
    """A small template."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "web", "image": image}]},
            },
        },
    }


def placing_everything(namespace: str) -> list[dict[str, Any]]:
    """A policy that places every Deployment of a namespace everywhere, and an override for one region."""
    base = {"apiVersion": "policy.karmada.io/v1alpha1"}
    meta = {"name": "everything", "namespace": namespace}
    return [
        {
            **base,
            "kind": "PropagationPolicy",
            "metadata": meta,
            "spec": {
                "resourceSelectors": [{"apiVersion": "apps/v1", "kind": "Deployment", "namespace": namespace}]
            },
        },
        {
            **base,
            "kind": "OverridePolicy",
            "metadata": meta,
            "spec": {
                "overrideRules": [
                    {
                        "targetCluster": {"clusterNames": ["member3"]},
                        "overriders": {
                            "imageOverrider": [
                                {"component": "Registry", "operator": "add", "value": "us.example.com"}
                            ]
                        },
                    }
                ]
            },
        },
    ]


def image_of(item: dict[str, Any]) -> str:
    """The image of an object's only container."""
    image: str = item["spec"]["template"]["spec"]["containers"][0]["image"]
    return image


async def settled(session: Session, names: Iterable[str], namespace: str, *, seconds: float) -> None:
    """Wait until every one of these Deployments is published as applied."""
    refs = [ResourceRef(api_version="apps/v1", kind="Deployment", namespace=namespace, name=n) for n in names]
    async with asyncio.timeout(seconds):
        while refs:
            observed = await asyncio.gather(*(session.observe(ref) for ref in refs), return_exceptions=True)
            refs = [
                ref
                for ref, one in zip(refs, observed, strict=True)
                if isinstance(one, BaseException) or one.status.phase != "Applied"
            ]
            await asyncio.sleep(0.2)
