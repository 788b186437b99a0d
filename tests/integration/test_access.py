"""A worker with the rights of deploy/rbac and no others, on a real API server."""

from __future__ import annotations

import asyncio
import http.client
import json
import secrets
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from activities.connection import initialise
from argosy.api.cluster_connection import ConnectionReference
from argosy.api.manifest import ref_of
from argosy.api.membership import ClusterSettings
from cli.membership import joined
from cli.session import Session
from devcluster.member import Member
from devcluster.temporal import TemporalServer
from tests.plant import Plant, deployment, polling

pytestmark = pytest.mark.timeout(180)

RBAC = Path(__file__).parents[2] / "deploy" / "rbac"
PLURALS = {
    "ServiceAccount": "api/v1/namespaces/{}/serviceaccounts",
    "RoleBinding": "apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings",
    "ClusterRole": "apis/rbac.authorization.k8s.io/v1/clusterroles",
    "ClusterRoleBinding": "apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
}


class Shipped:
    """The files of deploy/rbac, applied as an administrator would."""

    def __init__(self, member: Member, worker: str) -> None:
        self._member = member
        self._worker = worker

    def objects(self, file: str, namespace: str = "NAMESPACE") -> list[dict[str, Any]]:
        text = (RBAC / file).read_text(encoding="utf-8")
        return list(yaml.safe_load_all(text.replace("NAMESPACE", namespace).replace("WORKER", self._worker)))

    def apply(self, *objects: dict[str, Any], dry_run: bool = False) -> None:
        for one in objects:
            meta = one["metadata"]
            path = PLURALS[one["kind"]].format(meta.get("namespace"))
            query = f"fieldManager=admin&fieldValidation=Strict{'&dryRun=All' if dry_run else ''}"
            status, answer = self._member.request(
                "PATCH", f"/{path}/{meta['name']}?{query}", one, content="application/apply-patch+yaml"
            )
            assert status in {200, 201}, answer

    def namespace(self, name: str, *, without: str = "") -> str:
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        assert self._member.request("POST", "/api/v1/namespaces", body)[0] == 201
        objects = self.objects("namespace.yaml", name)
        kept = [
            one
            for one in objects
            if not (one["kind"] == "RoleBinding" and one["metadata"]["name"] == without)
        ]
        self.apply(*kept)
        return name


@pytest.fixture(scope="module")
def home(members: list[Member]) -> str:
    """The namespace of the worker's account."""
    name = f"home-{secrets.token_hex(3)}"
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "worker"}}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    assert members[0].request("POST", "/api/v1/namespaces", namespace)[0] == 201
    assert members[0].request("POST", f"/api/v1/namespaces/{name}/serviceaccounts", account)[0] == 201
    return name


@pytest.fixture(scope="module")
def shipped(members: list[Member], home: str) -> Iterator[Shipped]:
    made = Shipped(members[0], f"system:serviceaccount:{home}:worker")
    for file in ("observer.yaml", "applier.yaml", "impersonator.yaml", "worker.yaml"):
        made.apply(*made.objects(file))
    yield made
    for file in ("observer.yaml", "applier.yaml", "impersonator.yaml", "worker.yaml"):
        for one in made.objects(file):
            members[0].request("DELETE", f"/{PLURALS[one['kind']]}/{one['metadata']['name']}")


@pytest.fixture(scope="module")
def kubeconfig(members: list[Member], home: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The worker's own credentials."""
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    status, answer = members[0].request(
        "POST", f"/api/v1/namespaces/{home}/serviceaccounts/worker/token", request
    )
    assert status == 201
    content = json.loads(members[0].kubeconfig.read_text(encoding="utf-8"))
    content["users"][0]["user"] = {"token": json.loads(answer)["status"]["token"]}
    path = tmp_path_factory.mktemp("worker") / "kubeconfig"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


@pytest.fixture
def token(kubeconfig: Path) -> str:
    """The worker's own, as its kubeconfig has it."""
    found: str = json.loads(kubeconfig.read_text(encoding="utf-8"))["users"][0]["user"]["token"]
    return found


@pytest.fixture(scope="module")
def plant(
    members: list[Member], shipped: Shipped, kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Plant]:
    """An installation whose worker has only the shipped rights, and the shipped access rules."""
    assert shipped.objects("worker.yaml")
    directory = tmp_path_factory.mktemp("access")
    server = TemporalServer(directory / "temporal", ui=False)
    server.start()
    made = Plant(directory=directory, temporal=server, members=members[:1])
    made.environment = {"ARGOSY_ACCESS": str(RBAC / "access.yaml")}
    asyncio.run(_set_up(made, kubeconfig))
    yield made
    assert made.worker is not None
    made.worker.stop()
    server.stop()


async def _set_up(plant: Plant, kubeconfig: Path) -> None:
    session = await plant.session()
    await initialise(session.client)
    plant.start_worker()
    await polling(session)
    reference = ConnectionReference(kubeconfig=str(kubeconfig))
    await joined(session, "member1", ClusterSettings(connection=reference), timeout=60)


def secret(namespace: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "web", "namespace": namespace},
        "stringData": {"a": "b"},
    }


async def propagate(session: Session, manifest: dict[str, Any]) -> None:
    """Submit a template together with a policy that places it."""
    selector = {"apiVersion": manifest["apiVersion"], "kind": manifest["kind"]}
    namespace, kind = manifest["metadata"]["namespace"], manifest["kind"].lower()
    policy = {
        "apiVersion": "policy.karmada.io/v1alpha1",
        "kind": "PropagationPolicy",
        "metadata": {"name": f"all-{kind}", "namespace": namespace},
        "spec": {"resourceSelectors": [selector]},
    }
    await session.edit_policies(namespace, put=[policy])
    await session.submit(manifest)


async def outcome(session: Session, manifest: dict[str, Any]) -> tuple[str, str]:
    """Phase and message of the copy, once it was applied or has failed."""
    async with asyncio.timeout(60):
        while True:
            copy = (await session.observe(ref_of(manifest))).status.clusters.get("member1")
            if copy is not None and copy.phase in {"Applied", "Failed"}:
                return str(copy.phase), copy.message
            await asyncio.sleep(0.2)


def test_a_server_takes_every_shipped_object(members: list[Member]) -> None:
    made = Shipped(members[0], "argosy-worker")
    files = sorted(path.name for path in RBAC.glob("*.yaml") if path.name != "access.yaml")
    assert len(files) == 5
    for file in files:
        made.apply(*made.objects(file, "default"), dry_run=True)


async def test_the_shipped_rights_are_enough_and_no_more(
    plant: Plant, shipped: Shipped, members: list[Member], token: str
) -> None:
    tag = secrets.token_hex(3)
    good = shipped.namespace(f"team-{tag}-good")
    powerless = shipped.namespace(f"team-{tag}-powerless", without="argosy-applier")
    strangers = shipped.namespace(f"team-{tag}-strange", without="argosy-impersonator")
    outside = shipped.namespace(f"others-{tag}")
    session = await plant.session()
    manifests = [deployment("web", name) for name in (good, powerless, strangers, outside)] + [secret(good)]
    for manifest in manifests:
        await propagate(session, manifest)
    applied, denied, not_them, no_rule, no_kind = [await outcome(session, one) for one in manifests]
    assert applied == ("Applied", "")
    assert denied[0] == "Failed"
    assert f"user system:serviceaccount:{powerless}:argosy-applier may not" in denied[1]
    assert "grant that in the RBAC rules of member1" in denied[1]
    assert not_them[0] == "Failed"
    assert "may not impersonate serviceaccounts" in not_them[1]
    for refused, missing in (
        (no_rule, f"apps/Deployment in namespace {outside}"),
        (no_kind, f"v1/Secret in namespace {good}"),
    ):
        assert refused[0] == "Failed"
        assert f'the allow list of access rule "teams" does not have {missing}; add it' in refused[1]
    assert set(plant.objects("deployments", good)["member1"]) == {"web"}
    for name in (powerless, strangers, outside):
        assert plant.objects("deployments", name)["member1"] == {}

    # It is the account that may, not the worker.
    assert may(members[0], token, good, impersonating=False) is False
    assert may(members[0], token, good, impersonating=True) is True

    # What the rules permit goes again as it came.
    await session.delete(ref_of(manifests[0]), orphan=(), preserve=False)
    async with asyncio.timeout(30):
        while plant.objects("deployments", good)["member1"]:
            await asyncio.sleep(0.2)


def may(member: Member, token: str, namespace: str, *, impersonating: bool) -> bool:
    """Whether the server would let the holder of a token create Deployments in a namespace."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {
            "resourceAttributes": {
                "namespace": namespace,
                "verb": "create",
                "group": "apps",
                "resource": "deployments",
            }
        },
    }
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    if impersonating:
        headers["Impersonate-User"] = f"system:serviceaccount:{namespace}:argosy-applier"
    parts = urlsplit(member.server)
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    connection = http.client.HTTPSConnection(str(parts.hostname), parts.port, context=context, timeout=10)
    connection.request(
        "POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", json.dumps(review), headers
    )
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return bool(answer["status"]["allowed"])
