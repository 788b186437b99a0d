"""The calls that Argosy makes, as a script that any API server can be asked to play."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from argosy.kube.connect import APPLY, JSON, MERGE, METADATA, METADATA_LIST, Member

Body = dict[str, Any]
_VERSION = re.compile(r"ResourceVersion in record \(\d+\)")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@dataclass(frozen=True)
class Answer:
    """What a server said, with what differs from run to run replaced by its order of appearance."""

    step: str
    status: int
    body: Any


@dataclass
class Play:
    """One server being asked; steps may use what an earlier one was answered."""

    member: Member
    answers: list[Answer] = field(default_factory=list)
    _names: dict[str, str] = field(default_factory=dict)

    async def ask(
        self,
        step: str,
        method: str,
        path: str,
        body: Body | None = None,
        *,
        query: Mapping[str, str] | None = None,
        content: str = JSON,
        accept: str = JSON,
    ) -> Body:
        response = await self.member.send(
            method, path, what=step, query=query, body=body, content_type=content, accept=accept
        )
        told = response.body.startswith(b"{")
        parsed: Body = json.loads(response.body) if told else {"text": response.body.decode()}
        self.answers.append(Answer(step, response.status, self.normal(parsed)))
        return parsed

    async def apply(
        self,
        step: str,
        path: str,
        body: Body,
        *,
        manager: str = "argosy",
        metadata: bool = False,
        **query: str,
    ) -> Body:
        return await self.ask(
            step,
            "PATCH",
            path,
            body,
            query={"fieldManager": manager, **query},
            content=APPLY,
            accept=METADATA if metadata else JSON,
        )

    async def merge(self, step: str, path: str, body: Body, *, manager: str = "argosy") -> Body:
        return await self.ask(step, "PATCH", path, body, query={"fieldManager": manager}, content=MERGE)

    async def watched(
        self, step: str, path: str, since: str, *, selector: str = "", metadata: bool = False
    ) -> None:
        """What a watch from a version on tells within a second."""
        query = {"watch": "true", "resourceVersion": since, "timeoutSeconds": "1", "labelSelector": selector}
        accept = METADATA if metadata else JSON
        events = [event async for event in self.member.stream(path, what=step, query=query, accept=accept)]
        self.answers.append(Answer(step, 200, [self.normal(event) for event in events]))

    def normal(self, value: Any) -> Any:
        """A value without uids, versions, times and tokens of its own."""
        if isinstance(value, list):
            return [self.normal(item) for item in value]
        if isinstance(value, dict):
            return {
                name: self._named(name, inner)
                if name in _OWN and isinstance(inner, str)
                else self.normal(inner)
                for name, inner in value.items()
            }
        if isinstance(value, str):
            for known, name in self._names.items():
                if len(known) > 30:
                    value = value.replace(known, name)
            return _TIME.sub("TIME", _VERSION.sub("ResourceVersion in record", value))
        return value

    def _named(self, field_name: str, value: str) -> str:
        return self._names.setdefault(value, f"{field_name} {len(self._names)}")


_OWN = {"uid", "resourceVersion", "continue"}


async def play(run: Play, namespace: str) -> None:
    """Everything: applying, removing, conflicts, deletions, lists and watches."""
    await _namespaces(run, namespace)
    await _config_maps(run, f"/api/v1/namespaces/{namespace}/configmaps")
    await _conflicts(run, f"/api/v1/namespaces/{namespace}/configmaps")
    await _deployments(run, f"/apis/apps/v1/namespaces/{namespace}/deployments")
    await _others(run, namespace)
    await _deletions(run, f"/api/v1/namespaces/{namespace}/configmaps")
    await _lists_and_watches(run, f"/api/v1/namespaces/{namespace}/secrets")
    await _refusals(run, namespace)


async def _namespaces(run: Play, namespace: str) -> None:
    body = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": namespace, "annotations": {"argosy.dev/implied": "true"}},
    }
    create = {"fieldManager": "argosy"}
    await run.ask("create a namespace", "POST", "/api/v1/namespaces", body, query=create)
    await run.ask("create it again", "POST", "/api/v1/namespaces", body, query=create)
    claimed = {**body, "metadata": {"name": namespace, "labels": {"team": "a"}}}
    await run.apply("claim it", f"/api/v1/namespaces/{namespace}", claimed, force="true")
    await run.ask("read it", "GET", f"/api/v1/namespaces/{namespace}", accept=METADATA)
    another = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"{namespace}-2"}}
    await run.apply("apply another", f"/api/v1/namespaces/{namespace}-2", another)


async def _config_maps(run: Play, path: str) -> None:
    one = _config_map("one", {"a": "1", "b": "2"})
    await run.apply("create by applying", f"{path}/one", one, metadata=True)
    again = await run.apply("apply the same", f"{path}/one", one, force="true", metadata=True)
    await run.apply(
        "try another value", f"{path}/one", _config_map("one", {"a": "3"}), dryRun="All", force="true"
    )
    await run.apply("leave a field out", f"{path}/one", _config_map("one", {"a": "1"}), force="true")
    await run.apply(
        "add one and a label", f"{path}/one", _config_map("one", {"a": "1", "c": "3"}, x="y"), force="true"
    )
    uid = again["metadata"]["uid"]
    await run.apply("with its uid", f"{path}/one", _with(one, uid=uid), force="true", metadata=True)
    other = "00000000-0000-0000-0000-000000000000"
    await run.apply("with another uid", f"{path}/one", _with(one, uid=other), force="true")
    await run.apply("with a uid where there is none", f"{path}/two", _with(_config_map("two", {}), uid=other))
    never = "9223372036854775807"
    await run.apply(
        "where there should be none", f"{path}/one", _with(one, resourceVersion=never), force="true"
    )
    await run.apply(
        "of other fields", f"{path}/one", _with(_config_map("one", {"z": "1"}), resourceVersion=never)
    )
    new = _with(_config_map("new", {"a": "1"}), resourceVersion=never)
    await run.apply("where there is none", f"{path}/new", new, metadata=True)
    await run.apply("try to create", f"{path}/two", _config_map("two", {"a": "1"}), dryRun="All")
    await run.ask("nothing was kept", "GET", f"{path}/two")
    await run.ask("read the whole", "GET", f"{path}/one")
    await run.ask("read its metadata", "GET", f"{path}/one", accept=METADATA)


async def _conflicts(run: Play, path: str) -> None:
    body = _config_map("shared", {"a": "1", "b": "1"})
    await run.ask("somebody creates", "POST", path, body, query={"fieldManager": "somebody"})
    await run.apply("apply what is so already", f"{path}/shared", _config_map("shared", {"a": "1"}))
    await run.apply("in the way of somebody", f"{path}/shared", _config_map("shared", {"a": "2", "b": "2"}))
    await run.apply("by force", f"{path}/shared", _config_map("shared", {"a": "2"}), force="true")
    await run.merge(
        "somebody takes it back", f"{path}/shared", {"data": {"a": "3", "z": "9"}}, manager="somebody"
    )
    await run.apply("by force again", f"{path}/shared", _config_map("shared", {"a": "2"}), force="true")
    await run.apply(
        "another applies too", f"{path}/shared", _config_map("shared", {"a": "2", "q": "1"}), manager="other"
    )
    await run.apply("one in the way of another", f"{path}/shared", _config_map("shared", {"a": "5"}))
    found = await run.apply(
        "what two own stays", f"{path}/shared", _config_map("shared", {"b": "1"}), force="true"
    )
    metadata = found["metadata"]
    kept = [entry for entry in metadata["managedFields"] if entry["manager"] != "argosy"]
    release = {
        "metadata": {
            "uid": metadata["uid"],
            "resourceVersion": metadata["resourceVersion"],
            "labels": {"app": None},
            "managedFields": kept or [{}],
        }
    }
    await run.merge("release", f"{path}/shared", release)
    await run.merge("with an old version", f"{path}/shared", release)
    other = {"metadata": {"uid": "00000000-0000-0000-0000-000000000000", "labels": {"x": "y"}}}
    await run.merge("with another uid", f"{path}/shared", other)


async def _deployments(run: Play, path: str) -> None:
    await run.apply("create a deployment", f"{path}/web", _deployment("web"))
    await run.apply("the same again", f"{path}/web", _deployment("web"), force="true")
    await run.apply("scaled", f"{path}/web", _deployment("web", replicas=5), force="true", metadata=True)
    await run.apply("a new image", f"{path}/web", _deployment("web", image="nginx:2"), force="true")
    await run.apply("another container", f"{path}/web", _deployment("web", "proxy"), force="true")
    await run.apply("and without it", f"{path}/web", _deployment("web"), force="true")
    relabelled = _deployment("web")
    relabelled["metadata"]["labels"] = {"app": "web", "tier": "front"}
    await run.apply("only a label", f"{path}/web", relabelled, force="true", metadata=True)
    without_ports = _deployment("web")
    del without_ports["spec"]["template"]["spec"]["containers"][0]["ports"]
    await run.apply("without ports", f"{path}/web", without_ports, force="true")
    status = {"status": {"observedGeneration": 5, "readyReplicas": 2, "replicas": 2}}
    await run.merge("a controller reports", f"{path}/web/status", status, manager="controller")
    await run.apply("the status stays", f"{path}/web", _deployment("web"), force="true")
    await run.merge("somebody scales", f"{path}/web", {"spec": {"replicas": 9}}, manager="somebody")
    await run.apply("scaled back", f"{path}/web", _deployment("web"), force="true", metadata=True)
    left = _deployment("web")
    del left["spec"]["replicas"]
    await run.apply("replicas are left to others", f"{path}/web", left, force="true")


async def _others(run: Play, namespace: str) -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}]},
    }
    await run.apply("a service", f"/api/v1/namespaces/{namespace}/services/web", service, metadata=True)
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "reader"},
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}],
    }
    path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/roles/reader"
    await run.apply("a role", path, role, metadata=True)
    role["rules"] = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}]
    await run.apply("another rule", path, role, force="true", metadata=True)
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    path = f"/api/v1/namespaces/{namespace}/persistentvolumeclaims/data"
    await run.apply("a claim", path, claim, metadata=True)
    for plural, kind in (("statefulsets", "StatefulSet"), ("daemonsets", "DaemonSet")):
        body = _deployment("set")
        body["kind"] = kind
        if kind == "StatefulSet":
            body["spec"]["serviceName"] = "web"
        else:
            del body["spec"]["replicas"]
        await run.apply(kind, f"/apis/apps/v1/namespaces/{namespace}/{plural}/set", body, metadata=True)
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "job", "image": "busybox"}]}}
    job: Body = {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "nightly"}}
    job["spec"] = {"schedule": "0 0 * * *", "jobTemplate": {"spec": {"template": template}}}
    await run.apply(
        "a cron job", f"/apis/batch/v1/namespaces/{namespace}/cronjobs/nightly", job, metadata=True
    )
    budget: Body = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "web"}}
    budget["spec"] = {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}
    path = f"/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets/web"
    await run.apply("a budget", path, budget, metadata=True)


async def _deletions(run: Play, path: str) -> None:
    made = await run.apply(
        "something to delete", f"{path}/gone", _config_map("gone", {"a": "1"}), metadata=True
    )
    uid = made["metadata"]["uid"]
    await run.ask(
        "delete another", "DELETE", f"{path}/gone", _options("00000000-0000-0000-0000-000000000000")
    )
    await run.ask("delete another version", "DELETE", f"{path}/gone", _options(uid, version="1"))
    await run.ask("delete it", "DELETE", f"{path}/gone", _options(uid))
    await run.ask("delete it again", "DELETE", f"{path}/gone", _options(uid))
    await run.apply("create it anew", f"{path}/gone", _config_map("gone", {"a": "1"}), metadata=True)
    held = _config_map("held", {"a": "1"})
    held["metadata"]["finalizers"] = ["example.com/held"]
    made = await run.apply("something that is held", f"{path}/held", held, metadata=True)
    await run.ask("delete what is held", "DELETE", f"{path}/held", _options(made["metadata"]["uid"]))
    await run.ask("it is still there", "GET", f"{path}/held", accept=METADATA)
    await run.merge("let go of it", f"{path}/held", {"metadata": {"finalizers": None}})
    await run.ask("it is gone", "GET", f"{path}/held", accept=METADATA)


async def _lists_and_watches(run: Play, path: str) -> None:
    begin = await run.ask("an empty list", "GET", path)
    since = begin["metadata"]["resourceVersion"]
    for number in range(4):
        secret: Body = {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "Opaque",
            "metadata": {"name": f"s{number}"},
        }
        secret["metadata"] |= {"labels": {"half": "ab"[number % 2], "argosy.dev/managed": "true"}}
        secret["data"] = {"k": "djE="}
        await run.apply(f"secret {number}", f"{path}/s{number}", secret, metadata=True)
    moved = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s0", "labels": {"half": "b"}}}
    await run.apply("one changes its label", f"{path}/s0", moved, force="true", metadata=True)
    await run.ask("one goes", "DELETE", f"{path}/s1")
    await run.ask("all", "GET", path)
    await run.ask("half", "GET", path, query={"labelSelector": "half=a"})
    await run.ask(
        "the other half", "GET", path, query={"labelSelector": "half in (b),argosy.dev/managed!=true"}
    )
    await run.ask("marked", "GET", path, query={"labelSelector": "argosy.dev/managed"}, accept=METADATA_LIST)
    await run.ask("by name", "GET", path, query={"fieldSelector": "metadata.name=s2"})
    page = await run.ask("a page", "GET", path, query={"limit": "2"})
    await run.ask("the next", "GET", path, query={"limit": "2", "continue": page["metadata"]["continue"]})
    await run.watched("from the beginning", path, since)
    await run.watched("a half", path, since, selector="half=a", metadata=True)


async def _refusals(run: Play, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    await run.ask("no such object", "GET", f"{path}/absent")
    await run.ask("no such group", "GET", f"/apis/example.com/v1/namespaces/{namespace}/widgets/w")
    await run.ask("no such kind", "GET", f"/apis/apps/v1/namespaces/{namespace}/widgets/w")
    await run.ask("no such deployment", "DELETE", f"/apis/apps/v1/namespaces/{namespace}/deployments/absent")
    nowhere = "/api/v1/namespaces/nowhere/configmaps/x"
    await run.apply("no such namespace", nowhere, {**_config_map("x", {}), "metadata": {"name": "x"}})
    deployments = f"/apis/apps/v1/namespaces/{namespace}/deployments/bad"
    bad = _deployment("bad")
    bad["spec"]["replicas"] = "three"
    await run.apply("a word for a number", deployments, bad)
    bad = _deployment("bad")
    bad["spec"]["nonsense"] = 1
    await run.apply("an unknown field", deployments, bad)
    await run.ask("a cluster's identity", "GET", "/api/v1/namespaces/kube-system", accept=METADATA)


def _config_map(name: str, data: dict[str, str], **labels: str) -> Body:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "labels": {"app": name, **labels}},
        "data": data,
    }


def _with(manifest: Body, **metadata: str) -> Body:
    return {**manifest, "metadata": {**manifest["metadata"], **metadata}}


def _options(uid: str, *, version: str = "") -> Body:
    return {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "propagationPolicy": "Background",
        "preconditions": {"uid": uid, **({"resourceVersion": version} if version else {})},
    }


def _deployment(name: str, *more: str, replicas: int = 2, image: str = "nginx:1") -> Body:
    web = {
        "name": "web",
        "image": image,
        "args": ["--port", "80"],
        "ports": [{"containerPort": 80, "name": "http"}, {"containerPort": 81, "protocol": "UDP"}],
        "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
        "resources": {"requests": {"cpu": "100m"}},
        "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
    }
    containers = [web, *({"name": other, "image": "other:1"} for other in more)]
    template = {
        "metadata": {"labels": {"app": name}, "annotations": {"note": "x"}},
        "spec": {"containers": containers, "volumes": [{"name": "scratch", "emptyDir": {}}]},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template},
    }
