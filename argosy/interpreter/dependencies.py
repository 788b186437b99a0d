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


class Dependency(Record):
    """One object by name, or all objects with these labels; exactly one of the two is given."""

    api_version: str
    kind: str
    namespace: str
    name: str = ""
    labels: tuple[tuple[str, str], ...] = ()


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
