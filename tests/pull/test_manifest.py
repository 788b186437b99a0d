"""What is shipped for a member in pull mode, on a real API server: is it valid, and does it give what is needed?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from argosy.api.manifest import ref_of
from argosy.errors import Forbidden, InvalidInput
from argosy.kube.apply import apply
from argosy.kube.connect import connect
from argosy.kube.delete import delete
from argosy.kube.facts import collect, probe
from argosy.kube.service_account import ServiceAccount
from devcluster.member import Member
from tests.account import eventually_allowed
from tests.cluster import OWNER, config_map

pytestmark = pytest.mark.timeout(120)

DEPLOY = Path(__file__).parents[2] / "deploy"
HOME, TEAM = "argosy-system", "pulled-team"
PATHS = {
    "Namespace": "api/v1/namespaces",
    "ServiceAccount": "api/v1/namespaces/{}/serviceaccounts",
    "RoleBinding": "apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings",
    "ClusterRole": "apis/rbac.authorization.k8s.io/v1/clusterroles",
    "ClusterRoleBinding": "apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "Deployment": "apis/apps/v1/namespaces/{}/deployments",
}


def shipped(file: str) -> list[dict[str, Any]]:
    text = (DEPLOY / file).read_text(encoding="utf-8")
    replaced = (
        text.replace("NAMESPACE", TEAM).replace("CLUSTER", "member3").replace("TEMPORAL", "temporal:7233", 1)
    )
    return list(yaml.safe_load_all(replaced))


def put(member: Member, manifest: dict[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
    meta = manifest["metadata"]
    query = f"fieldManager=admin&fieldValidation=Strict{'&dryRun=All' if dry_run else ''}"
    path = PATHS[manifest["kind"]].format(meta.get("namespace"))
    status, answer = member.request(
        "PATCH", f"/{path}/{meta['name']}?{query}", manifest, content="application/apply-patch+yaml"
    )
    assert status in {200, 201}, answer
    found: dict[str, Any] = json.loads(answer)
    return found


@pytest.fixture(scope="module")
def account(members: list[Member], tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceAccount]:
    """The account of the shipped manifests, as the pod would have it mounted."""
    member = members[2]
    put(member, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": TEAM}})
    roles = [*shipped("rbac/observer.yaml"), *shipped("rbac/applier.yaml")]
    rights = [one for one in shipped("pull/worker.yaml") if one["kind"] != "Deployment"]
    made = [*roles, *rights, *shipped("pull/namespace.yaml")]
    for one in made:
        put(member, one)
    directory = tmp_path_factory.mktemp("account")
    (directory / "ca.crt").write_bytes(member._credentials.ca.read_bytes())
    (directory / "token").write_text(token(member), encoding="utf-8")
    yield ServiceAccount(member.server, directory)
    for one in made:
        if one["kind"].startswith("ClusterRole"):
            member.request("DELETE", f"/{PATHS[one['kind']]}/{one['metadata']['name']}")


def token(member: Member) -> str:
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    path = f"/api/v1/namespaces/{HOME}/serviceaccounts/argosy-worker/token"
    status, answer = member.request("POST", path, request)
    assert status == 201, answer
    given: str = json.loads(answer)["status"]["token"]
    return given


def test_the_api_server_takes_all_of_it(members: list[Member], account: ServiceAccount) -> None:
    assert account.server == members[2].server
    accepted = [put(members[2], one, dry_run=True) for one in shipped("pull/worker.yaml")]
    (worker,) = [one for one in accepted if one["kind"] == "Deployment"]
    (container,) = worker["spec"]["template"]["spec"]["containers"]
    assert container["args"] == ["worker", "run", "--cluster", "member3"]


async def test_its_account_sees_the_cluster_and_writes_where_it_may(account: ServiceAccount) -> None:
    member = await connect("member3", account, allow_exec=False)
    try:
        assert (await probe(member, timeout=4)).ok
        await eventually_allowed(lambda: collect(member))
        facts = (await collect(member)).facts
        assert facts.uid
        assert facts.notes == ()
        wanted = config_map(TEAM, "pulled", owner=OWNER)
        await eventually_allowed(lambda: apply(member, wanted, expect_uid=None, takeover=False))
        elsewhere = config_map("default", "pulled", owner=OWNER)
        with pytest.raises(Forbidden):
            await apply(member, elsewhere, expect_uid=None, takeover=False)
        await delete(member, ref_of(wanted), propagation=OWNER.propagation)
    finally:
        await member.close()


async def test_a_token_that_is_renewed_is_used(
    members: list[Member], account: ServiceAccount, tmp_path: Path
) -> None:
    moved = ServiceAccount(account.server, tmp_path)
    (tmp_path / "ca.crt").write_bytes((account.directory / "ca.crt").read_bytes())
    (tmp_path / "token").write_text("outdated", encoding="utf-8")
    member = await connect("member3", moved, allow_exec=False)
    try:
        (tmp_path / "token").write_text(token(members[2]), encoding="utf-8")
        await eventually_allowed(lambda: collect(member))
    finally:
        await member.close()


async def test_an_account_that_is_not_mounted_is_missed_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="automountServiceAccountToken"):
        await connect("x", ServiceAccount("https://localhost", tmp_path), allow_exec=False)
