"""What an installation knows, as documents that another one can be set up from.

Clusters are Karmada's, with what Argosy adds in annotations; policies are as their users wrote them; templates carry
where they came from in annotations, which are taken off again when they are read.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from argosy.api.base import to_manifest
from argosy.api.cluster import Cluster, ClusterSpec
from argosy.api.cluster_connection import NOT_FROM_HERE, ConnectionReference
from argosy.api.membership import LEAST_GRACE, ClusterSettings, SyncMode
from argosy.api.meta import ObjectMeta
from argosy.api.parsing import Document, parse_cluster
from argosy.api.plan import Plan
from argosy.api.record import Record
from argosy.errors import InvalidInput

KUBECONFIG = "argosy.dev/kubeconfig"
"""On a Cluster: the kubeconfig file, as workers see it."""
CONTEXT = "argosy.dev/context"
"""On a Cluster: the context in that file; without it, the current one."""
HOLD = "argosy.dev/hold"
"""On a Cluster: `true` where every copy stays, as by `argosy cluster hold`."""
GRACE = "argosy.dev/worker-grace"
"""On a Cluster in pull mode: seconds for which the worker inside it may be away."""

PREFIX = "export.argosy.dev/"
INSTANCE = f"{PREFIX}instance"
"""On a template: the installation that had it."""
REVISION = f"{PREFIX}revision"
"""On a template: the revision it was there."""
SUBMITTED_BY = f"{PREFIX}submitted-by"
"""On a template: who submitted it."""
SUBMITTED_AT = f"{PREFIX}submitted-at"
"""On a template: when."""
POLICY = f"{PREFIX}policy"
"""On a template: the policy that placed it."""
PLACEMENT = f"{PREFIX}placement"
"""On a template: where its copies are, and why."""

# Of a plan, what the next one goes on from; everything else it finds out anew.
_PLACED = {"policy", "placement", "scheduled_at", "affinity", "strategy", "behaviour"}
_SHARE = {"cluster", "replicas"}


class Origin(Record):
    """Where a template came from.

    Attributes:
        instance: the installation that had it.
        placement: where its copies were, and why, as far as the next decision looks at it.
    """

    instance: str = ""
    revision: int = 0
    submitted_by: str = ""
    submitted_at: datetime | None = None
    placement: Plan | None = None


def cluster_document(name: str, settings: ClusterSettings) -> dict[str, Any]:
    """A cluster as a person has set it up, without what it says of itself."""
    connection = settings.connection
    annotations = {KUBECONFIG: connection.kubeconfig} if not settings.pulls else {}
    if settings.pulls:
        annotations[GRACE] = f"{settings.worker_grace:g}"
    if connection.context is not None:
        annotations[CONTEXT] = connection.context
    if settings.hold:
        annotations[HOLD] = "true"
    cluster = Cluster(
        metadata=ObjectMeta(name=name, labels=settings.labels, annotations=annotations),
        spec=ClusterSpec(
            sync_mode=settings.sync_mode.value,
            provider=settings.provider,
            region=settings.region,
            zones=settings.zones,
            taints=settings.taints,
        ),
    )
    return to_manifest(cluster)


def settings_of(document: Document) -> ClusterSettings:
    """The settings to join a cluster with.

    Raises:
        InvalidInput: it is no cluster, or does not say how it is reached.
    """
    cluster = parse_cluster(document)
    annotations = cluster.metadata.annotations
    pulls = cluster.spec.sync_mode == SyncMode.PULL.value
    kubeconfig = annotations.get(KUBECONFIG, "")
    if pulls and kubeconfig:
        raise InvalidInput(
            f"{document}: metadata.annotations has {KUBECONFIG}, which means nothing in pull mode; remove it"
        )
    if not pulls and not kubeconfig:
        raise InvalidInput(
            f"{document}: metadata.annotations has no {KUBECONFIG}; write the kubeconfig file on the worker there"
        )
    hold = annotations.get(HOLD, "false")
    if hold not in {"true", "false"}:
        raise InvalidInput(f"{document}: metadata.annotations[{HOLD}] is {hold!r}; write true or false")
    connection = ConnectionReference(kubeconfig=kubeconfig, context=annotations.get(CONTEXT))
    return ClusterSettings(
        connection=NOT_FROM_HERE if pulls else connection,
        sync_mode=SyncMode.PULL if pulls else SyncMode.PUSH,
        worker_grace=_grace(document, annotations),
        labels=dict(cluster.labels),
        region=cluster.region,
        zones=cluster.zones,
        provider=cluster.provider,
        taints=cluster.spec.taints,
        hold=hold == "true",
    )


def _grace(document: Document, annotations: Mapping[str, str]) -> float:
    written = annotations.get(GRACE, "40")
    try:
        seconds = float(written)
    except ValueError:
        seconds = math.nan
    if not seconds >= LEAST_GRACE:
        raise InvalidInput(
            f"{document}: metadata.annotations[{GRACE}] is {written!r}; write seconds, {LEAST_GRACE:g} at least"
        )
    return seconds


def template_document(template: Mapping[str, Any], origin: Origin) -> dict[str, Any]:
    """A template with where it came from."""
    marks = {INSTANCE: origin.instance, REVISION: str(origin.revision), SUBMITTED_BY: origin.submitted_by}
    if origin.submitted_at is not None:
        marks[SUBMITTED_AT] = origin.submitted_at.isoformat()
    plan = origin.placement
    if plan is not None:
        marks[POLICY] = str(plan.policy or "")
        marks[PLACEMENT] = json.dumps(_placement(plan), sort_keys=True)
    metadata = template["metadata"]
    annotations = {
        **(metadata.get("annotations") or {}),
        **{key: text for key, text in marks.items() if text},
    }
    return {**template, "metadata": {**metadata, "annotations": annotations}}


def taken_apart(document: Document) -> tuple[dict[str, Any], Origin]:
    """The template as it was submitted, and where it came from; of one that nobody exported nothing is known.

    Raises:
        InvalidInput: what it says of its origin was edited into something that means nothing.
    """
    metadata = document.manifest["metadata"]
    annotations = dict(metadata.get("annotations") or {})
    marks = {key: annotations.pop(key) for key in list(annotations) if key.startswith(PREFIX)}
    if not marks:
        return document.manifest, Origin()
    kept = {key: value for key, value in metadata.items() if key != "annotations"}
    if annotations:
        kept["annotations"] = annotations
    try:
        origin = Origin.model_validate(
            {
                "instance": marks.get(INSTANCE, ""),
                "revision": marks.get(REVISION, "0"),
                "submitted_by": marks.get(SUBMITTED_BY, ""),
                "submitted_at": marks.get(SUBMITTED_AT),
                "placement": json.loads(marks[PLACEMENT]) if PLACEMENT in marks else None,
            }
        )
    except (ValidationError, ValueError) as error:
        raise InvalidInput(
            f"{document}: its annotations {PREFIX}* are not as they were exported; export it again, or remove them all"
        ) from error
    return {**document.manifest, "metadata": kept}, origin


def _placement(plan: Plan) -> dict[str, Any]:
    written = plan.model_dump(mode="json", include=_PLACED, exclude_defaults=True)
    targets = [
        one.model_dump(mode="json", include=_SHARE, exclude_none=True)
        for one in plan.targets
        if not one.error
    ]
    return {**written, "targets": targets}
