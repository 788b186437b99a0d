"""Search attributes and memo keys: what lists can filter by and what `describe` shows.

The set fits what a SQL store of Temporal allows per namespace.
"""

from __future__ import annotations

from hashlib import sha256

from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from argosy.api.manifest import ResourceRef

NAMESPACE = SearchAttributeKey.for_keyword("ArgosyNamespace")
KIND = SearchAttributeKey.for_keyword("ArgosyKind")
NAME = SearchAttributeKey.for_keyword("ArgosyName")
POLICY = SearchAttributeKey.for_keyword("ArgosyPolicy")
HEALTH = SearchAttributeKey.for_keyword("ArgosyHealth")
PHASE = SearchAttributeKey.for_keyword("ArgosyPhase")
CLUSTERS = SearchAttributeKey.for_keyword_list("ArgosyClusters")
REVISION = SearchAttributeKey.for_int("ArgosyRevision")

ALL = (NAMESPACE, KIND, NAME, POLICY, PHASE, HEALTH, CLUSTERS, REVISION)

STATUS = "status"

_LIST_BYTES = 1900
_BUCKETS = 64


def identity(ref: ResourceRef) -> TypedSearchAttributes:
    """The attributes by which lists find a template from its start on."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(NAMESPACE, ref.namespace or "_"),
            SearchAttributePair(KIND, ref.kind),
            SearchAttributePair(NAME, ref.name),
        ]
    )


def bucket(cluster: str) -> str:
    """The hash bucket that stands for `cluster` where the names are too many to be listed: `~00` to `~63`."""
    return f"~{int.from_bytes(sha256(cluster.encode()).digest()[:4], 'big') % _BUCKETS:02d}"


def claimed(clusters: list[str]) -> list[str]:
    """The value of ArgosyClusters: the sorted names, or their sorted buckets above the store's 2 KB."""
    names = sorted(set(clusters))
    if sum(len(name) + 4 for name in names) <= _LIST_BYTES:
        return names
    return sorted({bucket(name) for name in names})
