"""`argosy promote`: a running application becomes a template, and its object the first copy of it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import yaml

from activities.connection import instance_of
from activities.decide import ADOPT_ANNOTATION
from activities.policies import PolicyView, choose
from activities.snapshot import list_clusters
from argosy.api import documents
from argosy.api.base import to_manifest
from argosy.api.drift import EXCEPTIONS
from argosy.api.ids import id_of, policies_id
from argosy.api.manifest import Manifest, ref_of
from argosy.api.membership import ClusterStatus
from argosy.api.ownership import Ownership, owner_of, stamp
from argosy.api.redact import redacted
from argosy.errors import ArgosyError, Conflict, NotFound
from argosy.interpreter.registry import dependencies_of, prune
from argosy.kube.apply import LAST_APPLIED, preview
from argosy.kube.connect import Member
from argosy.kube.discovery import discover
from argosy.kube.read import get, pages
from cli.live import kind_served, opened
from cli.options import Output
from cli.output import emit_one
from cli.session import Session

FOLLOWING = ("ConfigMap", "Secret", "ServiceAccount")
"""Kinds that may be promoted along with what needs them."""


@dataclass(frozen=True)
class Promotion:
    """What is asked for."""

    kind: str
    name: str
    namespace: str
    cluster: str
    with_dependencies: bool
    policy_name: str
    dry_run: bool


@dataclass(frozen=True)
class Plan:
    """What will be submitted.

    Attributes:
        templates: the object, and what it needs, as templates.
        policy: one that places them on the cluster, or None where a policy places them already.
        placed_by: the name of the policy.
    """

    templates: tuple[Manifest, ...]
    policy: Manifest | None
    placed_by: str


async def promote(session: Session, wanted: Promotion, output: Output, *, timeout: float) -> int:
    """Take an application under propagation without changing it.

    Raises:
        NotFound: there is no such cluster or object.
        Conflict: it belongs to something else, adopting it would change it, or another cluster has one by its name.
    """
    statuses = await list_clusters(session.client)
    if wanted.cluster not in statuses:
        raise NotFound(f"no cluster {wanted.cluster} is joined; see `argosy cluster list`")
    member = await opened(session, statuses[wanted.cluster])
    try:
        live = await _live(member, wanted)
        following = await _following(member, live, wanted) if wanted.with_dependencies else []
        objects = [live, *following]
        scaled = await _is_scaled(member, live)
        templates = tuple(template_of(one, wanted.cluster, scaled=scaled and one is live) for one in objects)
        instance = await instance_of(session.client)
        for one, template in zip(objects, templates, strict=True):
            await _check_harmless(member, one, template, instance)
    finally:
        await member.close()
    plan = await _planned(session, templates, wanted)
    if plan.policy is None:
        await _check_elsewhere(session, statuses, templates, wanted.cluster)
    if wanted.dry_run or output != Output.TABLE:
        _show(plan, output)
        return 0
    return await _submit(session, plan, wanted, timeout=timeout)


def template_of(live: Manifest, cluster: str, *, scaled: bool) -> Manifest:
    """The template that a live object is a copy of already.

    Whatever it has is kept, defaults included, so that adopting it changes nothing; only the object in `cluster` may
    be taken over.

    Args:
        scaled: an autoscaler sets the replicas, and they stay its own.
    """
    pruned = prune(live)
    metadata = dict(pruned["metadata"])
    annotations = {
        key: value for key, value in (metadata.get("annotations") or {}).items() if key != LAST_APPLIED
    }
    annotations[ADOPT_ANNOTATION] = cluster
    if scaled:
        annotations[EXCEPTIONS] = "/spec/replicas"
    metadata["annotations"] = annotations
    if "ttlSecondsAfterFinished" in (live.get("spec") or {}):
        pruned["spec"] = {
            **pruned["spec"],
            "ttlSecondsAfterFinished": live["spec"]["ttlSecondsAfterFinished"],
        }
    return {**pruned, "metadata": metadata}


async def _is_scaled(member: Member, live: Manifest) -> bool:
    """Whether something sets the replicas at run time: it has done so, or an autoscaler names the object."""
    metadata = live["metadata"]
    if any(entry.get("subresource") == "scale" for entry in metadata.get("managedFields") or ()):
        return True
    if "replicas" not in (live.get("spec") or {}) or not metadata.get("namespace"):
        return False
    path = f"/apis/autoscaling/v2/namespaces/{metadata['namespace']}/horizontalpodautoscalers"
    named = (live["kind"], metadata["name"])
    async for page in pages(member, path, what="list autoscalers"):
        for one in page.items:
            target = one["spec"]["scaleTargetRef"]
            if (target.get("kind"), target.get("name")) == named:
                return True
    return False


async def _live(member: Member, wanted: Promotion) -> Manifest:
    kind = kind_served(await discover(member), wanted.kind)
    found = await get(
        member,
        ref_of(
            {
                "apiVersion": kind.group_version,
                "kind": kind.kind,
                "metadata": {"name": wanted.name}
                | ({"namespace": wanted.namespace} if kind.namespaced else {}),
            }
        ),
    )
    if found is None:
        where = f" in namespace {wanted.namespace}" if kind.namespaced else ""
        raise NotFound(
            f"{member.name} has no {kind.kind} {wanted.name}{where}; "
            f"see `argosy get {kind.plural} -A -C {member.name}`"
        )
    _check_promotable(member, found)
    return found


def _check_promotable(member: Member, live: Manifest) -> None:
    metadata = live["metadata"]
    owner = owner_of(metadata)
    if owner is not None:
        raise Conflict(
            f"{member.name}: {ref_of(live)} is a copy already, of {owner.propagation}; nothing to promote"
        )
    owners = metadata.get("ownerReferences") or ()
    if owners:
        of = f"{owners[0].get('kind')} {owners[0].get('name')}"
        raise Conflict(f"{member.name}: {ref_of(live)} was made by {of}; promote that instead")
    if metadata.get("deletionTimestamp"):
        raise Conflict(f"{member.name}: {ref_of(live)} is being deleted; it cannot be promoted")
    document = documents.Document(source=member.name, index=1, manifest=live, line=1)
    documents.check_template(document)


async def _following(member: Member, live: Manifest, wanted: Promotion) -> list[Manifest]:
    """What it needs and the cluster has, that nobody owns; the rest is there by other means."""
    found = []
    for one in dependencies_of(live) or ():
        if one.kind not in FOLLOWING or not one.name:
            continue
        ref = ref_of(
            {
                "apiVersion": one.api_version,
                "kind": one.kind,
                "metadata": {"name": one.name, "namespace": wanted.namespace},
            }
        )
        object_ = await get(member, ref)
        if object_ is not None and owner_of(object_["metadata"]) is None:
            found.append(object_)
    return found


async def _check_harmless(member: Member, live: Manifest, template: Manifest, instance: str) -> None:
    """Ask the server what adopting would do; nothing is kept.

    Raises:
        Conflict: it would change the object, and with it what runs.
    """
    ref = ref_of(template)
    ownership = Ownership(propagation=id_of(ref), revision=1, pass_number=0, instance=instance)
    tried = await preview(member, stamp(template, ownership))
    # Labels and annotations of the object itself restart nothing.
    parts = sorted((live.keys() | tried.keys()) - {"metadata", "status"})
    changed = [part for part in parts if live.get(part) != tried.get(part)]
    if changed:
        raise Conflict(
            f"{member.name}: adopting {ref} would change its {', '.join(changed)}; apply a template of your own with "
            "`conflictResolution: Overwrite` if that is meant"
        )


async def _planned(session: Session, templates: Sequence[Manifest], wanted: Promotion) -> Plan:
    main = templates[0]
    views = {
        policies_id(scope): PolicyView.of(await session.policies(scope))
        for scope in (None, ref_of(main).namespace)
    }
    chosen = choose(main, views, None)
    if chosen is not None:
        return Plan(tuple(templates), None, str(chosen.ref))
    policy = _policy(templates, wanted)
    return Plan(tuple(templates), policy, policy["metadata"]["name"])


def _policy(templates: Sequence[Manifest], wanted: Promotion) -> Manifest:
    """A policy that places the promoted objects on their cluster alone, and leaves them there if it goes."""
    refs = [ref_of(one) for one in templates]
    namespaced = refs[0].namespace is not None
    selectors = [
        {"apiVersion": ref.api_version, "kind": ref.kind, "name": ref.name}
        | ({"namespace": ref.namespace} if ref.namespace else {})
        for ref in refs
    ]
    name = wanted.policy_name or f"promoted-{refs[0].kind.lower()}-{refs[0].name}"
    manifest = {
        "apiVersion": "policy.karmada.io/v1alpha1",
        "kind": "PropagationPolicy" if namespaced else "ClusterPropagationPolicy",
        "metadata": {"name": name} | ({"namespace": refs[0].namespace} if namespaced else {}),
        "spec": {
            "resourceSelectors": selectors,
            "placement": {"clusterAffinity": {"clusterNames": [wanted.cluster]}},
            "preserveResourcesOnDeletion": True,
        },
    }
    document = documents.Document(source="the new policy", index=1, manifest=manifest, line=1)
    return to_manifest(documents.policy_of(document))


async def _check_elsewhere(
    session: Session, statuses: Mapping[str, ClusterStatus], templates: Sequence[Manifest], cluster: str
) -> None:
    """Raise Conflict where another cluster has an object by one of these names that is nobody's copy."""

    async def look(status: ClusterStatus) -> str:
        try:
            member = await opened(session, status)
        except ArgosyError:
            return ""
        try:
            for one in templates:
                found = await get(member, ref_of(one))
                if found is not None and owner_of(found["metadata"]) is None:
                    return f"{ref_of(one)} in {status.name}"
        except ArgosyError:
            return ""
        finally:
            await member.close()
        return ""

    others = [status for name, status in statuses.items() if name != cluster and status.health.ready]
    found = [one for one in await asyncio.gather(*(look(status) for status in others)) if one]
    if found:
        raise Conflict(
            f"{', '.join(found)} is nobody's copy either, and the policy may place the template there; promote with a "
            f"policy for {cluster} alone, or set `conflictResolution: Overwrite` to take all of them over"
        )


def _show(plan: Plan, output: Output) -> None:
    items = [*(redacted(one) for one in plan.templates), *([plan.policy] if plan.policy else [])]
    if output in {Output.TABLE, Output.WIDE, Output.YAML}:
        sys.stdout.write("---\n".join(yaml.safe_dump(one, sort_keys=False) for one in items))
        return
    emit_one(output, {"items": items}, name=str(ref_of(plan.templates[0])))


async def _submit(session: Session, plan: Plan, wanted: Promotion, *, timeout: float) -> int:
    from cli.targets import settled, succeeded
    from cli.waiting import wait_for

    await session.require_worker()
    accepted = await session.submit_all(list(plan.templates))
    for result in accepted:
        if isinstance(result, Exception):
            raise result
    if plan.policy is not None:
        scope = plan.policy["metadata"].get("namespace")
        await session.edit_policies(scope, put=[plan.policy])
        sys.stdout.write(f"{plan.policy['kind']}/{plan.placed_by} created\n")
    revisions = {one.ref: one.revision for one in accepted if not isinstance(one, Exception)}
    observed = await wait_for(
        session,
        list(revisions),
        done=lambda one: settled(one, revision=revisions[one.status.ref]),
        timeout=timeout,
    )
    for one in observed:
        ref = one.status.ref
        if succeeded(one):
            sys.stdout.write(f"{ref} of {wanted.cluster} is promoted, placed by {plan.placed_by}\n")
        else:
            sys.stderr.write(
                f"error: {ref}: {one.status.message}; see `argosy status {ref.kind} {ref.name}`\n"
            )
    return 0 if all(succeeded(one) for one in observed) else 1
