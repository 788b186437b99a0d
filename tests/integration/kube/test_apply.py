"""Applying to a real API server: what changes, what is refused, and what is never taken over unasked."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from argosy.api.ownership import IMPLIED, Ownership, owner_of, stamp
from argosy.errors import (
    Conflict,
    InvalidInput,
    NamespaceMissing,
    Raced,
    Rejected,
    Superseded,
    Terminating,
)
from argosy.kube import apply as apply_module
from argosy.kube.apply import FIELD_MANAGER, Outcome, apply, ensure_namespace
from argosy.kube.connect import Member
from tests.cluster import OWNER, Cluster, Manifest, config_map, path_of

OTHER_UID = "11111111-1111-1111-1111-111111111111"


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The methods of what is asked of any member, in order."""
    sent: list[str] = []
    real = Member.send

    async def counted(self: Member, method: str, path: str, **others: Any) -> Any:
        sent.append(method)
        return await real(self, method, path, **others)

    monkeypatch.setattr(Member, "send", counted)
    return sent


async def test_create_then_nothing_then_change(cluster: Cluster, namespace: str) -> None:
    wanted = config_map(namespace)
    first = await apply(cluster.member, wanted, expect_uid=None, takeover=False)
    again = await apply(cluster.member, wanted, expect_uid=None, takeover=False)
    changed = await apply(cluster.member, config_map(namespace, key="new"), expect_uid=None, takeover=False)
    assert [first.outcome, again.outcome, changed.outcome] == [
        Outcome.CREATED,
        Outcome.UNCHANGED,
        Outcome.UPDATED,
    ]
    assert first.uid == again.uid == changed.uid
    assert first.resource_version == again.resource_version != changed.resource_version
    live = cluster.there(path_of(wanted))
    assert live["data"] == {"key": "new"}
    assert owner_of(live["metadata"]) == OWNER


async def test_fields_that_are_left_out_go_and_those_of_others_stay(cluster: Cluster, namespace: str) -> None:
    await apply(cluster.member, config_map(namespace, a="1", b="2"), expect_uid=None, takeover=False)
    theirs = config_map(namespace, owner=None, c="theirs")
    cluster.apply_as("somebody", path_of(theirs), theirs)
    await apply(cluster.member, config_map(namespace, a="1"), expect_uid=None, takeover=False)
    assert cluster.there(path_of(theirs))["data"] == {"a": "1", "c": "theirs"}


async def test_fields_that_others_took_are_taken_back(cluster: Cluster, namespace: str) -> None:
    done = await apply(cluster.member, config_map(namespace, key="ours"), expect_uid=None, takeover=False)
    drifted = config_map(namespace, owner=None, key="drift")
    cluster.apply_as("somebody", path_of(drifted), drifted)
    await apply(cluster.member, config_map(namespace, key="ours"), expect_uid=done.uid, takeover=False)
    assert cluster.there(path_of(drifted))["data"] == {"key": "ours"}


async def test_what_is_not_there_takes_one_round_trip(
    cluster: Cluster, namespace: str, requests: list[str]
) -> None:
    await apply(cluster.member, config_map(namespace), expect_uid=None, takeover=False)
    assert requests == ["PATCH"]


async def test_what_is_there_is_looked_at_before_it_is_written(
    cluster: Cluster, namespace: str, requests: list[str]
) -> None:
    await apply(cluster.member, config_map(namespace), expect_uid=None, takeover=False)
    requests.clear()
    await apply(cluster.member, config_map(namespace, key="new"), expect_uid=None, takeover=False)
    assert requests == ["PATCH", "GET", "PATCH"]


async def test_a_stranger_with_other_fields_gets_none_of_ours(cluster: Cluster, namespace: str) -> None:
    """Nothing but its version tells the server that it is not to be written to."""
    theirs = config_map(namespace, owner=None, other="theirs")
    cluster.post(path_of(theirs).rpartition("/")[0], theirs)
    with pytest.raises(Conflict, match="not managed by Argosy"):
        await apply(cluster.member, config_map(namespace, key="ours"), expect_uid=None, takeover=False)
    live = cluster.there(path_of(theirs))
    assert live["data"] == {"other": "theirs"}
    assert owner_of(live["metadata"]) is None


async def test_a_dry_run_keeps_nothing(cluster: Cluster, namespace: str) -> None:
    wanted = config_map(namespace)
    done = await apply(cluster.member, wanted, expect_uid=None, takeover=False, dry_run=True)
    assert done.outcome == Outcome.CREATED
    assert cluster.get(path_of(wanted)) is None


class TestExpectedUid:
    async def test_one_round_trip_and_no_trace(
        self, cluster: Cluster, namespace: str, requests: list[str]
    ) -> None:
        first = await apply(cluster.member, config_map(namespace), expect_uid=None, takeover=False)
        requests.clear()
        await apply(cluster.member, config_map(namespace, key="new"), expect_uid=first.uid, takeover=False)
        assert requests == ["PATCH"]
        live = cluster.there(path_of(config_map(namespace)))["metadata"]
        owned = [entry["fieldsV1"] for entry in live["managedFields"] if entry["manager"] == FIELD_MANAGER]
        assert len(owned) == 1
        assert "f:uid" not in owned[0]["f:metadata"]

    @pytest.mark.parametrize("takeover", [False, True])
    async def test_gone_is_created_anew(
        self, cluster: Cluster, namespace: str, requests: list[str], takeover: bool
    ) -> None:
        done = await apply(cluster.member, config_map(namespace), expect_uid=OTHER_UID, takeover=takeover)
        assert done.outcome == Outcome.CREATED
        assert takeover or requests == ["PATCH", "PATCH"]

    async def test_replaced_by_our_own_is_updated(self, cluster: Cluster, namespace: str) -> None:
        first = await apply(cluster.member, config_map(namespace), expect_uid=None, takeover=False)
        done = await apply(
            cluster.member, config_map(namespace, key="b"), expect_uid=OTHER_UID, takeover=False
        )
        assert (done.uid, done.outcome) == (first.uid, Outcome.UPDATED)

    async def test_replaced_by_a_stranger_is_left_alone(self, cluster: Cluster, namespace: str) -> None:
        first = await apply(cluster.member, config_map(namespace), expect_uid=None, takeover=False)
        foreign = config_map(namespace, owner=None, key="theirs")
        cluster.delete(path_of(foreign))
        cluster.post(path_of(foreign).rpartition("/")[0], foreign)
        with pytest.raises(Conflict, match="not managed by Argosy"):
            await apply(
                cluster.member, config_map(namespace, key="ours"), expect_uid=first.uid, takeover=False
            )
        assert cluster.there(path_of(foreign))["data"] == {"key": "theirs"}

    async def test_a_deployment_answers_like_that_too(self, cluster: Cluster, namespace: str) -> None:
        done = await apply(cluster.member, deployment(namespace), expect_uid=None, takeover=False)
        again = await apply(cluster.member, deployment(namespace), expect_uid=OTHER_UID, takeover=False)
        assert again.uid == done.uid
        assert again.generation == 1


FOREIGN = [
    pytest.param(None, "is not managed by Argosy (field managers: kubectl)", id="nobody's"),
    pytest.param(
        OWNER.model_copy(update={"propagation": "propagation/b"}), "is managed by propagation/b", id="another"
    ),
    pytest.param(
        OWNER.model_copy(update={"instance": "there"}),
        "another installation of Argosy (there)",
        id="instance",
    ),
]


class TestOwnership:
    @pytest.mark.parametrize(("owner", "says"), FOREIGN)
    async def test_nothing_is_taken_over_unasked(
        self, cluster: Cluster, namespace: str, owner: Ownership | None, says: str
    ) -> None:
        theirs = config_map(namespace, owner=owner, key="theirs")
        cluster.apply_as("kubectl", path_of(theirs), theirs)
        with pytest.raises(Conflict) as caught:
            await apply(cluster.member, config_map(namespace), expect_uid=None, takeover=False)
        assert says in str(caught.value)
        assert "conflictResolution: Overwrite" in str(caught.value)
        assert cluster.there(path_of(theirs))["data"] == {"key": "theirs"}

    @pytest.mark.parametrize("owner", [parameter.values[0] for parameter in FOREIGN])
    async def test_what_was_asked_for_is_taken_over(
        self, cluster: Cluster, namespace: str, owner: Ownership | None
    ) -> None:
        theirs = config_map(namespace, owner=owner, key="theirs")
        uid = cluster.apply_as("kubectl", path_of(theirs), theirs)["metadata"]["uid"]
        done = await apply(cluster.member, config_map(namespace, key="ours"), expect_uid=None, takeover=True)
        live = cluster.there(path_of(theirs))
        assert done.uid == uid
        assert live["data"] == {"key": "ours"}
        assert owner_of(live["metadata"]) == OWNER

    async def test_an_heir_takes_the_copy_of_its_predecessor(self, cluster: Cluster, namespace: str) -> None:
        old = OWNER.model_copy(update={"instance": "there", "revision": 9})
        first = await apply(cluster.member, config_map(namespace, owner=old), expect_uid=None, takeover=False)
        done = await apply(
            cluster.member, config_map(namespace), expect_uid=None, takeover=False, predecessor="there"
        )
        assert done.uid == first.uid
        assert owner_of(cluster.there(path_of(config_map(namespace)))["metadata"]) == OWNER

    @pytest.mark.parametrize(
        ("theirs", "predecessor"),
        [
            ({"instance": "elsewhere"}, "there"),
            ({"instance": "there", "propagation": "propagation/b"}, "there"),
            ({"instance": ""}, ""),
        ],
    )
    async def test_an_heir_takes_nothing_else(
        self, cluster: Cluster, namespace: str, theirs: dict[str, str], predecessor: str
    ) -> None:
        owner = OWNER.model_copy(update=theirs)
        await apply(cluster.member, config_map(namespace, owner=owner), expect_uid=None, takeover=False)
        with pytest.raises(Conflict):
            await apply(
                cluster.member,
                config_map(namespace),
                expect_uid=None,
                takeover=False,
                predecessor=predecessor,
            )

    @pytest.mark.parametrize(("revision", "pass_number"), [(3, 0), (2, 6)])
    async def test_a_newer_stamp_is_not_overwritten(
        self, cluster: Cluster, namespace: str, revision: int, pass_number: int
    ) -> None:
        newer = OWNER.model_copy(update={"revision": revision, "pass_number": pass_number})
        await apply(cluster.member, config_map(namespace, owner=newer), expect_uid=None, takeover=False)
        with pytest.raises(Superseded, match=f"revision {revision}, pass {pass_number}"):
            await apply(cluster.member, config_map(namespace, key="old"), expect_uid=None, takeover=False)
        assert cluster.there(path_of(config_map(namespace)))["data"] == {"key": "value"}

    async def test_one_that_comes_into_being_meanwhile_is_not_forced(
        self, cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What is in the way is gone when it is looked at, and then a stranger creates the object."""
        theirs = config_map(namespace, owner=None, key="theirs")
        cluster.post(path_of(theirs).rpartition("/")[0], theirs)
        look = apply_module.metadata_of

        async def look_then_lose(*arguments: Any) -> Any:
            cluster.delete(path_of(theirs))
            found = await look(*arguments)
            cluster.apply_as("kubectl", path_of(theirs), theirs)
            return found

        ours = config_map(namespace, key="ours")
        with monkeypatch.context() as patched:
            patched.setattr(apply_module, "metadata_of", look_then_lose)
            with pytest.raises(Raced):
                await apply(cluster.member, ours, expect_uid=None, takeover=False)
        assert cluster.there(path_of(theirs))["data"] == {"key": "theirs"}
        with pytest.raises(Conflict, match="not managed"):
            await apply(cluster.member, ours, expect_uid=None, takeover=False)

    async def test_a_server_that_wants_no_version_where_nothing_is_gets_none(
        self, cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        patch, wanted = apply_module._patch, config_map(namespace)

        async def particular(*arguments: Any, expect: dict[str, str], **others: Any) -> Any:
            if "resourceVersion" in expect:
                raise Raced("not with a version")
            return await patch(*arguments, expect=expect, **others)

        monkeypatch.setattr(apply_module, "_patch", particular)
        done = await apply(cluster.member, wanted, expect_uid=None, takeover=False)
        assert done.outcome == Outcome.CREATED
        assert cluster.there(path_of(wanted))["data"] == wanted["data"]

    async def test_only_stamped_manifests_are_applied(self, cluster: Cluster, namespace: str) -> None:
        await apply(cluster.member, config_map(namespace), expect_uid=None, takeover=False)
        with pytest.raises(ValueError, match="stamped"):
            await apply(cluster.member, config_map(namespace, owner=None), expect_uid=None, takeover=False)

    async def test_one_that_is_being_deleted_is_waited_for(self, cluster: Cluster, namespace: str) -> None:
        held = config_map(namespace)
        held["metadata"]["finalizers"] = ["example.com/hold"]
        uid = cluster.apply_as("kubectl", path_of(held), held)["metadata"]["uid"]
        cluster.delete(path_of(held))
        for expect_uid in (None, uid):
            with pytest.raises(Terminating, match=r"held by example\.com/hold"):
                await apply(cluster.member, config_map(namespace), expect_uid=expect_uid, takeover=False)
        cluster.merge(path_of(held), {"metadata": {"finalizers": None}})
        done = await apply(cluster.member, config_map(namespace), expect_uid=uid, takeover=False)
        assert done.outcome == Outcome.CREATED


class TestNamespaces:
    async def test_a_missing_one_is_named_and_can_be_made(self, cluster: Cluster) -> None:
        name = f"test-{uuid4().hex[:10]}"
        for expect_uid in (None, OTHER_UID):
            with pytest.raises(NamespaceMissing, match=f"namespace {name} does not exist"):
                await apply(cluster.member, config_map(name), expect_uid=expect_uid, takeover=False)
        await ensure_namespace(cluster.member, name)
        before = cluster.there(f"/api/v1/namespaces/{name}")
        await ensure_namespace(cluster.member, name)
        assert cluster.there(f"/api/v1/namespaces/{name}") == before
        await apply(cluster.member, config_map(name), expect_uid=None, takeover=False)

    async def test_an_implied_one_may_be_claimed_by_its_template(self, cluster: Cluster) -> None:
        name = f"test-{uuid4().hex[:10]}"
        template = stamp({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}, OWNER)
        await ensure_namespace(cluster.member, name)
        assert cluster.there(f"/api/v1/namespaces/{name}")["metadata"]["annotations"] == {IMPLIED: "true"}
        await apply(cluster.member, template, expect_uid=None, takeover=False)
        assert owner_of(cluster.there(f"/api/v1/namespaces/{name}")["metadata"]) == OWNER

    async def test_one_that_goes_is_waited_for(self, cluster: Cluster, namespace: str) -> None:
        cluster.delete(f"/api/v1/namespaces/{namespace}")
        with pytest.raises(Terminating, match="its namespace is being deleted"):
            await apply(cluster.member, config_map(namespace), expect_uid=None, takeover=False)

    async def test_a_namespaced_object_names_its_namespace(self, cluster: Cluster) -> None:
        stray = config_map("x")
        del stray["metadata"]["namespace"]
        with pytest.raises(InvalidInput, match=r"metadata\.namespace"):
            await apply(cluster.member, stray, expect_uid=None, takeover=False)


def deployment(namespace: str, **spec: Any) -> Manifest:
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": "web:1"}]}}
    return stamp(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web", "namespace": namespace},
            "spec": {"selector": {"matchLabels": labels}, "template": template, **spec},
        },
        OWNER,
    )


class TestJudgement:
    """What the API server finds wrong with an object is for a person to correct, and is not tried again."""

    @pytest.mark.parametrize(
        ("spec", "says"),
        [
            ({"replicas": "many"}, "replicas"),
            ({"replica": 3}, ".spec.replica: field not declared in schema"),
            ({"replicas": -1}, "spec.replicas: Invalid value: -1"),
        ],
    )
    async def test_nonsense(self, cluster: Cluster, namespace: str, spec: Manifest, says: str) -> None:
        with pytest.raises(Rejected) as caught:
            await apply(cluster.member, deployment(namespace, **spec), expect_uid=None, takeover=False)
        assert says in str(caught.value)
        assert str(caught.value).endswith("correct the template or the overrides for m1")

    async def test_immutable_fields(self, cluster: Cluster, namespace: str) -> None:
        done = await apply(cluster.member, deployment(namespace), expect_uid=None, takeover=False)
        labels = {"app": "other"}
        changed = deployment(namespace, selector={"matchLabels": labels})
        changed["spec"]["template"]["metadata"] = {"labels": labels}
        for expect_uid in (None, done.uid):
            with pytest.raises(Rejected, match=r"spec\.selector cannot be changed on an existing object"):
                await apply(cluster.member, changed, expect_uid=expect_uid, takeover=False)

    @pytest.mark.parametrize("data", [{"key": "hunter2!"}, {"key": 4711}, {"bad key": "aHVudGVyMg=="}])
    async def test_values_of_secrets_are_not_shown(
        self, cluster: Cluster, namespace: str, data: Manifest
    ) -> None:
        secret: Manifest = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "s", "namespace": namespace},
            "data": data,
        }
        with pytest.raises(Rejected) as caught:
            await apply(cluster.member, stamp(secret, OWNER), expect_uid=None, takeover=False)
        for value in ("hunter2", "4711", "aHVudGVyMg"):
            assert value not in str(caught.value)

    async def test_admission(self, cluster: Cluster, namespace: str) -> None:
        label = {"pod-security.kubernetes.io/enforce": "restricted"}
        cluster.merge(f"/api/v1/namespaces/{namespace}", {"metadata": {"labels": label}})
        pod: Manifest = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "p", "namespace": namespace},
            "spec": {"containers": [{"name": "c", "image": "i"}]},
        }
        with pytest.raises(Rejected, match="PodSecurity"):
            await apply(cluster.member, stamp(pod, OWNER), expect_uid=None, takeover=False)
