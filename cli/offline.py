"""`argosy schedule`: the worker's own decision over files instead of entities."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import yaml
from pydantic import TypeAdapter, ValidationError

from activities.decide import decide
from activities.placing import Occasion
from activities.policies import PolicyView, choose
from argosy.api import documents
from argosy.api.behaviour import Behaviour
from argosy.api.cluster import Cluster
from argosy.api.customization import ResourceInterpreterCustomization
from argosy.api.manifest import ref_of
from argosy.api.parsing import parse_cluster
from argosy.api.plan import Plan, PlannedTarget
from argosy.api.policyset import PolicySetState, StoredPolicy
from argosy.errors import InvalidInput
from argosy.interpreter.customized import CustomizedInterpreter
from argosy.interpreter.interpreted import Interpreted
from argosy.interpreter.layered import Layer, Layered
from argosy.interpreter.lua.pool import LuaPool
from argosy.kube.webhook import WebhookInterpreter
from argosy.scheduling.request import Target
from cli.documents import Batch
from cli.options import Output
from cli.output import console, emit, plain, table
from cli.reasons import print_reasons

_TARGETS: TypeAdapter[tuple[Target, ...]] = TypeAdapter(tuple[Target, ...])


@dataclass(frozen=True)
class Answer:
    """Where one template goes."""

    object: str
    plan: Plan
    template: dict[str, Any]

    @property
    def is_placed(self) -> bool:
        """Whether a policy places it and the placement works out."""
        return self.plan.policy is not None and not self.plan.unschedulable and not self.plan.waiting

    def item(self) -> dict[str, Any]:
        """For programs, and for `--previous`."""
        targets = [{"name": one.cluster, "replicas": one.replicas} for one in self.plan.targets]
        reasons = self.plan.model_dump(mode="json", include={"reasons", "mends", "strategy", "affinity"})
        return {
            "object": self.object,
            "policy": str(self.plan.policy) if self.plan.policy else None,
            "placed": self.is_placed,
            "message": self.plan.message,
            "targets": targets,
            **reasons,
        }


async def answers(
    filenames: Sequence[str],
    cluster_files: Sequence[str],
    *,
    previous: str | None,
    recursive: bool,
    namespace: str | None,
    behaviour: str,
) -> list[Answer]:
    """Place every template of the files among the clusters of the cluster files.

    Raises:
        InvalidInput: something cannot be read or is wrong.
    """
    if behaviour not in {"argosy", "karmada"}:
        raise InvalidInput(f"--behaviour is {behaviour!r}; write argosy or karmada")
    batch = Batch.read(filenames, recursive=recursive, namespace=namespace)
    if not batch.templates:
        raise InvalidInput(
            f"{', '.join(filenames)}: there is no template; name a file with an object to place"
        )
    fleet = fleet_of(cluster_files)
    before = _previous(previous, [str(ref) for ref in batch.refs])
    occasion = Occasion(now=datetime.now(UTC), behaviour=cast("Behaviour", behaviour))
    views = {str(scope): _view(scope, found) for scope, found in batch.policies.items()}
    async with layered_by(batch, cast("Behaviour", behaviour)) as layered:
        return [
            Answer(str(ref_of(one)), await _planned(one, views, fleet, before, occasion, layered), one)
            for one in batch.templates
        ]


def print_answers(found: Sequence[Answer], output: Output) -> None:
    """Print answers: a page with reasons for one template, a row for each of several."""
    if output in {Output.TABLE, Output.WIDE} and (len(found) == 1 or output == Output.WIDE):
        out = console()
        for one in found:
            out.print(f"[bold]{plain(one.object)}[/bold]  placed by {plain(one.plan.policy or 'no policy')}")
            print_reasons(out, one.plan)
        return
    grid = table("object", "policy", "cluster", "replicas", "message")
    for one in found:
        rows = [(t.cluster, "" if t.replicas is None else str(t.replicas)) for t in one.plan.targets] or [
            ("", "")
        ]
        for number, (cluster, replicas) in enumerate(rows):
            head = (one.object, str(one.plan.policy or ""), one.plan.message) if number == 0 else ("", "", "")
            grid.add_row(plain(head[0]), plain(head[1]), plain(cluster), replicas, plain(head[2]))
    emit(
        output, items=[one.item() for one in found], names=[one.object for one in found], grid=grid, empty=""
    )


@asynccontextmanager
async def layered_by(batch: Batch, behaviour: Behaviour) -> AsyncIterator[Layered]:
    """The interpreter by the customizations and webhook configurations of the files."""
    found = [one for _, one in batch.interpreters]
    scripts = [one for one in found if isinstance(one, ResourceInterpreterCustomization)]
    services = [one for one in found if not isinstance(one, ResourceInterpreterCustomization)]
    async with LuaPool(size=1) as pool, WebhookInterpreter(services) as webhooks:
        layers: tuple[Layer, ...] = (CustomizedInterpreter(scripts, pool, behaviour=behaviour), webhooks)
        yield Layered(layers, behaviour=behaviour)


async def _planned(
    template: dict[str, Any],
    views: Mapping[str, PolicyView],
    fleet: Mapping[str, Cluster],
    before: Mapping[str, Plan],
    occasion: Occasion,
    layered: Layered,
) -> Plan:
    ref = ref_of(template)
    seen = {name: view for name, view in views.items() if name in {"None", str(ref.namespace)}}
    known = await layered.interpreted(template)

    def decided(known: Interpreted) -> Plan:
        return decide(
            template,
            views=seen,
            chosen=choose(template, seen, None),
            fleet=fleet,
            previous=before.get(str(ref)),
            occasion=replace(occasion, interpreted=known),
        )

    plan = decided(known)
    numbers = [target.replicas for target in plan.targets if target.replicas is not None]
    revised = await layered.revised(template, numbers)
    return decided(replace(known, revised=revised)) if revised else plan


def _view(scope: str | None, manifests: Sequence[dict[str, Any]]) -> PolicyView:
    stored = tuple(
        StoredPolicy(
            kind=one["kind"], name=one["metadata"]["name"], uid=one["metadata"]["name"], manifest=one
        )
        for one in manifests
    )
    return PolicyView.of(PolicySetState(namespace=scope, policies=stored))


def fleet_of(files: Sequence[str]) -> dict[str, Cluster]:
    """The clusters of the files, by name.

    Raises:
        InvalidInput: something cannot be read, or is there twice.
    """
    fleet: dict[str, Cluster] = {}
    for document in documents.read(files, recursive=False):
        cluster = parse_cluster(document)
        if cluster.name in fleet:
            raise InvalidInput(f"{document}: is there twice; keep one")
        fleet[cluster.name] = cluster
    return dict(sorted(fleet.items()))


def _previous(file: str | None, templates: Sequence[str]) -> dict[str, Plan]:
    """Plans in force, of which only the targets are known."""
    if file is None:
        return {}
    try:
        read = yaml.safe_load(Path(file).read_text(encoding="utf-8"))
        entries = read if isinstance(read, list) else [read]
        return {
            str(entry.get("object") or templates[0]): Plan(
                targets=tuple(
                    PlannedTarget(cluster=target.name, replicas=target.replicas)
                    for target in _TARGETS.validate_python(entry["targets"])
                )
            )
            for entry in entries
        }
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InvalidInput(
            f"{file} cannot be read: {error}; name a file that `-o json` has written"
        ) from error
    except (ValidationError, AttributeError, KeyError, TypeError) as error:
        raise InvalidInput(
            f"{file} is no earlier answer; name a file that `argosy schedule -o json` has written, or write "
            "a list of `targets`, each with `name` and `replicas`"
        ) from error
