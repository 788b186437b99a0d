"""Access rules against a real API server: who asks, and what is never asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from argosy.api.access import AccessRules
from argosy.api.cluster_connection import ConnectionReference
from argosy.api.manifest import ref_of
from argosy.api.ownership import stamp
from argosy.errors import Forbidden
from argosy.kube.apply import apply, ensure_namespace
from argosy.kube.connect import Member, connect
from argosy.kube.delete import delete, release
from argosy.kube.drift import correct
from argosy.kube.read import get
from tests.account import RBAC, eventually_allowed
from tests.cluster import OWNER, Cluster, config_map


def rules(**rule: Any) -> AccessRules:
    content = {"name": "here", "clusters": ["m1"], **rule}
    return AccessRules.model_validate(
        {"apiVersion": "argosy.dev/v1alpha1", "kind": "AccessRules", "rules": [content]}
    )


@pytest.fixture
async def ruled(cluster: Cluster) -> AsyncIterator[Any]:
    """Connect as the administrator, under rules."""
    opened: list[Member] = []

    async def under(**rule: Any) -> Member:
        reference = ConnectionReference(kubeconfig=str(cluster.local.kubeconfig))
        opened.append(await connect("m1", reference, allow_exec=False, access_rules=rules(**rule)))
        return opened[-1]

    yield under
    for member in opened:
        await member.close()


async def test_every_group_of_a_user_goes_along(cluster: Cluster, namespace: str, ruled: Any) -> None:
    meta = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": "maps"}}
    role = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"]}
    cluster.post(f"{RBAC}/namespaces/{namespace}/roles", {**meta, "kind": "Role", "rules": [role]})
    group = f"writers-{uuid4().hex[:6]}"
    cluster.post(
        f"{RBAC}/namespaces/{namespace}/rolebindings",
        {
            **meta,
            "kind": "RoleBinding",
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "maps"},
            "subjects": [{"kind": "Group", "name": group, "apiGroup": "rbac.authorization.k8s.io"}],
        },
    )
    manifest = config_map(namespace)
    ref = ref_of(manifest)
    alone = await ruled(impersonate=[{"namespaces": [namespace], "user": "ann", "groups": ["other"]}])
    grouped = await ruled(
        impersonate=[{"namespaces": [namespace], "user": "ann", "groups": ["other", group]}]
    )
    await eventually_allowed(lambda: apply(grouped, manifest, expect_uid=None, takeover=False))
    uid = cluster.there(f"/api/v1/namespaces/{namespace}/configmaps/{ref.name}")["metadata"]["uid"]
    for call in (
        lambda: apply(alone, manifest, expect_uid=uid, takeover=False),
        lambda: correct(alone, manifest, expect_uid=uid, exceptions=(), takeover=False, dry_run=True),
        lambda: get(alone, ref),
        lambda: release(alone, ref, propagation=OWNER.propagation),
        lambda: delete(alone, ref, propagation=OWNER.propagation),
    ):
        with pytest.raises(Forbidden, match=f"user ann may not .* in namespace {namespace}"):
            await call()
    await delete(grouped, ref, propagation=OWNER.propagation)
    assert cluster.get(f"/api/v1/namespaces/{namespace}/configmaps/{ref.name}") is None


async def test_what_is_not_allowed_is_not_even_read(cluster: Cluster, namespace: str, ruled: Any) -> None:
    manifest = config_map(namespace)
    ref = ref_of(manifest)
    applied = await apply(cluster.member, manifest, expect_uid=None, takeover=False)
    member = await ruled(allow=[{"namespaces": [namespace], "kinds": ["apps/*"]}])
    for call in (
        lambda: apply(member, manifest, expect_uid=None, takeover=True),
        lambda: apply(member, manifest, expect_uid=applied.uid, takeover=False),
        lambda: correct(
            member, manifest, expect_uid=applied.uid, exceptions=(), takeover=False, dry_run=False
        ),
        lambda: get(member, ref),
        lambda: release(member, ref, propagation=OWNER.propagation),
        lambda: delete(member, ref, propagation=OWNER.propagation),
        lambda: ensure_namespace(member, f"{namespace}-more"),
    ):
        with pytest.raises(Forbidden, match='allow list of access rule "here" does not have v1/'):
            await call()
    kept = cluster.there(f"/api/v1/namespaces/{namespace}/configmaps/{ref.name}")
    assert kept["metadata"]["resourceVersion"] == applied.resource_version
    assert cluster.get(f"/api/v1/namespaces/{namespace}-more") is None


async def test_a_namespace_written_into_what_has_none_permits_nothing(
    cluster: Cluster, namespace: str, ruled: Any
) -> None:
    name = f"role-{uuid4().hex[:6]}"
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name, "namespace": namespace},
        "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}],
    }
    member = await ruled(
        allow=[{"namespaces": [namespace], "kinds": ["*"]}],
        impersonate=[{"namespaces": [namespace], "worker": True}],
    )
    with pytest.raises(Forbidden, match=r"ClusterRole \(cluster scope\)"):
        await apply(member, stamp(role, OWNER), expect_uid=None, takeover=False)
    assert cluster.get(f"{RBAC}/clusterroles/{name}") is None
