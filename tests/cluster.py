"""A real API server for tests: Argosy's connection to it beside a plain one that sees the truth."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from argosy.api.manifest import ref_of
from argosy.api.ownership import Ownership, stamp
from argosy.kube.connect import Member
from devcluster.member import Member as LocalMember

Manifest = dict[str, Any]
OWNER = Ownership(propagation="propagation/a", revision=2, pass_number=5, instance="here")


@dataclass
class Cluster:
    """Both ways to one API server."""

    local: LocalMember
    member: Member

    def post(self, path: str, body: Manifest) -> Manifest:
        return self._done("POST", path, body)

    def merge(self, path: str, body: Manifest) -> Manifest:
        return self._done("PATCH", path, body, content="application/merge-patch+json")

    def apply_as(self, manager: str, path: str, body: Manifest) -> Manifest:
        query = f"?fieldManager={manager}&force=true"
        return self._done("PATCH", path + query, body, content="application/apply-patch+yaml")

    def delete(self, path: str) -> None:
        self._done("DELETE", path)

    def get(self, path: str) -> Manifest | None:
        status, content = self.local.request("GET", path)
        if status == 404:
            return None
        assert status == 200, content
        found: Manifest = json.loads(content)
        return found

    def there(self, path: str) -> Manifest:
        found = self.get(path)
        assert found is not None, f"{path} does not exist"
        return found

    def _done(
        self, method: str, path: str, body: Any = None, *, content: str = "application/json"
    ) -> Manifest:
        status, answer = self.local.request(method, path, body, content=content)
        assert status in {200, 201, 202}, answer
        parsed: Manifest = json.loads(answer)
        return parsed


def config_map(
    namespace: str, name: str = "settings", *, owner: Ownership | None = OWNER, **data: str
) -> Manifest:
    """A ConfigMap, stamped unless `owner` is None."""
    plain: Manifest = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        "data": data or {"key": "value"},
    }
    return plain if owner is None else stamp(plain, owner)


def path_of(manifest: Manifest) -> str:
    """Where a ConfigMap lives."""
    ref = ref_of(manifest)
    return f"/api/v1/namespaces/{ref.namespace}/configmaps/{ref.name}"


def widget_crd(group: str, *, scope: str = "Namespaced") -> Manifest:
    """A definition of the kind Widget in a group of the test's own."""
    schema = {
        "type": "object",
        "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"widgets.{group}"},
        "spec": {
            "group": group,
            "scope": scope,
            "names": {"plural": "widgets", "singular": "widget", "kind": "Widget"},
            "versions": [
                {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
            ],
        },
    }
