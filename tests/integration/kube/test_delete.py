"""Taking copies away from a real API server: only our own, and wholly or not at all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import uuid4

import pytest

from argosy.api.manifest import ResourceRef, ref_of
from argosy.api.ownership import ANNOTATIONS, LABELS, Ownership, stamp
from argosy.errors import Conflict, Raced, Terminating
from argosy.kube import delete as delete_module
from argosy.kube.apply import FIELD_MANAGER, apply, metadata_of
from argosy.kube.connect import Member
from argosy.kube.delete import Removal, delete, release
from tests.cluster import OWNER, Cluster, Manifest, config_map, path_of, widget_crd

Action = Callable[..., Awaitable[Removal]]
BOTH = pytest.mark.parametrize("act", [delete, release], ids=["delete", "release"])


async def test_ours_is_deleted(cluster: Cluster, namespace: str) -> None:
    ours = config_map(namespace)
    await apply(cluster.member, ours, expect_uid=None, takeover=False)
    assert await delete(cluster.member, ref_of(ours), propagation=OWNER.propagation) == Removal.DELETED
    assert cluster.get(path_of(ours)) is None
    assert await delete(cluster.member, ref_of(ours), propagation=OWNER.propagation) == Removal.ABSENT


@BOTH
async def test_absent_is_fine(cluster: Cluster, namespace: str, act: Action) -> None:
    there = ref_of(config_map(namespace))
    nowhere = ref_of(config_map("no-such-namespace"))
    no_kind = ResourceRef(api_version="no.example/v1", kind="Such", namespace=namespace, name="x")
    no_space = ResourceRef(api_version="v1", kind="Namespace", name="no-such-namespace")
    for ref in (there, nowhere, no_kind, no_space):
        assert await act(cluster.member, ref, propagation=OWNER.propagation) == Removal.ABSENT


@BOTH
@pytest.mark.parametrize("owner", [None, OWNER.model_copy(update={"propagation": "propagation/b"})])
async def test_what_is_not_ours_is_left_alone(
    cluster: Cluster, namespace: str, act: Action, owner: Ownership | None
) -> None:
    theirs = config_map(namespace, owner=owner)
    before = cluster.apply_as("kubectl", path_of(theirs), theirs)
    assert await act(cluster.member, ref_of(theirs), propagation=OWNER.propagation) == Removal.NOT_OURS
    assert cluster.there(path_of(theirs)) == before


async def test_what_finalizers_hold_is_not_reported_as_gone(cluster: Cluster, namespace: str) -> None:
    held = config_map(namespace)
    held["metadata"]["finalizers"] = ["example.com/hold"]
    cluster.apply_as("kubectl", path_of(held), held)
    for _ in range(2):
        with pytest.raises(Terminating, match=r"held by example\.com/hold"):
            await delete(cluster.member, ref_of(held), propagation=OWNER.propagation)
    cluster.merge(path_of(held), {"metadata": {"finalizers": None}})
    assert await delete(cluster.member, ref_of(held), propagation=OWNER.propagation) == Removal.ABSENT


async def test_kinds_that_answer_with_the_object_are_gone_too(cluster: Cluster, namespace: str) -> None:
    service: Manifest = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "s", "namespace": namespace},
        "spec": {"ports": [{"port": 80}]},
    }
    await apply(cluster.member, stamp(service, OWNER), expect_uid=None, takeover=False)
    assert await delete(cluster.member, ref_of(service), propagation=OWNER.propagation) == Removal.DELETED


@BOTH
async def test_one_that_is_replaced_meanwhile_is_left_alone(
    cluster: Cluster, namespace: str, act: Action, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = config_map(namespace), config_map(namespace, owner=None, key="theirs")
    await apply(cluster.member, ours, expect_uid=None, takeover=False)
    look = metadata_of

    async def look_then_lose(member: Member, *arguments: object) -> object:
        found = await look(member, *arguments)  # type: ignore[arg-type] # passed through
        cluster.delete(path_of(ours))
        cluster.post(path_of(ours).rpartition("/")[0], theirs)
        return found

    monkeypatch.setattr(delete_module, "metadata_of", look_then_lose)
    with pytest.raises(Raced):
        await act(cluster.member, ref_of(ours), propagation=OWNER.propagation)
    assert cluster.there(path_of(theirs))["data"] == {"key": "theirs"}


async def test_one_that_is_applied_anew_meanwhile_is_wanted_again(
    cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = config_map(namespace)
    done = await apply(cluster.member, ours, expect_uid=None, takeover=False)
    again = config_map(namespace, owner=OWNER.model_copy(update={"pass_number": OWNER.pass_number + 1}))
    look = metadata_of

    async def look_too_late(member: Member, *arguments: object) -> object:
        found = await look(member, *arguments)  # type: ignore[arg-type] # passed through
        await apply(cluster.member, again, expect_uid=done.uid, takeover=False)
        return found

    with monkeypatch.context() as patched:
        patched.setattr(delete_module, "metadata_of", look_too_late)
        with pytest.raises(Raced, match="applied anew meanwhile"):
            await delete(cluster.member, ref_of(ours), propagation=OWNER.propagation)
    assert cluster.there(path_of(ours))["metadata"]["uid"] == done.uid


async def test_one_that_others_change_all_the_time_goes_all_the_same(
    cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = config_map(namespace)
    await apply(cluster.member, ours, expect_uid=None, takeover=False)
    look, looks = metadata_of, iter(range(100))

    async def look_then_change(member: Member, *arguments: object) -> object:
        found = await look(member, *arguments)  # type: ignore[arg-type] # passed through
        cluster.merge(path_of(ours), {"data": {"theirs": str(next(looks))}})
        return found

    monkeypatch.setattr(delete_module, "metadata_of", look_then_change)
    assert await delete(cluster.member, ref_of(ours), propagation=OWNER.propagation) == Removal.DELETED
    assert cluster.get(path_of(ours)) is None


async def test_a_released_copy_belongs_to_nobody(cluster: Cluster, namespace: str) -> None:
    ours = config_map(namespace, key="kept")
    ours["metadata"]["labels"]["app"] = "web"
    await apply(cluster.member, ours, expect_uid=None, takeover=False)
    before = cluster.there(path_of(ours))
    assert await release(cluster.member, ref_of(ours), propagation=OWNER.propagation) == Removal.RELEASED
    left = cluster.there(path_of(ours))
    assert left["metadata"]["uid"] == before["metadata"]["uid"]
    assert left["data"] == {"key": "kept"}
    assert left["metadata"]["labels"] == {"app": "web"}
    assert not {*LABELS, *ANNOTATIONS} & {
        *left["metadata"]["labels"],
        *left["metadata"].get("annotations", {}),
    }
    assert FIELD_MANAGER not in {entry["manager"] for entry in left["metadata"].get("managedFields", [])}
    with pytest.raises(Conflict, match="not managed by Argosy"):
        await apply(cluster.member, config_map(namespace), expect_uid=None, takeover=False)


async def test_releasing_keeps_what_others_own(cluster: Cluster, namespace: str) -> None:
    ours, theirs = config_map(namespace, a="1"), config_map(namespace, owner=None, b="2")
    await apply(cluster.member, ours, expect_uid=None, takeover=False)
    cluster.apply_as("somebody", path_of(theirs), theirs)
    await release(cluster.member, ref_of(ours), propagation=OWNER.propagation)
    left = cluster.there(path_of(ours))
    assert left["data"] == {"a": "1", "b": "2"}
    assert [entry["manager"] for entry in left["metadata"]["managedFields"]] == ["somebody"]


async def test_dependents_go_in_the_background(cluster: Cluster, namespace: str) -> None:
    """The object itself is gone at once, although no garbage collector runs that would take its dependents."""
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    replica_set: Manifest = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": "web", "namespace": namespace},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }
    await apply(cluster.member, stamp(replica_set, OWNER), expect_uid=None, takeover=False)
    assert await delete(cluster.member, ref_of(replica_set), propagation=OWNER.propagation) == Removal.DELETED


async def test_custom_resources(cluster: Cluster) -> None:
    group = f"g{uuid4().hex[:8]}.example.com"
    crd = stamp(widget_crd(group), OWNER)
    await apply(cluster.member, crd, expect_uid=None, takeover=False)
    try:
        outcome = await delete(cluster.member, ref_of(crd), propagation=OWNER.propagation)
    except Terminating:
        outcome = Removal.DELETED
    assert outcome == Removal.DELETED
