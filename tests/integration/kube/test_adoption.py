"""Taking over what somebody else has declared, and what cannot be changed, on a real API server."""

from __future__ import annotations

from typing import Any

import pytest

from argosy.api.managed_fields import DECLARERS
from argosy.api.manifest import ref_of
from argosy.errors import Immutable
from argosy.kube.apply import FIELD_MANAGER, LAST_APPLIED, apply
from argosy.kube.delete import delete
from tests.cluster import OWNER, Cluster, config_map, path_of


def managers(metadata: dict[str, Any]) -> set[str]:
    return {entry["manager"] for entry in metadata["managedFields"]}


async def test_what_another_tool_declared_is_removed_with_the_field(cluster: Cluster, namespace: str) -> None:
    theirs = config_map(namespace, owner=None, kept="1", dropped="2")
    theirs["metadata"]["annotations"] = {LAST_APPLIED: "{}"}
    path = path_of(theirs)
    cluster.post(path.rpartition("/")[0] + "?fieldManager=kubectl-client-side-apply", theirs)
    cluster.apply_as("helm", path, config_map(namespace, owner=None, kept="1"))
    cluster.merge(path + "?fieldManager=some-controller", {"data": {"runtime": "3"}})
    await apply(cluster.member, config_map(namespace, kept="1", dropped="2"), expect_uid=None, takeover=True)
    live = cluster.there(path)
    assert managers(live["metadata"]) & DECLARERS == set()
    assert LAST_APPLIED not in live["metadata"]["annotations"]
    assert live["data"] == {"kept": "1", "dropped": "2", "runtime": "3"}
    # What the template leaves out from now on goes; what a controller writes stays.
    await apply(cluster.member, config_map(namespace, kept="1"), expect_uid=None, takeover=False)
    assert cluster.there(path)["data"] == {"kept": "1", "runtime": "3"}


async def test_what_the_template_never_named_stays_when_it_is_adopted(
    cluster: Cluster, namespace: str
) -> None:
    theirs = config_map(namespace, owner=None, a="1", extra="2")
    path = path_of(theirs)
    cluster.post(path.rpartition("/")[0] + "?fieldManager=kubectl-create", theirs)
    await apply(cluster.member, config_map(namespace, a="1"), expect_uid=None, takeover=True)
    live = cluster.there(path)
    assert live["data"] == {"a": "1", "extra": "2"}
    assert managers(live["metadata"]) == {FIELD_MANAGER}


async def test_a_second_apply_of_the_same_bytes_changes_nothing(cluster: Cluster, namespace: str) -> None:
    wanted = config_map(namespace, a="1")
    first = await apply(cluster.member, wanted, expect_uid=None, takeover=True)
    for uid in (first.uid, None):
        again = await apply(cluster.member, wanted, expect_uid=uid, takeover=True)
        assert again.resource_version == first.resource_version


async def test_fields_that_cannot_change_are_named_with_the_way_out(cluster: Cluster, namespace: str) -> None:
    fixed = {**config_map(namespace, a="1"), "immutable": True}
    done = await apply(cluster.member, fixed, expect_uid=None, takeover=False)
    changed = {**config_map(namespace, a="2"), "immutable": True}
    with pytest.raises(Immutable, match=r"data cannot be changed .*argosy\.dev/replace"):
        await apply(cluster.member, changed, expect_uid=done.uid, takeover=False)
    web: dict[str, Any] = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {**fixed["metadata"], "name": "web"},
        "spec": {
            "selector": {"matchLabels": {"app": "a"}},
            "template": {
                "metadata": {"labels": {"app": "a", "new": "b"}},
                "spec": {"containers": [{"name": "c", "image": "i"}]},
            },
        },
    }
    await apply(cluster.member, web, expect_uid=None, takeover=False)
    other = {**web, "spec": {**web["spec"], "selector": {"matchLabels": {"new": "b"}}}}
    with pytest.raises(Immutable, match=r"spec\.selector cannot be changed"):
        await apply(cluster.member, other, expect_uid=None, takeover=False)
    # With leave to replace it, the copy goes and comes back with the new values.
    await delete(cluster.member, ref_of(changed), propagation=OWNER.propagation)
    await apply(cluster.member, changed, expect_uid=None, takeover=False)
    assert cluster.there(path_of(changed))["data"] == {"a": "2"}
