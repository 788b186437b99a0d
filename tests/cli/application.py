"""One object of every common kind, all named `app`, and where they are in an API server."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

from devcluster.member import Member
from tests.cluster import widget_crd

Manifest = dict[str, Any]

# Kind -> a field that somebody may change, and the value that they give it. Of a volume claim and of a definition no
# field can be changed, or none without harm.
MEDDLING: dict[str, tuple[tuple[str, ...], Any]] = {
    "Deployment": (("spec", "replicas"), 5),
    "StatefulSet": (("spec", "replicas"), 5),
    "DaemonSet": (("spec", "minReadySeconds"), 9),
    "Job": (("spec", "parallelism"), 3),
    "CronJob": (("spec", "schedule"), "30 4 * * *"),
    "Service": (("spec", "sessionAffinity"), "ClientIP"),
    "Ingress": (("spec", "ingressClassName"), "other"),
    "PersistentVolumeClaim": (("metadata", "labels", "part"), "none"),
    "HorizontalPodAutoscaler": (("spec", "maxReplicas"), 9),
    "PodDisruptionBudget": (("spec", "minAvailable"), 2),
    "CustomResourceDefinition": (("metadata", "labels", "argosy.dev/owner"), "meddler"),
    "Widget": (("spec", "size"), 99),
}


@dataclass(frozen=True)
class Application:
    """Objects of every common kind in one namespace, with a kind of their own.

    Attributes:
        namespace: where they are; the kind's group is named after it.
        without: kinds that are left out.
    """

    namespace: str
    without: frozenset[str] = frozenset()

    @property
    def group(self) -> str:
        """Of the kind Widget."""
        return f"{self.namespace}.example.com"

    def manifests(self) -> list[Manifest]:
        """The templates, the definition of the kind first."""
        return [self._definition(), *self._namespaced()]

    def policies(self, *clusters: str) -> list[Manifest]:
        """What places them on these clusters."""
        base = {"apiVersion": "policy.karmada.io/v1alpha1"}
        placement = {"clusterAffinity": {"clusterNames": list(clusters)}}
        kinds = [(one["apiVersion"], one["kind"]) for one in self._namespaced()]
        name = f"crd-{self.namespace}"
        definition = {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "name": f"widgets.{self.group}",
        }
        return [
            {
                **base,
                "kind": "ClusterPropagationPolicy",
                "metadata": {"name": name},
                "spec": {"resourceSelectors": [definition], "placement": placement},
            },
            {
                **base,
                "kind": "PropagationPolicy",
                "metadata": {"name": "everything", "namespace": self.namespace},
                "spec": {
                    "resourceSelectors": [{"apiVersion": v, "kind": kind} for v, kind in kinds],
                    "placement": placement,
                },
            },
        ]

    def path(self, manifest: Manifest) -> str:
        """Where an API server has it."""
        version, kind = manifest["apiVersion"], manifest["kind"]
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        plural = {"Ingress": "ingresses"}.get(kind, f"{kind.lower()}s")
        within = f"/namespaces/{self.namespace}" if "namespace" in manifest["metadata"] else ""
        return f"{root}{within}/{plural}/{manifest['metadata']['name']}"

    def volume(self) -> Manifest:
        """A volume that the claim can be bound to, as an administrator would make it."""
        return {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": self.namespace},
            "spec": {
                "capacity": {"storage": "1Gi"},
                "accessModes": ["ReadWriteOnce"],
                "hostPath": {"path": "/nowhere"},
                "claimRef": {"namespace": self.namespace, "name": "app"},
            },
        }

    def _definition(self) -> Manifest:
        return widget_crd(self.group)

    def _namespaced(self) -> list[Manifest]:
        pod: Manifest = {
            "metadata": {"labels": {"app": "app"}},
            "spec": {
                "containers": [{"name": "c", "image": "nginx:1", "resources": {"requests": {"cpu": "10m"}}}]
            },
        }
        once = {"metadata": pod["metadata"], "spec": {**pod["spec"], "restartPolicy": "Never"}}
        selector = {"matchLabels": {"app": "app"}}
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "app"}
        backend = {"service": {"name": "app", "port": {"number": 80}}}
        claim = {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
            "storageClassName": "",
        }
        scaled = {"replicas": 2, "selector": selector, "template": pod}
        specs: list[tuple[str, str, Manifest]] = [
            ("apps/v1", "Deployment", scaled),
            ("apps/v1", "StatefulSet", {**scaled, "serviceName": "app"}),
            ("apps/v1", "DaemonSet", {"selector": selector, "template": pod, "minReadySeconds": 1}),
            ("batch/v1", "Job", {"completions": 2, "parallelism": 2, "template": once}),
            ("batch/v1", "CronJob", {"schedule": "0 3 1 1 *", "jobTemplate": {"spec": {"template": once}}}),
            (
                "v1",
                "Service",
                {
                    "type": "LoadBalancer",
                    "selector": {"app": "app"},
                    "ports": [{"port": 80}],
                    "sessionAffinity": "None",
                },
            ),
            ("networking.k8s.io/v1", "Ingress", {"ingressClassName": "nginx", "defaultBackend": backend}),
            ("policy/v1", "PodDisruptionBudget", {"minAvailable": 1, "selector": selector}),
            (
                "autoscaling/v2",
                "HorizontalPodAutoscaler",
                {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 3},
            ),
            ("v1", "PersistentVolumeClaim", claim),
            (f"{self.group}/v1", "Widget", {"size": 1}),
        ]
        return [
            {
                "apiVersion": version,
                "kind": kind,
                "metadata": {"name": "app", "namespace": self.namespace, "labels": {"part": "app"}},
                "spec": spec,
            }
            for version, kind, spec in specs
            if kind not in self.without
        ]


def found(member: Member, path: str) -> Any:
    """An object as the API server has it, or None."""
    status, body = member.request("GET", path)
    while status == 429:
        # The storage of a kind that has just been defined is being made.
        time.sleep(0.5)
        status, body = member.request("GET", path)
    assert status in {200, 404}, body
    return json.loads(body) if status == 200 else None


def value_at(manifest: Any, place: tuple[str, ...]) -> Any:
    """The value of a field, None where there is none."""
    for part in place:
        manifest = (manifest or {}).get(part)
    return manifest


def everything_with(member: Member, selector: str) -> set[str]:
    """The path of every object of any kind with a label, found by asking the API server alone."""
    collections = []
    versions = [("/api/v1", "v1")]
    for group in found(member, "/apis")["groups"]:
        version = group["preferredVersion"]["groupVersion"]
        versions.append((f"/apis/{version}", version))
    for root, version in versions:
        listed = found(member, root) or {"resources": ()}
        collections += [
            f"{root}/{one['name']}"
            for one in listed["resources"]
            if "list" in one["verbs"] and "/" not in one["name"] and version != "events.k8s.io/v1"
        ]
    marked = set()
    for collection in collections:
        # A kind whose definition goes may do so between both questions.
        listed = found(member, f"{collection}?labelSelector={selector}&limit=1000") or {"items": ()}
        for item in listed["items"]:
            metadata = item["metadata"]
            marked.add(f"{collection}:{metadata.get('namespace', '')}/{metadata['name']}")
    return marked
