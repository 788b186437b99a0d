"""The lists behind `argosy get`."""

from __future__ import annotations

from typing import Any

from activities import attributes
from activities.snapshot import list_clusters
from argosy.api.customization import ResourceInterpreterCustomization
from argosy.api.health import replicas_ready
from argosy.api.ids import id_of
from argosy.api.interpreter_webhook import NAMES
from argosy.api.membership import ClusterStatus
from argosy.api.policyset import INTERPRETER_KINDS, OVERRIDE_KINDS, PROPAGATION_KINDS, TAINT_KINDS
from argosy.api.propagation import PropagationStatus
from argosy.errors import InvalidInput, NotFound
from cli.membership import workers_inside
from cli.options import Output
from cli.output import age, emit, plain, styled, table
from cli.session import Session


async def propagations(session: Session, namespace: str | None, name: str | None, output: Output) -> int:
    """Templates of a namespace, or of all; cluster-scoped ones are always among them."""
    query = 'WorkflowType = "Propagation" AND ExecutionStatus = "Running"'
    if namespace is not None:
        query += f' AND {attributes.NAMESPACE.name} IN ("{namespace}", "_")'
    if name is not None:
        query += f' AND {attributes.NAME.name} = "{name}"'
    found = [status async for status in session.propagations(query)]
    found.sort(key=lambda status: (status.ref.namespace or "", status.ref.kind, status.ref.name))
    if name is not None and not found:
        raise NotFound(f"no template named {name} is propagated; see `argosy get propagations -A`")
    wide = output == Output.WIDE
    columns = [
        "namespace",
        "kind",
        "name",
        "status",
        "health",
        "ready",
        "revision",
        "clusters",
        "policy",
        "age",
    ]
    grid = table(*columns, *(("changed", "message", "by") if wide else ()))
    for status in found:
        applied, total = status.counts.get("Applied", 0), sum(status.counts.values())
        row = [
            plain(status.ref.namespace or ""),
            status.ref.kind,
            plain(status.ref.name),
            styled(str(status.phase)),
            styled(str(status.health.health) if status.health else ""),
            replicas_ready(status.health) if status.health else "",
            str(status.revision),
            f"{applied}/{total}",
            plain(status.policy or ""),
            age(status.submitted_at),
        ]
        more = (age(status.health_since), plain(_said(status)), plain(status.submitted_by)) if wide else ()
        grid.add_row(*row, *more)
    emit(
        output,
        items=[status.model_dump(mode="json") for status in found],
        names=[id_of(status.ref) for status in found],
        grid=grid,
        empty="No propagations found; start one with `argosy apply -f FILE`.",
    )
    return 0


async def clusters(session: Session, name: str | None, selector: str | None, output: Output) -> int:
    """Member clusters, as the lists show them."""
    found = [
        status
        for status in (await list_clusters(session.client)).values()
        if name in {None, status.name} and _has_labels(status, selector)
    ]
    if name is not None and not found:
        raise NotFound(f"no cluster {name} is joined; see `argosy cluster list`")
    wide = output == Output.WIDE
    inside = await workers_inside(session, found)
    grid = table(
        "name",
        "mode",
        "status",
        "since",
        "reason",
        "version",
        "region",
        "zones",
        "nodes",
        "taints",
        "age",
        *(("server", "labels", "message") if wide else ()),
    )  # fmt: skip - columns in order
    for status in found:
        settings, facts = status.settings, status.facts
        nodes = "" if facts.nodes is None else f"{facts.ready_nodes}/{facts.nodes}"
        row = [
            plain(status.name),
            plain(f"{settings.sync_mode}{'' if inside.get(status.name, True) else ' (no worker)'}"),
            styled(str(status.phase)) + (" (held)" if settings.hold else ""),
            age(status.health.since),
            plain(status.health.reason),
            facts.version,
            plain(settings.region),
            plain(",".join(settings.zones)),
            nodes,
            str(len(settings.taints)),
            age(status.joined_at),
        ]
        labels = ",".join(f"{key}={value}" for key, value in settings.labels.items())
        grid.add_row(
            *row, *((plain(facts.server), plain(labels), plain(status.health.message)) if wide else ())
        )
    emit(
        output,
        items=[
            status.model_dump(mode="json")
            | ({"worker": inside[status.name]} if status.name in inside else {})
            for status in found
        ],
        names=[f"cluster/{status.name}" for status in found],
        grid=grid,
        empty="No clusters found; join one with `argosy cluster join NAME --kubeconfig FILE`.",
    )
    return 0


async def policies(
    session: Session, kind: str, namespace: str | None, name: str | None, output: Output
) -> int:
    """Propagation, taint or override policies of a namespace, or of all; cluster policies are always among them."""
    scopes = await session.policy_namespaces() if namespace is None else [None, namespace]
    kinds = (*PROPAGATION_KINDS, *TAINT_KINDS) if kind == "policies" else OVERRIDE_KINDS
    stored = []
    for scope in scopes:
        state = await session.policies(scope)
        stored += [(scope, one) for one in state.policies if one.kind in kinds and name in {None, one.name}]
    if name is not None and not stored:
        raise NotFound(f"no policy named {name} exists; see `argosy get {kind} -A`")
    grid = table("namespace", "kind", "name", "priority", "generation", "by")
    for scope, policy in stored:
        priority = policy.manifest.get("spec", {}).get("priority", 0)
        grid.add_row(
            plain(scope or ""),
            policy.kind,
            plain(policy.name),
            str(priority) if policy.kind in PROPAGATION_KINDS else "",
            str(policy.generation),
            plain(policy.updated_by),
        )  # fmt: skip - cells in order
    emit(
        output,
        items=[policy.manifest for _, policy in stored],
        names=[f"{policy.kind}/{policy.name}" for _, policy in stored],
        grid=grid,
        empty=f"No {kind} found; store one with `argosy apply -f FILE`.",
    )
    return 0


async def interpreters(session: Session, name: str | None, output: Output) -> int:
    """Customizations and webhook configurations, which say what objects mean."""
    state = await session.policies(None)
    found = [one for one in state.policies if one.kind in INTERPRETER_KINDS and name in {None, one.name}]
    if name is not None and not found:
        raise NotFound(f"no interpreter named {name} exists; see `argosy get interpreters`")
    grid = table("kind", "name", "interprets", "operations", "generation", "by")
    for one in found:
        kinds, operations = _interpreted(one.manifest)
        grid.add_row(
            one.kind,
            plain(one.name),
            plain(kinds),
            plain(operations),
            str(one.generation),
            plain(one.updated_by),
        )  # fmt: skip - cells in order
    emit(
        output,
        items=[one.manifest for one in found],
        names=[f"{one.kind}/{one.name}" for one in found],
        grid=grid,
        empty="No interpreters found; Argosy's own rules hold. Store one with `argosy apply -f FILE`.",
    )
    return 0


def _interpreted(manifest: dict[str, Any]) -> tuple[str, str]:
    """Whose meaning is told, and which operations of it."""
    if "webhooks" in manifest:
        rules = [rule for webhook in manifest["webhooks"] for rule in webhook.get("rules") or ()]
        kinds = {kind for rule in rules for kind in rule["kinds"]}
        return ", ".join(sorted(kinds)), ", ".join(
            sorted({op for rule in rules for op in rule["operations"]})
        )
    customization = ResourceInterpreterCustomization.model_validate(manifest)
    target, scripts = customization.spec.target, customization.spec.customizations.scripts()
    return f"{target.kind} ({target.api_version})", ", ".join(sorted(NAMES[one] for one in scripts))


def _said(status: PropagationStatus) -> str:
    """The sentence of its phase, or where that is at rest, of its health."""
    troubled = status.health is not None and not status.health.is_healthy and status.health.message
    return status.health.message if troubled and status.health else status.message


def _has_labels(status: ClusterStatus, selector: str | None) -> bool:
    if not selector:
        return True
    for term in selector.split(","):
        key, equals, value = term.partition("=")
        if not equals or not key:
            raise InvalidInput(f"selector {term!r} is not key=value; correct -l")
        if status.settings.labels.get(key.strip()) != value.strip():
            return False
    return True
