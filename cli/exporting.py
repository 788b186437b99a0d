"""`argosy export`: everything that an installation knows, as YAML that `argosy import` takes back."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from activities.connection import instance_of
from activities.snapshot import list_clusters
from argosy.api.backup import Origin, cluster_document, template_document
from argosy.api.manifest import ResourceRef, ref_of
from argosy.api.membership import ClusterPhase
from argosy.api.propagation import Phase
from argosy.api.redact import is_secret
from argosy.api.yaml_writer import written
from argosy.errors import InvalidInput, NotFound
from cli.decisions import recorded_decision
from cli.session import Session

# Entities that are read at the same time.
AT_ONCE = 16
FOLDERS = ("clusters", "policies", "templates")
_KNOWN = {ClusterPhase.READY, ClusterPhase.NOT_READY}


@dataclass
class Export:
    """What there is, each folder in a stable order, and how many Secrets were left out."""

    clusters: list[dict[str, Any]] = field(default_factory=list)
    policies: list[dict[str, Any]] = field(default_factory=list)
    templates: list[dict[str, Any]] = field(default_factory=list)
    secrets: int = 0

    def documents(self) -> list[dict[str, Any]]:
        """In the order in which they are to be taken back."""
        return [*self.clusters, *self.policies, *self.templates]

    def files(self) -> dict[str, dict[str, Any]]:
        """Path within a folder -> document."""
        groups = zip(FOLDERS, (self.clusters, self.policies, self.templates), strict=True)
        return {_path(folder, ref_of(one)): one for folder, documents in groups for one in documents}


async def exported(session: Session, *, include_secrets: bool) -> Export:
    """Read everything: clusters and templates that the lists show, each as its entity has it.

    Args:
        include_secrets: whether templates of Secrets are part of it.
    """
    export = Export()
    export.clusters = [
        cluster_document(name, status.settings)
        for name, status in (await list_clusters(session.client)).items()
        if status.phase in _KNOWN
    ]
    for scope in await session.policy_namespaces():
        stored = [policy.manifest for policy in (await session.policies(scope)).policies]
        export.policies += sorted(stored, key=lambda manifest: _order(ref_of(manifest)))
    refs = sorted([ref async for ref in _submitted(session)], key=_order)
    if not include_secrets:
        public = [ref for ref in refs if not _is_secret(ref)]
        export.secrets, refs = len(refs) - len(public), public
    instance = await instance_of(session.client)
    gate = asyncio.Semaphore(AT_ONCE)

    async def read(ref: ResourceRef) -> dict[str, Any] | None:
        async with gate:
            return await _template(session, ref, instance)

    found = await asyncio.gather(*(read(ref) for ref in refs))
    export.templates = [one for one in found if one is not None]
    return export


def write_files(export: Export, directory: Path) -> list[str]:
    """Write one file for each object, readable by the user alone, and drop those of objects that are gone.

    Returns:
        The paths that were dropped.

    Raises:
        InvalidInput: the directory cannot be written.
    """
    files = export.files()
    try:
        for name, manifest in files.items():
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            _write(path, written([manifest]))
        known = {directory / name for name in files}
        stale = sorted(
            path
            for folder in FOLDERS
            for path in (directory / folder).rglob("*.yaml")
            if path not in known and not path.is_symlink()
        )
        for path in stale:
            path.unlink()
    except OSError as error:
        raise InvalidInput(
            f"{error.filename or directory}: {error.strerror}; choose another directory"
        ) from error
    return [str(path.relative_to(directory)) for path in stale]


async def _submitted(session: Session) -> AsyncIterator[ResourceRef]:
    """Every template that somebody has submitted and nobody is deleting."""
    async for status in session.propagations('WorkflowType = "Propagation" AND ExecutionStatus = "Running"'):
        if status.revision and status.phase not in {Phase.DELETING, Phase.DELETED}:
            yield status.ref


async def _template(session: Session, ref: ResourceRef, instance: str) -> dict[str, Any] | None:
    """One template with where it came from; None where it has just been deleted."""
    decision = None
    with contextlib.suppress(NotFound):
        decision = await recorded_decision(session, ref, revision=None)
    try:
        start = await session.state(ref)
    except NotFound:
        return None
    if not start.template:
        return None
    state = start.state
    origin = Origin(
        instance=instance,
        revision=state.revision,
        submitted_by=state.submitted_by,
        submitted_at=state.submitted_at,
        placement=decision.plan if decision else state.plan,
    )
    return template_document(json.loads(start.template), origin)


def _is_secret(ref: ResourceRef) -> bool:
    return is_secret({"apiVersion": ref.api_version, "kind": ref.kind})


def _write(path: Path, text: str) -> None:
    """Replace a file in one step, so that a reader never sees half of it."""
    beside = path.with_name(f".{path.name}.part")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        # A part that was left behind may have been made with other permissions.
        os.fchmod(descriptor, 0o600)
        stream.write(text)
    beside.replace(path)


def _path(folder: str, ref: ResourceRef) -> str:
    kind = f"{ref.kind}.{ref.group}" if folder == "templates" and ref.group else ref.kind
    scope = [ref.namespace or "_"] if folder != "clusters" else []
    name = ref.name if folder == "clusters" else f"{kind}/{ref.name}"
    parts: Iterable[str] = (folder, *scope, *name.split("/", 1))
    return "/".join(quote(part, safe=" :@+=,") for part in parts) + ".yaml"


def _order(ref: ResourceRef) -> tuple[str, ...]:
    return ref.namespace or "", ref.group, ref.kind, ref.name
