"""The other workloads of a template's affinity groups, and where they are."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from temporalio.client import Client
from temporalio.service import RPCError

from activities import attributes
from activities.lists import published
from activities.placing import Occasion
from argosy.api.manifest import ResourceRef
from argosy.api.placement import WorkloadAffinity, WorkloadAffinityTerm
from argosy.api.plan import Groups, Plan
from argosy.api.propagation import PropagationStatus
from argosy.errors import Transient

# How long lists may lag behind what this process has just decided.
REMEMBERED_SECONDS = 10.0

Clusters = tuple[str, ...]


def groups_of(template: Mapping[str, Any], affinity: WorkloadAffinity | None) -> Groups | None:
    """The groups that a template belongs to by its labels, or None; a label that it lacks makes no group."""
    labels = template["metadata"].get("labels") or {}

    def group(term: WorkloadAffinityTerm | None) -> str:
        key = term.group_by_label_key if term else ""
        return f"{key}={labels[key]}" if key in labels else ""

    if affinity is None or not template["metadata"].get("namespace"):
        return None
    groups = Groups(affinity=group(affinity.affinity), anti_affinity=group(affinity.anti_affinity))
    return None if groups == Groups() else groups


@dataclass(frozen=True)
class _Decided:
    at: float
    namespace: str
    groups: Groups
    clusters: Clusters


class Companions:
    """Who is in a group, by the lists and by what this process has decided since they were written.

    Members of one namespace are decided upon one after another, so that those that must not meet see each other.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._decided: dict[str, _Decided] = {}

    async def in_turn(
        self,
        workflow_id: str,
        ref: ResourceRef,
        groups: Groups,
        occasion: Occasion,
        decide: Callable[[Occasion], Awaitable[Plan]],
    ) -> Plan:
        """Decide upon a member of groups, knowing where the others are.

        Raises:
            Transient: Temporal's lists did not answer.
        """
        namespace = ref.namespace or ""
        async with self._turns[namespace]:
            others = await self._others(workflow_id, namespace)
            together = tuple(at for known, at in others if _shared(groups.affinity, known.affinity))
            apart = tuple(at for known, at in others if _shared(groups.anti_affinity, known.anti_affinity))
            plan = await decide(replace(occasion, groups=groups, together_with=together, apart_from=apart))
            clusters = tuple(target.cluster for target in plan.targets)
            self._decided[workflow_id] = _Decided(time.monotonic(), namespace, groups, clusters)
        return plan

    async def _others(self, workflow_id: str, namespace: str) -> list[tuple[Groups, Clusters]]:
        """Groups and clusters of every other placed template of a namespace."""
        found: dict[str, tuple[Groups, Clusters]] = {}
        query = (
            f'WorkflowType = "Propagation" AND ExecutionStatus = "Running" '
            f'AND {attributes.NAMESPACE.name} = "{namespace}"'
        )
        try:
            async for identifier, status in published(self._client, query, PropagationStatus):
                found[identifier] = (status.groups, tuple(sorted(status.clusters)))
        except RPCError as error:
            raise Transient(f"Temporal does not list propagations: {error.message}") from error
        oldest = time.monotonic() - REMEMBERED_SECONDS
        self._decided = {name: known for name, known in self._decided.items() if known.at > oldest}
        found |= {
            name: (known.groups, known.clusters)
            for name, known in self._decided.items()
            if known.namespace == namespace
        }
        found.pop(workflow_id, None)
        return [entry for _, entry in sorted(found.items()) if entry[1]]


def _shared(ours: str, theirs: str) -> bool:
    return bool(ours) and ours == theirs
