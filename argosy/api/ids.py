"""Names of entities: one open workflow per cluster, policy set and resource template.

IDs sort and prefix well (`propagation/`), hold no secrets, and stay within the 200 bytes that every
SQL store of Temporal accepts; a longer one is cut and ends in a digest of the whole.
"""

from __future__ import annotations

from hashlib import sha256
from urllib.parse import quote

from argosy.api.manifest import ResourceRef

MAX_ID_BYTES = 200
_DIGEST_CHARS = 16

CLUSTER_SCOPE = "_"


def cluster_id(name: str) -> str:
    """The workflow ID of the cluster `name`."""
    return _bounded(f"cluster/{_encoded(name)}")


def policies_id(namespace: str | None) -> str:
    """The workflow ID of a namespace's policies; None is the cluster scope."""
    return _bounded(f"policies/{CLUSTER_SCOPE if namespace is None else _encoded(namespace)}")


def propagation_id(*, api_version: str, kind: str, namespace: str | None, name: str) -> str:
    """The workflow ID of one resource template; the version within the group is not part of it."""
    group = api_version.rpartition("/")[0]
    scope = CLUSTER_SCOPE if namespace is None else _encoded(namespace)
    kind_group = _encoded(kind) + (f".{_encoded(group)}" if group else "")
    return _bounded(f"propagation/{scope}/{kind_group}/{_encoded(name)}")


def queue_inside(queue: str, cluster: str) -> str:
    """The task queue that the worker inside a cluster polls, beside the one that central workers poll."""
    return f"{queue}@{cluster}"


def id_of(ref: ResourceRef) -> str:
    """The workflow ID of a template."""
    return propagation_id(api_version=ref.api_version, kind=ref.kind, namespace=ref.namespace, name=ref.name)


def _encoded(part: str) -> str:
    # ":" is legal in RBAC names and harmless in IDs; everything else unusual is percent-encoded.
    encoded = quote(part, safe=":")
    # A part "_" would read as the cluster scope.
    return "%5F" if encoded == CLUSTER_SCOPE else encoded


def _bounded(identifier: str) -> str:
    if len(identifier) <= MAX_ID_BYTES:
        return identifier
    digest = sha256(identifier.encode()).hexdigest()[:_DIGEST_CHARS]
    return f"{identifier[: MAX_ID_BYTES - _DIGEST_CHARS - 1]}~{digest}"
