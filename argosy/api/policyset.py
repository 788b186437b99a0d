"""The record of one namespace's policies, or the cluster scope's: one run per generation.

The cluster scope also holds what tells the meaning of objects: customizations and web services.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from argosy.api.record import Record

PROPAGATION_KINDS = ("PropagationPolicy", "ClusterPropagationPolicy")
OVERRIDE_KINDS = ("OverridePolicy", "ClusterOverridePolicy")
# Bytes of a whole set after compression; one payload may have 2 MiB, and the codec is not the same as this measure.
LARGEST_SET = 1_500_000
INTERPRETER_KINDS = ("ResourceInterpreterCustomization", "ResourceInterpreterWebhookConfiguration")
TAINT_KINDS = ("ClusterTaintPolicy",)
POLICY_KINDS = PROPAGATION_KINDS + OVERRIDE_KINDS + INTERPRETER_KINDS + TAINT_KINDS


class StoredPolicy(Record):
    """One policy as its user wrote it, with the identity that outlives edits but not deletion."""

    kind: str
    name: str
    uid: str
    generation: int = 1
    manifest: dict[str, Any]
    updated_by: str = ""
    created_at: datetime | None = None


class PolicyEdit(Record):
    """Policies to store and to delete, all or nothing.

    Attributes:
        put: manifests of policies to create or replace.
        delete: (kind, name) pairs; names that do not exist are reported, not refused.
    """

    request_id: str
    requested_by: str = ""
    put: tuple[dict[str, Any], ...] = ()
    delete: tuple[tuple[str, str], ...] = ()


class PolicyEdited(Record):
    """What an edit did: `kind/name` -> created, configured, unchanged, deleted or missing."""

    generation: int
    results: dict[str, str]


class WaitForPolicy(Record):
    """A template that no policy matches asks to be told of changes after the generation it has seen."""

    propagation: str
    seen: int


class Notice(Record):
    """Who must still be told of the latest generation.

    Attributes:
        kinds: templates of these kinds; None is every kind.
        waiters: propagations that asked to be told, whatever the lists show.
        clusters: whether clusters have to be told, of policies about their taints.
    """

    kinds: tuple[str, ...] | None = ()
    waiters: tuple[str, ...] = ()
    clusters: bool = False


class PolicySetState(Record):
    """Everything a policy set carries from run to run."""

    namespace: str | None = None
    generation: int = 0
    policies: tuple[StoredPolicy, ...] = ()
    waiters: tuple[str, ...] = ()
    notice: Notice | None = None
    requests: dict[str, PolicyEdited] = {}


class PolicySetInput(Record):
    """The argument of every run of a policy set: event 1 of the run is where planners read the policies."""

    state: PolicySetState


class PolicySetStatus(Record):
    """What a policy set publishes in its memo."""

    namespace: str | None = None
    generation: int = 0
    counts: dict[str, int] = {}


def compressed_size(state: PolicySetState) -> int:
    """About how many bytes a set takes in Temporal, where payloads are compressed."""
    return len(zlib.compress(state.model_dump_json().encode(), level=1))


def concerned_kinds(manifests: Sequence[dict[str, Any]]) -> tuple[str, ...] | None:
    """The kinds of templates that these policies concern; None where one of them may concern any kind."""
    kinds: dict[str, None] = {}
    for manifest in manifests:
        if manifest["kind"] in TAINT_KINDS:
            continue
        if manifest["kind"] in INTERPRETER_KINDS:
            interpreted = _interpreted_kinds(manifest)
            if interpreted is None:
                return None
            kinds |= dict.fromkeys(interpreted)
            continue
        selectors = manifest.get("spec", {}).get("resourceSelectors") or []
        if not selectors and manifest["kind"] not in PROPAGATION_KINDS:
            return None
        kinds |= dict.fromkeys(selector["kind"] for selector in selectors)
    return tuple(sorted(kinds))


def _interpreted_kinds(manifest: dict[str, Any]) -> list[str] | None:
    """The kinds whose meaning a customization or a web service tells; None where that may be any."""
    if manifest["kind"] == "ResourceInterpreterCustomization":
        return [manifest["spec"]["target"]["kind"]]
    rules = [rule for webhook in manifest.get("webhooks") or () for rule in webhook.get("rules") or ()]
    kinds = [kind for rule in rules for kind in rule.get("kinds") or ()]
    return None if "*" in kinds else kinds
