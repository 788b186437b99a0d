"""Accounts on a real API server, with no more rights than they are given."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from uuid import uuid4

from argosy.errors import Forbidden
from tests.cluster import Cluster, Manifest

RBAC = "/apis/rbac.authorization.k8s.io/v1"


class Account:
    """A service account with rights of its own."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster = cluster
        self._path = f"/api/v1/namespaces/{namespace}/serviceaccounts"
        self.name = f"system:serviceaccount:{namespace}:robot"
        cluster.post(
            self._path, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "robot"}}
        )

    def token(self) -> str:
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        given: str = self._cluster.post(f"{self._path}/robot/token", request)["status"]["token"]
        return given

    def may(self, *rules: Manifest) -> None:
        name = f"robot-{uuid4().hex[:8]}"
        meta = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": name}}
        self._cluster.post(f"{RBAC}/clusterroles", {**meta, "kind": "ClusterRole", "rules": list(rules)})
        binding = {
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
            "subjects": [{"kind": "User", "name": self.name, "apiGroup": "rbac.authorization.k8s.io"}],
        }
        self._cluster.post(f"{RBAC}/clusterrolebindings", {**meta, "kind": "ClusterRoleBinding", **binding})

    def revoke(self) -> None:
        self._cluster.delete(f"{self._path}/robot")


def rule(*resources: str, verbs: tuple[str, ...] = ("*",), groups: tuple[str, ...] = ("",)) -> Manifest:
    return {"apiGroups": list(groups), "resources": list(resources), "verbs": list(verbs)}


async def eventually_allowed(call: Callable[[], Awaitable[object]]) -> None:
    """Wait until the rights that were given count; servers remember older ones for a moment."""
    async with asyncio.timeout(40):
        while True:
            try:
                await call()
            except Forbidden:
                await asyncio.sleep(0.1)
            else:
                return
