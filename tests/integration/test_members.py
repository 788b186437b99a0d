"""Local members against their promises: they are real, survive crashes, and leave nothing behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import textwrap
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from devcluster import member as member_module
from devcluster import ports
from devcluster.member import BARE, Member, MemberFailed
from devcluster.process import Identity, start_time

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"


def config_map(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"kept": "yes"}}


def eventually(condition: Callable[[], bool], *, seconds: float = 30) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def port_of(cluster: Member) -> int:
    return int(cluster.server.rpartition(":")[2])


def get(cluster: Member, path: str) -> dict[str, Any]:
    status, body = cluster.request("GET", path)
    assert status == 200, body
    found: dict[str, Any] = json.loads(body)
    return found


def test_members_are_separate_clusters(members: list[Member]) -> None:
    assert len({each.server for each in members}) == 3
    for each in members:
        assert get(each, "/version")["gitVersion"].startswith("v1.36.")
        assert set(each.pids) == set(BARE)
    first, second = members[:2]
    assert first.request("POST", CONFIG_MAPS, config_map("only-here"))[0] == 201
    assert second.request("GET", f"{CONFIG_MAPS}/only-here")[0] == 404
    assert first.request("DELETE", f"{CONFIG_MAPS}/only-here")[0] == 200


def test_kubeconfig_is_private_and_names_the_member(members: list[Member]) -> None:
    for each in members:
        config = json.loads(each.kubeconfig.read_text(encoding="utf-8"))
        assert each.kubeconfig.stat().st_mode & 0o777 == 0o600
        assert each.directory.stat().st_mode & 0o777 == 0o700
        assert config["current-context"] == each.name
        assert config["clusters"][0]["cluster"]["server"] == each.server


def test_strangers_are_refused_and_the_client_certificate_is_not(members: list[Member]) -> None:
    first = members[0]
    pki = first.directory / "pki"
    url = f"{first.server}/api/v1/namespaces/default/secrets"
    anonymous = ssl.create_default_context(cafile=str(pki / "ca.crt"))
    anonymous.verify_flags |= ssl.VERIFY_X509_STRICT
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(url, context=anonymous, timeout=10)
    anonymous.load_cert_chain(pki / "admin.crt", pki / "admin.key")
    with urllib.request.urlopen(url, context=anonymous, timeout=10) as response:
        assert response.status == 200
    other = ssl.create_default_context(cafile=str(members[1].directory / "pki" / "ca.crt"))
    with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
        urllib.request.urlopen(url, context=other, timeout=10)


@pytest.mark.crash
@pytest.mark.parametrize("parts", [(), ("etcd",), BARE], ids=["apiserver", "etcd", "both"])
def test_killed_member_returns_on_the_same_port_with_its_data(member: Member, parts: tuple[str, ...]) -> None:
    member.start()
    name, server, before = f"kept-{len(parts)}", member.server, member.pids
    assert member.request("POST", CONFIG_MAPS, config_map(name))[0] == 201
    member.kill(*parts)
    killed = set(parts or ("kube-apiserver",))
    assert set(member.pids) == set(BARE) - killed
    if "kube-apiserver" in killed:
        assert not member.ready()
        with pytest.raises(ConnectionRefusedError):
            member.request("GET", "/version")
    member.start()
    assert member.ready()
    assert member.server == server
    assert {part for part in BARE if member.pids[part] != before[part]} == killed
    assert get(member, f"{CONFIG_MAPS}/{name}")["data"] == {"kept": "yes"}


@pytest.mark.crash
def test_frozen_member_takes_connections_and_does_not_answer(member: Member) -> None:
    member.start()
    member.freeze()
    try:
        socket.create_connection(("127.0.0.1", port_of(member)), timeout=2).close()
        with pytest.raises(TimeoutError):
            member.request("GET", "/readyz", timeout=0.5)
        assert not member.ready()
    finally:
        member.thaw()
    assert eventually(member.ready)


@pytest.mark.crash
def test_frozen_member_can_be_stopped_and_started(member: Member) -> None:
    member.start()
    member.freeze(*BARE)
    member.stop()
    assert member.pids == {}
    member.start()
    assert member.ready()


def test_another_program_finds_and_stops_what_runs(member: Member) -> None:
    member.start()
    found = Member(member.name, member.directory)
    assert (found.pids, found.server, found.ready()) == (member.pids, member.server, True)
    assert found.memory() > 100e6
    found.start()
    assert found.pids == member.pids
    found.stop()
    assert member.pids == {}
    assert not member.ready()


def test_first_start_avoids_a_port_that_was_taken_meanwhile(
    member_binaries: dict[str, Path], members: list[Member], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = port_of(members[0])
    free = ports.free_port()
    monkeypatch.setattr(member_module, "free_port", iter([taken, free]).__next__)
    clashing = Member("clashing", tmp_path / "clashing")
    try:
        clashing.start(member_binaries)
        assert clashing.server.endswith(f":{free}")
        assert get(clashing, "/api/v1/namespaces/default")["metadata"]["name"] == "default"
    finally:
        clashing.stop()


def test_a_later_start_keeps_its_port_and_says_where_to_look(member: Member) -> None:
    member.stop()
    with socket.create_server(("127.0.0.1", port_of(member))):
        with pytest.raises(
            MemberFailed, match=r"kube-apiserver of lone ended at once; see .*kube-apiserver\.log"
        ):
            member.start()
        assert member.pids == {}
    member.start()
    assert member.ready()


@pytest.mark.crash
@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT], ids=["kill -9", "Ctrl-C"])
def test_no_process_outlives_its_starter(
    member_binaries: dict[str, Path], tmp_path: Path, ending: signal.Signals
) -> None:
    program = textwrap.dedent(
        f"""
        import json, signal, time
        from pathlib import Path
        from devcluster.member import Member
        # A shell that starts the tests in the background has them ignore Ctrl-C.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        member = Member("orphan", Path({str(tmp_path / "orphan")!r}))
        member.start()
        print(json.dumps(member.pids), flush=True)
        time.sleep(600)
        """
    )
    assert member_binaries
    starter = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    with starter:
        try:
            assert starter.stdout is not None
            pids = json.loads(starter.stdout.readline())
            children = [Identity(pid, start_time(pid)) for pid in pids.values()]
            assert [child.alive() for child in children] == [True, True]
            os.killpg(starter.pid, ending)
            assert all(child.wait(10) for child in children)
        finally:
            starter.kill()


# -- members whose workloads become ready ---------------------------------------------------------------


def workload(name: str, kind: str, spec: dict[str, Any], **annotations: str) -> dict[str, Any]:
    pod: dict[str, Any] = {"containers": [{"name": "main", "image": "registry.example/main:1"}]}
    if kind == "Job":
        pod |= {"restartPolicy": "Never"}
    template = {"metadata": {"labels": {"app": name}, "annotations": annotations}, "spec": pod}
    if kind != "Job":
        spec = {"selector": {"matchLabels": {"app": name}}, **spec}
    version = "batch/v1" if kind == "Job" else "apps/v1"
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": name},
        "spec": {**spec, "template": template},
    }


@pytest.mark.parametrize(
    ("resource", "manifest", "field", "expected"),
    [
        (
            "apps/v1/namespaces/default/deployments",
            workload("web", "Deployment", {"replicas": 3}),
            "readyReplicas",
            3,
        ),
        (
            "apps/v1/namespaces/default/statefulsets",
            workload("db", "StatefulSet", {"replicas": 2}),
            "readyReplicas",
            2,
        ),
        ("apps/v1/namespaces/default/daemonsets", workload("agent", "DaemonSet", {}), "numberReady", 1),
        ("batch/v1/namespaces/default/jobs", workload("once", "Job", {"completions": 2}), "succeeded", 2),
    ],
    ids=["deployment", "statefulset", "daemonset", "job"],
)  # fmt: skip - a table
def test_workloads_become_ready(
    full_member: Member, resource: str, manifest: dict[str, Any], field: str, expected: int
) -> None:
    assert full_member.request("POST", f"/apis/{resource}", manifest)[0] == 201
    path = f"/apis/{resource}/{manifest['metadata']['name']}"
    assert eventually(lambda: get(full_member, path)["status"].get(field) == expected)


def test_a_bad_release_never_becomes_ready(full_member: Member) -> None:
    path = "/apis/apps/v1/namespaces/default/deployments"
    bad = workload("bad", "Deployment", {"replicas": 1}, **{"kwok.argosy.dev/never-ready": ""})
    good = workload("good", "Deployment", {"replicas": 1})
    for manifest in (bad, good):
        assert full_member.request("POST", path, manifest)[0] == 201
    assert eventually(lambda: get(full_member, f"{path}/good")["status"].get("readyReplicas") == 1)
    assert get(full_member, f"{path}/bad")["status"].get("unavailableReplicas") == 1


def test_deletion_of_namespaces_and_their_pods_completes(full_member: Member) -> None:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "short-lived"}}
    deployments = "/apis/apps/v1/namespaces/short-lived/deployments"
    assert full_member.request("POST", "/api/v1/namespaces", namespace)[0] == 201
    assert full_member.request("POST", deployments, workload("web", "Deployment", {"replicas": 2}))[0] == 201
    assert eventually(lambda: get(full_member, f"{deployments}/web")["status"].get("readyReplicas") == 2)
    assert full_member.request("DELETE", "/api/v1/namespaces/short-lived")[0] == 200
    assert eventually(lambda: full_member.request("GET", "/api/v1/namespaces/short-lived")[0] == 404)
