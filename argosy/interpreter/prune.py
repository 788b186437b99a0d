"""What is left out when a template becomes a copy: fields a server sets, and marks bound to one cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Manifest = dict[str, Any]

_SERVER_SET = (
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
    "ownerReferences",
    "finalizers",
)
_JOB_SELECTOR = ("controller-uid", "batch.kubernetes.io/controller-uid")
_JOB_TEMPLATE = (*_JOB_SELECTOR, "job-name", "batch.kubernetes.io/job-name")


def common(manifest: Mapping[str, Any]) -> Manifest:
    """For every kind: no status and no server-set metadata. The result shares unchanged parts."""
    copy = {key: value for key, value in manifest.items() if key != "status"}
    metadata = manifest.get("metadata") or {}
    copy["metadata"] = {key: value for key, value in metadata.items() if key not in _SERVER_SET}
    return copy


def deployment(manifest: Manifest) -> None:
    """The controller's own revision counters."""
    _drop(manifest, ("metadata", "annotations"), "deployment.kubernetes.io/revision")
    _drop(manifest, ("metadata", "annotations"), "deployment.kubernetes.io/revision-history")


def job(manifest: Manifest) -> None:
    """Labels that the job controller generates, and the time to live, which would delete the copy."""
    _drop(manifest, ("spec",), "ttlSecondsAfterFinished")
    if (manifest.get("spec") or {}).get("manualSelector") is True:
        return
    for label in _JOB_SELECTOR:
        _drop(manifest, ("spec", "selector", "matchLabels"), label)
    for label in _JOB_TEMPLATE:
        _drop(manifest, ("spec", "template", "metadata", "labels"), label)


def service(manifest: Manifest) -> None:
    """Addresses that one cluster has assigned; a headless service stays headless."""
    if (manifest.get("spec") or {}).get("clusterIP") != "None":
        _drop(manifest, ("spec",), "clusterIP")
        _drop(manifest, ("spec",), "clusterIPs")


def service_account(manifest: Manifest) -> None:
    """Token secrets that one cluster has generated."""
    secrets = manifest.get("secrets")
    if secrets:
        prefix = f"{manifest['metadata'].get('name', '')}-token-"
        kept = [entry for entry in secrets if not str(entry.get("name", "")).startswith(prefix)]
        manifest["secrets"] = kept


def secret(manifest: Manifest) -> None:
    """The content of service account tokens, which are of no use elsewhere."""
    if manifest.get("type") == "kubernetes.io/service-account-token":
        manifest["data"] = None
        _drop(manifest, ("metadata", "annotations"), "kubernetes.io/service-account.uid")


def persistent_volume_claim(manifest: Manifest) -> None:
    """The node that one cluster's scheduler has chosen."""
    _drop(manifest, ("metadata", "annotations"), "volume.kubernetes.io/selected-node")


def _drop(manifest: Manifest, path: tuple[str, ...], key: str) -> None:
    """Remove a key somewhere inside, copying the maps on the way, which the template shares."""
    current = manifest
    for part in path:
        inner = current.get(part)
        if not isinstance(inner, dict):
            return
        current[part] = inner = dict(inner)
        current = inner
    current.pop(key, None)
