"""`argosy import`: set up an installation from what `argosy export` has written."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

from activities.connection import instance_of
from activities.snapshot import list_clusters
from argosy.api import documents
from argosy.api.backup import Origin, settings_of, taken_apart
from argosy.api.manifest import ResourceRef, canonical_json, ref_of
from argosy.api.membership import ClusterSettings
from argosy.api.plan import Plan, PolicyRef
from argosy.api.policyset import PROPAGATION_KINDS, StoredPolicy
from argosy.errors import ArgosyError, InvalidInput, Refused
from cli.documents import Batch
from cli.membership import check_name, joined
from cli.session import Session
from cli.submitting import Accepted, Inheritance


@dataclass
class Backup:
    """What was read and found valid.

    Attributes:
        origins: where the templates came from.
    """

    clusters: dict[str, ClusterSettings] = field(default_factory=dict)
    batch: Batch = field(default_factory=Batch)
    origins: dict[ResourceRef, Origin] = field(default_factory=dict)

    @classmethod
    def read(cls, filenames: Sequence[str]) -> Backup:
        """Read files, directories with all that is in them, or standard input.

        Raises:
            InvalidInput: something cannot be read, is wrong, or is there twice.
        """
        backup = cls()
        others = []
        for document in documents.read(filenames, recursive=True, stdin=sys.stdin.buffer):
            if document.is_cluster:
                name = document.ref.name
                check_name(name)
                if name in backup.clusters:
                    raise InvalidInput(f"{document}: is there twice; keep one")
                backup.clusters[name] = settings_of(document)
            elif document.is_template:
                manifest, origin = taken_apart(document)
                backup.origins[ref_of(manifest)] = origin
                others.append(replace(document, manifest=manifest))
            else:
                others.append(document)
        backup.batch = Batch.of(others)
        if backup.batch.rebalancers:
            raise InvalidInput(
                "a WorkloadRebalancer is a request, not state; apply it with `argosy apply` after the import"
            )
        return backup

    def strangers(self, instance: str) -> list[str]:
        """The other installations that templates come from, and had copies of."""
        found = {origin.instance for origin in self.origins.values() if origin.placement is not None}
        return sorted(found - {"", instance})


class Import:
    """One run of `argosy import`, in the order in which nothing is moved.

    Clusters first, because a template is placed among those that are there; then policies, because a template without
    one waits; templates last.
    """

    def __init__(self, session: Session, backup: Backup, *, takeover: bool) -> None:
        self._session = session
        self._backup = backup
        self._takeover = takeover
        self._instance = ""

    async def check(self) -> None:
        """Make sure that nothing would be left in between.

        Raises:
            Refused: copies are another installation's, and nobody has said that they may be taken over.
        """
        self._instance = await instance_of(self._session.client)
        strangers = self._backup.strangers(self._instance)
        if strangers and not self._takeover:
            raise Refused(
                f"this was exported from another installation ({', '.join(strangers)}), whose copies run in the "
                "clusters; make sure that its workers are stopped for good, then take its copies over with --takeover"
            )

    async def preview(self) -> None:
        """Say what would be done."""
        session, backup = self._session, self._backup
        known = await list_clusters(session.client)
        for name, settings in backup.clusters.items():
            there = known.get(name)
            _line(f"cluster/{name} {_standing(there.settings, settings) if there else 'would be joined'}")
        for scope, policies in backup.batch.policies.items():
            stored = {(one.kind, one.name): one.manifest for one in (await session.policies(scope)).policies}
            for manifest in policies:
                key = (manifest["kind"], manifest["metadata"]["name"])
                _line(f"{'/'.join(key)} {_change(stored.get(key), manifest)}")
        for template in backup.batch.templates:
            ref = ref_of(template)
            digest = await self._digest(ref)
            wanted = sha256(canonical_json(template)).hexdigest()
            what = {"": "would be created", wanted: "unchanged"}.get(digest, "would be configured")
            _line(f"{ref} {what}")

    async def join(self, *, timeout: float) -> None:
        """Join the clusters that are not joined yet.

        Raises:
            ArgosyError: one cannot be joined; templates that have copies there must not be placed without it.
        """
        known = await list_clusters(self._session.client)
        for name, settings in self._backup.clusters.items():
            if name in known:
                _line(f"cluster/{name} {_standing(known[name].settings, settings)}")
                continue
            try:
                await joined(self._session, name, settings, timeout=timeout)
            except ArgosyError as error:
                failed = type(error)
                raise failed(
                    f"{error}; no template was submitted. Import again when it can be reached, or take "
                    f"{name} out of the files to place its templates elsewhere"
                ) from error
            _line(f"cluster/{name} joined")

    async def store(self) -> None:
        """Store the policies."""
        for scope, policies in self._backup.batch.policies.items():
            edited = await self._session.edit_policies(scope, put=policies)
            for name, result in edited.results.items():
                _line(f"{name} {result}")

    async def submit(self) -> list[Accepted | Exception]:
        """Submit the templates; each with its own result."""
        inherits = await self._inheritances() if self._takeover else {}
        return await self._session.submit_all(self._backup.batch.templates, inherits=inherits)

    async def _inheritances(self) -> dict[ResourceRef, Inheritance]:
        stored: dict[str | None, tuple[StoredPolicy, ...]] = {}
        found = {}
        for ref, origin in self._backup.origins.items():
            if not origin.instance:
                continue
            for scope in (ref.namespace, None):
                if scope not in stored:
                    stored[scope] = (await self._session.policies(scope)).policies
            found[ref] = Inheritance(
                predecessor=origin.instance if origin.instance != self._instance else "",
                revision=origin.revision,
                plan=_known_here(origin.placement, stored),
            )
        return found

    async def _digest(self, ref: ResourceRef) -> str:
        """Of the template that is there; empty where there is none."""
        try:
            observed = await self._session.observe(ref)
        except ArgosyError:
            return ""
        return observed.status.digest if observed.running and observed.status.revision else ""


def _known_here(plan: Plan | None, stored: Mapping[str | None, tuple[StoredPolicy, ...]]) -> Plan | None:
    """The plan with its policy as it is called here, so that the template stays with it."""
    if plan is None or plan.policy is None:
        return plan
    scope, name = plan.policy.namespace, plan.policy.name
    for policy in stored.get(scope, ()):
        if policy.kind in PROPAGATION_KINDS and policy.name == name:
            return plan.model_copy(update={"policy": PolicyRef(namespace=scope, name=name, uid=policy.uid)})
    return plan.model_copy(update={"policy": None})


def _standing(there: ClusterSettings, wanted: ClusterSettings) -> str:
    return "is joined already" if there == wanted else "is joined already, with other settings, which stay"


def _change(there: dict[str, Any] | None, wanted: dict[str, Any]) -> str:
    if there is None:
        return "would be created"
    return "unchanged" if there == wanted else "would be configured"


def _line(text: str) -> None:
    sys.stdout.write(f"{text}\n")
