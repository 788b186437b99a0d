"""The one way to an object that a propagation is about: it checks the access rules and says who asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from argosy.api.access import Touched, identity_for
from argosy.api.manifest import ResourceRef
from argosy.errors import Forbidden
from argosy.kube.catalog import Served
from argosy.kube.connect import JSON, Member

USER = "Impersonate-User"
GROUP = "Impersonate-Group"


async def touch(
    member: Member,
    method: str,
    kind: Served,
    ref: ResourceRef,
    *,
    what: str,
    query: Mapping[str, str] | None = None,
    body: Any = None,
    content_type: str = JSON,
    accept: str = JSON,
) -> dict[str, Any]:
    """One request about one object, as whom the access rules say; POST goes to its collection.

    Args:
        kind: how the cluster serves the object: the path depends on it, and with that what the rules are asked for.

    Raises:
        Forbidden: the access rules do not permit it; nothing was sent.
        ArgosyError: typed by what went wrong; of a Secret, without the server's text.
    """
    path = kind.collection(ref.namespace) if method == "POST" else kind.path(ref)
    return await member.request(
        method,
        path,
        what=what,
        query=query,
        body=body,
        content_type=content_type,
        accept=accept,
        headers=_identity(member, kind, ref, what=what),
        secret=ref.kind == "Secret",
    )


def _identity(member: Member, kind: Served, ref: ResourceRef, *, what: str) -> list[tuple[str, str]]:
    if member.access is None:
        return []
    namespace = ref.namespace if kind.namespaced else None
    touched = Touched(group=kind.group, kind=kind.kind, name=ref.name, namespace=namespace)
    try:
        identity = identity_for(member.access, member.name, touched)
    except Forbidden as error:
        raise Forbidden(f"{member.name}: {what}: {error}") from None
    if not identity.user:
        return []
    return [(USER, identity.user), *((GROUP, group) for group in identity.groups)]
