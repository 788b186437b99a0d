"""Real credentials against a real API server: certificates, tokens that rotate, and rights that are missing."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from argosy.api.cluster_connection import ConnectionReference
from argosy.errors import Forbidden, InvalidInput, Unauthorized, Unreachable
from argosy.kube import connect as connect_module
from argosy.kube.apply import apply
from argosy.kube.connect import Member, connect
from argosy.kube.facts import collect, probe
from argosy.kube.read import sweep
from devcluster import certificates
from tests.account import Account, eventually_allowed, rule
from tests.cluster import Cluster, config_map

KubeconfigFor = Callable[..., ConnectionReference]
Open = Callable[[ConnectionReference], Awaitable[Member]]


@pytest.fixture
async def opened() -> AsyncIterator[Open]:
    """Opens connections and closes them afterwards."""
    members: list[Member] = []

    async def open_one(reference: ConnectionReference) -> Member:
        members.append(await connect("m1", reference, allow_exec=False))
        return members[-1]

    yield open_one
    for member in members:
        await member.close()


async def eventually(call: Callable[[], Awaitable[object]], error: type[Exception]) -> Exception:
    """The error that `call` comes to raise; servers remember tokens and rights for some seconds."""
    async with asyncio.timeout(40):
        while True:
            try:
                await call()
            except error as caught:
                return caught
            await asyncio.sleep(0.2)


async def test_a_client_certificate(cluster: Cluster, opened: Open, kubeconfig_for: KubeconfigFor) -> None:
    files = certificates.Credentials(cluster.local.directory / "pki")
    by_file = {"client-certificate": str(files.client_certificate), "client-key": str(files.client_key)}
    inline = {
        "client-certificate-data": base64.b64encode(files.client_certificate.read_bytes()).decode(),
        "client-key-data": base64.b64encode(files.client_key.read_bytes()).decode(),
    }
    for user in (by_file, inline):
        member = await opened(kubeconfig_for(user))
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        answer = await member.request(
            "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", what="ask who I am", body=review
        )
        assert "system:masters" in answer["status"]["userInfo"]["groups"]


async def test_a_certificate_of_another_key(cluster: Cluster, kubeconfig_for: KubeconfigFor) -> None:
    files = certificates.Credentials(cluster.local.directory / "pki")
    user = {"client-certificate": str(files.client_certificate), "client-key": str(files.serving_key)}
    with pytest.raises(InvalidInput, match="client certificate and key cannot be used"):
        await connect("m1", kubeconfig_for(user), allow_exec=False)


async def test_a_server_of_another_ca(opened: Open, kubeconfig_for: KubeconfigFor, tmp_path: Path) -> None:
    other = certificates.create(tmp_path / "pki", name="other")
    authority = base64.b64encode(other.ca.read_bytes()).decode()
    member = await opened(kubeconfig_for({}, {"certificate-authority-data": authority}))
    with pytest.raises(Unreachable, match=r"TLS with .* check the CA"):
        await member.request("GET", "/version", what="look")
    careless = {"certificate-authority-data": "", "insecure-skip-tls-verify": True}
    insecure = await opened(kubeconfig_for({}, careless))
    assert "gitVersion" in await insecure.request("GET", "/version", what="look")


async def test_an_unknown_token(opened: Open, kubeconfig_for: KubeconfigFor, namespace: str) -> None:
    member = await opened(kubeconfig_for({"token": "made-up"}))
    with pytest.raises(Unauthorized, match="renew") as caught:
        await apply(member, config_map(namespace), expect_uid=None, takeover=False)
    assert caught.value.retryable
    assert caught.value.retry_after == 30
    seen = await probe(member, timeout=4)
    assert (seen.ok, seen.message) == (True, "answers, refuses the credentials")


async def test_a_token_that_is_revoked_and_replaced(
    opened: Open,
    kubeconfig_for: KubeconfigFor,
    account: Account,
    cluster: Cluster,
    namespace: str,
    tmp_path: Path,
) -> None:
    account.may(rule("configmaps"))
    token = tmp_path / "token"
    token.write_text(account.token() + "\n", encoding="utf-8")
    member = await opened(kubeconfig_for({"tokenFile": "token"}))

    async def work() -> None:
        await apply(member, config_map(namespace), expect_uid=None, takeover=False)

    await eventually_allowed(work)
    account.revoke()
    await eventually(work, Unauthorized)
    Account(cluster, namespace)
    token.write_text(account.token() + "\n", encoding="utf-8")
    await work()


async def test_a_stream_renews_as_well(
    opened: Open, kubeconfig_for: KubeconfigFor, account: Account, tmp_path: Path
) -> None:
    account.may(rule("configmaps"))
    token = tmp_path / "token"
    token.write_text("made-up", encoding="utf-8")
    member = await opened(kubeconfig_for({"tokenFile": "token"}))
    token.write_text(account.token(), encoding="utf-8")
    query = {"watch": "true", "timeoutSeconds": "1"}

    async def follow() -> None:
        async for _ in member.stream("/api/v1/configmaps", what="watch", query=query):
            return

    with pytest.raises(Unauthorized):
        await follow()
    await eventually_allowed(follow)


class TestMissingRights:
    async def test_the_sentence_names_verb_resource_and_user(
        self, opened: Open, kubeconfig_for: KubeconfigFor, account: Account, namespace: str
    ) -> None:
        member = await opened(kubeconfig_for({"token": account.token()}))
        with pytest.raises(Forbidden) as caught:
            await apply(member, config_map(namespace), expect_uid=None, takeover=False)
        assert f"user {account.name} may not patch configmaps in namespace {namespace}" in str(caught.value)
        assert not caught.value.retryable

    async def test_facts_say_what_they_lack(
        self, opened: Open, kubeconfig_for: KubeconfigFor, account: Account
    ) -> None:
        account.may(rule("namespaces", verbs=("get",)))
        member = await opened(kubeconfig_for({"token": account.token()}))
        await eventually_allowed(lambda: collect(member))
        facts = (await collect(member)).facts
        assert facts.uid
        assert (facts.nodes, facts.ready_nodes, facts.resources) == (None, None, {})
        assert [note.partition(" may not ")[2].partition(";")[0] for note in facts.notes] == [
            "list nodes",
            "list pods",
        ]

    async def test_a_sweep_says_what_it_could_not_see(
        self, opened: Open, kubeconfig_for: KubeconfigFor, account: Account, namespace: str
    ) -> None:
        account.may(rule("configmaps"))
        member = await opened(kubeconfig_for({"token": account.token()}))
        await eventually_allowed(
            lambda: apply(member, config_map(namespace), expect_uid=None, takeover=False)
        )
        swept = await sweep(member, [("v1", "ConfigMap"), ("v1", "Secret")])
        assert namespace in {item["metadata"]["namespace"] for item in swept.objects}
        assert len(swept.unread) == 1
        assert "may not list secrets" in swept.unread[0]


async def test_expired_plugin_credentials_are_renewed(
    cluster: Cluster, kubeconfig_for: KubeconfigFor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plugin whose first token ends at once: the second request is sent with the second token."""
    monkeypatch.setattr(connect_module, "_LOOK_EVERY", 0.0)
    monkeypatch.setattr(connect_module, "_RENEW_EVERY", 0.0)
    admin = json.loads(cluster.local.kubeconfig.read_text(encoding="utf-8"))["users"][0]["user"]["token"]
    plugin = tmp_path / "plugin"
    plugin.write_text(
        f"""#!/bin/sh
echo run >> {tmp_path}/runs
cat <<END
{{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
  "status": {{"token": "{admin}", "expirationTimestamp": "2020-01-01T00:00:00Z"}}}}
END
""",
        encoding="utf-8",
    )
    plugin.chmod(0o700)
    section = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(plugin)}
    member = await connect("m1", kubeconfig_for({"exec": section}), allow_exec=True)
    for _ in range(2):
        assert "gitVersion" in await member.request("GET", "/version", what="look")
    assert (tmp_path / "runs").read_text(encoding="utf-8").split() == ["run"] * 3
    await member.close()
