"""What a workload needs beside it to run. Algorithm source: Karmada's native interpreter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from argosy.api.record import Record

Spec = Mapping[str, Any]

# Volume source -> where in it the name of a secret is.
_SECRET_VOLUMES = {
    "secret": ("secretName",),
    "azureFile": ("secretName",),
    "cephfs": ("secretRef", "name"),
    "cinder": ("secretRef", "name"),
    "csi": ("nodePublishSecretRef", "name"),
    "flexVolume": ("secretRef", "name"),
    "iscsi": ("secretRef", "name"),
    "rbd": ("secretRef", "name"),
    "scaleIO": ("secretRef", "name"),
    "storageos": ("secretRef", "name"),
}
_CONTAINERS = ("containers", "initContainers", "ephemeralContainers")
_SERVICE_NAME = "kubernetes.io/service-name"
_POD_TEMPLATES = {
    ("apps", "Deployment"): ("spec", "template", "spec"),
    ("apps", "ReplicaSet"): ("spec", "template", "spec"),
    ("apps", "StatefulSet"): ("spec", "template", "spec"),
    ("apps", "DaemonSet"): ("spec", "template", "spec"),
    ("batch", "Job"): ("spec", "template", "spec"),
    ("batch", "CronJob"): ("spec", "jobTemplate", "spec", "template", "spec"),
    ("", "Pod"): ("spec",),
}


class Dependency(Record):
    """One object by name, or all objects with these labels; exactly one of the two is given."""

    api_version: str
    kind: str
    namespace: str
    name: str = ""
    labels: tuple[tuple[str, str], ...] = ()


def dependencies_of(manifest: Mapping[str, Any]) -> tuple[Dependency, ...]:
    """What a template needs in every cluster it runs in; each once, in no particular order. Empty for most kinds."""
    group = str(manifest.get("apiVersion") or "").rpartition("/")[0]
    kind = str(manifest.get("kind") or "")
    namespace = str(_at(manifest, "metadata", "namespace") or "")
    path = _POD_TEMPLATES.get((group, kind))
    if path is not None:
        found = of_pod(_mapping(_at(manifest, *path)), namespace)
        return tuple(dict.fromkeys(_without_own_claims(found, manifest) if kind == "StatefulSet" else found))
    if (group, kind) == ("networking.k8s.io", "Ingress"):
        entries = _items(_at(manifest, "spec"), "tls")
        secrets = (_named("Secret", namespace, entry.get("secretName")) for entry in entries)
        return tuple(dict.fromkeys(one for one in secrets if one))
    if (group, kind) == ("multicluster.x-k8s.io", "ServiceImport"):
        return _of_service_import(str(_at(manifest, "metadata", "name") or ""), namespace)
    return ()


def of_pod(spec: Spec, namespace: str) -> Iterator[Dependency]:
    """The config maps, secrets, service account and volume claims of a pod, possibly more than once."""
    account = spec.get("serviceAccountName")
    names: list[tuple[str, Any]] = [("ServiceAccount", account if account != "default" else None)]
    names += [("Secret", one.get("name")) for one in _items(spec, "imagePullSecrets")]
    for part in _CONTAINERS:
        for container in _items(spec, part):
            names += _of_container(container)
    for volume in _items(spec, "volumes"):
        names += _of_volume(volume)
    for kind, name in names:
        found = _named(kind, namespace, name)
        if found:
            yield found


def _of_container(container: Spec) -> Iterator[tuple[str, Any]]:
    for source in _items(container, "envFrom"):
        yield "ConfigMap", _at(source, "configMapRef", "name")
        yield "Secret", _at(source, "secretRef", "name")
    for variable in _items(container, "env"):
        yield "ConfigMap", _at(variable, "valueFrom", "configMapKeyRef", "name")
        yield "Secret", _at(variable, "valueFrom", "secretKeyRef", "name")


def _of_volume(volume: Spec) -> Iterator[tuple[str, Any]]:
    yield "ConfigMap", _at(volume, "configMap", "name")
    yield "PersistentVolumeClaim", _at(volume, "persistentVolumeClaim", "claimName")
    for source, path in _SECRET_VOLUMES.items():
        yield "Secret", _at(volume, source, *path)
    for projected in _items(volume.get("projected"), "sources"):
        yield "ConfigMap", _at(projected, "configMap", "name")
        yield "Secret", _at(projected, "secret", "name")


def _without_own_claims(found: Iterator[Dependency], manifest: Mapping[str, Any]) -> Iterator[Dependency]:
    templates = _items(_at(manifest, "spec"), "volumeClaimTemplates")
    own = {_at(one, "metadata", "name") for one in templates}
    return (one for one in found if one.kind != "PersistentVolumeClaim" or one.name not in own)


def _of_service_import(name: str, namespace: str) -> tuple[Dependency, ...]:
    derived = f"derived-{name}"
    return (
        Dependency(api_version="v1", kind="Service", namespace=namespace, name=derived),
        Dependency(
            api_version="discovery.k8s.io/v1",
            kind="EndpointSlice",
            namespace=namespace,
            labels=((_SERVICE_NAME, derived),),
        ),
    )


def _named(kind: str, namespace: str, name: Any) -> Dependency | None:
    if not isinstance(name, str) or not name:
        return None
    return Dependency(api_version="v1", kind=kind, namespace=namespace, name=name)


def _at(value: Any, *path: str) -> Any:
    for part in path:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _mapping(value: Any) -> Spec:
    return value if isinstance(value, Mapping) else {}


def _items(value: Any, name: str) -> list[Spec]:
    found = _mapping(value).get(name)
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []
