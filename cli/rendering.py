"""`argosy render`: the manifest that each cluster would get, and which rule made it differ."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jsonpointer
import yaml

from activities.render import base, rendered, rendered_targets
from argosy.api.cluster import Cluster
from argosy.api.manifest import Manifest
from argosy.api.override import ClusterOverridePolicy, OverridePolicy
from argosy.api.plan import PlannedTarget
from argosy.api.redact import MASK, is_secret, redacted
from argosy.overrides.render import AppliedRule, difference, render
from argosy.scheduling.request import Target
from cli.documents import Batch
from cli.offline import Answer, answers, fleet_of
from cli.options import Output

ABSENT = "(absent)"


@dataclass(frozen=True)
class Change:
    """One place of a manifest that a rule has changed."""

    rule: str
    path: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Rendered:
    """What one cluster gets of one template, or why it gets nothing.

    Attributes:
        changes: what differs from the template, in the order in which it came about.
    """

    object: str
    cluster: str
    manifest: Manifest | None
    changes: tuple[Change, ...]
    error: str = ""

    def item(self) -> dict[str, Any]:
        """For programs."""
        changes = [vars(one) for one in self.changes]
        item = {"object": self.object, "cluster": self.cluster, "manifest": self.manifest, "changes": changes}
        return item | ({"error": self.error} if self.error else {})


async def everything(
    filenames: Sequence[str],
    cluster_files: Sequence[str],
    *,
    recursive: bool,
    namespace: str | None,
    behaviour: str,
) -> list[Rendered]:
    """Render every template of the files for the clusters that it is placed on, or for all that are given.

    Raises:
        InvalidInput: something cannot be read or is wrong.
    """
    batch = Batch.read(filenames, recursive=recursive, namespace=namespace)
    fleet = fleet_of(cluster_files)
    placed = await answers(
        filenames, cluster_files, previous=None, recursive=recursive, namespace=namespace, behaviour=behaviour
    )
    overrides = list(batch.override_policies())
    return [one for answer in placed for one in _of_template(answer, fleet, overrides)]


def print_rendered(found: Sequence[Rendered], output: Output, *, diff: bool) -> int:
    """Print manifests or differences; the exit code is 1 where a cluster gets nothing."""
    failed = [one for one in found if one.error]
    if output == Output.JSON:
        sys.stdout.write(json.dumps([one.item() for one in found], indent=2) + "\n")
    elif diff:
        sys.stdout.write("\n".join(_page(one) for one in found) + "\n")
    else:
        for one in found:
            sys.stdout.write(f"---\n# {one.object} for {one.cluster}\n")
            if one.manifest is None:
                sys.stdout.write(f"# error: {one.error}\n")
            else:
                sys.stdout.write(yaml.safe_dump(one.manifest, sort_keys=False))
    for one in failed:
        sys.stderr.write(f"error: {one.object} for {one.cluster}: {one.error}\n")
    return 1 if failed else 0


def _of_template(
    answer: Answer,
    fleet: Mapping[str, Cluster],
    overrides: list[OverridePolicy | ClusterOverridePolicy],
) -> Iterator[Rendered]:
    targets = answer.plan.targets
    if answer.plan.policy is None:
        everywhere = [Target(name=name) for name in fleet]
        targets = rendered_targets(answer.template, everywhere, fleet, list(overrides))
    for target in targets:
        yield _of_cluster(answer, target, fleet[target.cluster], overrides)


def _of_cluster(
    answer: Answer,
    target: PlannedTarget,
    cluster: Cluster,
    overrides: list[OverridePolicy | ClusterOverridePolicy],
) -> Rendered:
    if target.error:
        return Rendered(answer.object, target.cluster, None, (), target.error)
    template = answer.template
    plain = base(template, replicas=None)
    shared = base(template, replicas=target.replicas)
    final = rendered(template, replicas=target.replicas, patches=target.patches)
    changes = [*_changes("its share of the replicas", plain, shared)]

    def watch(rule: AppliedRule, before: Manifest, after: Manifest) -> None:
        changes.extend(_changes(f"{rule.kind} {rule}", before, after))

    overridden, applied = render(shared, cluster, overrides, watch=watch)
    if overridden != final:
        # A script has had its say before the rules; what of that is left shows as a whole.
        changes = [*_changes(f"customization and {len(applied)} rules", plain, final)]
    return Rendered(answer.object, target.cluster, redacted(final), tuple(changes))


def _changes(rule: str, before: Manifest, after: Manifest) -> Iterator[Change]:
    masked = is_secret(after)
    for patch in difference(before, after):
        path = patch["path"]
        source = str(patch.get("from") or path)
        old = ABSENT if patch["op"] == "add" else jsonpointer.resolve_pointer(before, source)
        new = ABSENT if patch["op"] == "remove" else patch.get("value", old)
        if masked and path.startswith(("/data", "/stringData")):
            old, new = (value if value == ABSENT else MASK for value in (old, new))
        yield Change(rule, path, old, new)


def _page(one: Rendered) -> str:
    lines = [f"{one.object} for {one.cluster}"]
    if one.error:
        lines.append(f"  error: {one.error}")
    elif not one.changes:
        lines.append("  as in the template")
    last = ""
    for change in one.changes:
        if change.rule != last:
            lines.append(f"  {change.rule}")
            last = change.rule
        lines.append(f"    {change.path}: {_written(change.before)} → {_written(change.after)}")
    return "\n".join(lines)


def _written(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 80 else f"{text[:77]}…"
