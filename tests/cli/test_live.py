"""`argosy get KIND -C`: objects as the members have them."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.runs import Run, write
from tests.plant import Plant, deployment, placing_everything

pytestmark = pytest.mark.timeout(200)


def test_live_objects_of_several_members_with_their_owners(
    plant: Plant, run: Callable[..., Run], tmp_path: Path
) -> None:
    namespace = f"live-{secrets.token_hex(4)}"
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "key", "namespace": namespace},
        "data": {"k": "c2VjcmV0"},
    }
    files = write(tmp_path / "web.yaml", deployment("web", namespace), *placing_everything(namespace)[:1])
    assert run("apply", "-f", files, "--wait").code == 0
    foreign = {**deployment("other", namespace), "metadata": {"name": "other", "namespace": namespace}}
    member = plant.members[1]
    for path, body in (
        (f"/apis/apps/v1/namespaces/{namespace}/deployments", foreign),
        (f"/api/v1/namespaces/{namespace}/secrets", secret),
    ):
        status, answer = member.request("POST", path, body)
        assert status == 201, answer

    shown = run("get", "deploy", "-n", namespace, "-C", "member1,member2", "-C", "member3")
    assert shown.code == 0, shown.err
    rows = [line.split() for line in shown.out.splitlines()[2:]]
    owned = {(row[2], row[1]): " ".join(row[3:5]) for row in rows}
    assert owned["member1", "web"] == f"Deployment {namespace}/web"
    assert owned["member2", "other"].startswith("-")
    assert len(owned) == 4

    objects = json.loads(run("get", "deployments.apps", "web", "-n", namespace, "-C", "*", "-o", "json").out)
    items = objects["items"] if isinstance(objects, dict) else objects
    assert {one["cluster"] for one in items} == {"member1", "member2", "member3"}
    assert "managedFields" not in items[0]["object"]["metadata"]
    masked = run("get", "secret", "key", "-n", namespace, "-C", "member2", "-o", "yaml")
    assert masked.code == 0, masked.err
    assert "c2VjcmV0" not in masked.out


def test_what_cannot_be_listed_is_said(plant: Plant, run: Callable[..., Run]) -> None:
    unknown = run("get", "deployments", "-C", "nowhere")
    assert unknown.code == 2
    assert unknown.error == "no cluster nowhere is joined; see `argosy cluster list`"
    strange = run("get", "unicorns", "-C", "member1")
    assert strange.code == 1
    assert strange.error.startswith("member1: it serves no kind 'unicorns'")
    absent = run("get", "deployment", "nothing", "-C", "member1")
    assert absent.code == 2
