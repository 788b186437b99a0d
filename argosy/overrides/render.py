"""What one cluster's copy looks like: matching override policies applied in order, and the recorded difference."""

from __future__ import annotations

import copy
import marshal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import jsonpatch
import jsonpointer

from argosy.api.cluster import Cluster
from argosy.api.override import (
    AnyOverridePolicy,
    ClusterOverridePolicy,
    CommandArgsOverrider,
    LabelAnnotationOverrider,
    OverridePolicy,
    Overriders,
    OverrideRule,
)
from argosy.api.record import Record
from argosy.api.selectors import MatchLevel, cluster_matches, highest_match
from argosy.errors import OverrideError
from argosy.overrides.fields import override_field
from argosy.overrides.image import override_images
from argosy.overrides.jsonpatch import patched
from argosy.overrides.metadata import override_command, override_metadata

Manifest = dict[str, Any]
Patch = dict[str, Any]

# The format in which equal values are equal bytes.
_WITHOUT_REFERENCES = 2


class AppliedRule(Record):
    """A rule that was applied: the policy's kind and name, and the rule's place in it, counted from 1."""

    kind: str
    policy: str
    rule: int

    def __str__(self) -> str:
        return f"{self.policy} (rule {self.rule})"


def render(
    manifest: Mapping[str, Any],
    cluster: Cluster,
    policies: Iterable[AnyOverridePolicy],
    *,
    watch: Callable[[AppliedRule, Manifest, Manifest], None] | None = None,
) -> tuple[Manifest, tuple[AppliedRule, ...]]:
    """The manifest as `cluster` gets it; the given one is not touched.

    Cluster policies come first, then those of the object's namespace; within each, the less specific and
    lexically smaller policy first, so that the more specific one has the last word.

    Args:
        watch: told of every rule with the manifest before and after it.

    Raises:
        OverrideError: a rule cannot be applied; names policy and rule. It concerns this cluster alone.
    """
    current: Manifest = copy.deepcopy(dict(manifest))
    applied: list[AppliedRule] = []
    pool = list(policies)
    namespace = (manifest.get("metadata") or {}).get("namespace") or ""
    levels: tuple[list[AnyOverridePolicy], ...] = (
        [p for p in pool if isinstance(p, ClusterOverridePolicy)],
        [
            p
            for p in pool
            if isinstance(p, OverridePolicy) and namespace and p.metadata.namespace == namespace
        ],
    )
    for level in levels:
        for policy in _ordered(level, current):
            for number, rule in enumerate(_rules(policy), start=1):
                if rule.target_cluster is None or cluster_matches(rule.target_cluster, cluster):
                    name = AppliedRule(kind=policy.kind, policy=policy.metadata.name, rule=number)
                    before = copy.deepcopy(current) if watch else current
                    current = _applied(current, rule.overriders, name)
                    if watch:
                        watch(name, before, current)
                    applied.append(name)
    return current, tuple(applied)


def difference(base: Mapping[str, Any], rendered: Mapping[str, Any]) -> tuple[Patch, ...]:
    """RFC 6902 operations that make `rendered` out of `base`; empty where they are equal."""
    return tuple(_compared(base, rendered, ""))


def _compared(before: Any, after: Any, path: str) -> Iterator[Patch]:
    """Go where something differs, and let the library compare only that; it takes its time over large lists."""
    if _same(before, after):
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key, value in before.items():
            place = f"{path}/{jsonpointer.escape(key)}"
            if key in after:
                yield from _compared(value, after[key], place)
            else:
                yield {"op": "remove", "path": place}
        for key in (one for one in after if one not in before):
            yield {"op": "add", "path": f"{path}/{jsonpointer.escape(key)}", "value": after[key]}
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _compared(old, new, f"{path}/{index}")
    else:
        for operation in jsonpatch.make_patch(before, after).patch:
            yield operation | {name: path + operation[name] for name in ("path", "from") if name in operation}


def _same(before: Any, after: Any) -> bool:
    """Whether two JSON values are written alike; unlike `==` it tells true from 1, and 1 from 1.0."""
    return marshal.dumps(before, _WITHOUT_REFERENCES) == marshal.dumps(after, _WITHOUT_REFERENCES)


def rules_for(cluster: Cluster, policies: Iterable[AnyOverridePolicy]) -> tuple[bool, ...]:
    """Which rules target a cluster, in the order of policies and rules: clusters with the same get the same."""
    return tuple(
        rule.target_cluster is None or cluster_matches(rule.target_cluster, cluster)
        for policy in policies
        for rule in _rules(policy)
    )


def apply_patches(manifest: Mapping[str, Any], patches: Sequence[Patch]) -> Manifest:
    """The manifest with recorded differences applied; the given one is not touched."""
    if not patches:
        return dict(manifest)
    patched: Manifest = jsonpatch.JsonPatch(list(patches)).apply(dict(manifest), in_place=False)
    return patched


def _ordered(policies: Iterable[AnyOverridePolicy], manifest: Manifest) -> list[AnyOverridePolicy]:
    ranked = [(_level(policy, manifest), policy.metadata.name, policy) for policy in policies]
    matching = [entry for entry in ranked if entry[0] != MatchLevel.NONE]
    return [policy for _, _, policy in sorted(matching, key=lambda entry: entry[:2])]


def _level(policy: AnyOverridePolicy, manifest: Manifest) -> MatchLevel:
    selectors = policy.spec.resource_selectors
    if not selectors:
        return MatchLevel.ALL
    return highest_match(selectors, manifest)


def _rules(policy: AnyOverridePolicy) -> tuple[OverrideRule, ...]:
    spec = policy.spec
    if spec.override_rules:
        return spec.override_rules
    if spec.target_cluster is None and spec.overriders == Overriders():
        return ()
    return (OverrideRule(target_cluster=spec.target_cluster, overriders=spec.overriders),)


def _applied(manifest: Manifest, overriders: Overriders, rule: AppliedRule) -> Manifest:
    """One rule: image, command, args, labels, annotations, fields, then plaintext as a single patch."""
    steps: list[tuple[Callable[[Manifest, Any], None], Sequence[Any]]] = [
        (override_images, overriders.image_overrider),
        (_command("command"), overriders.command_overrider),
        (_command("args"), overriders.args_overrider),
        (_metadata("labels"), overriders.labels_overrider),
        (_metadata("annotations"), overriders.annotations_overrider),
        (override_field, overriders.field_overrider),
    ]
    try:
        for step, entries in steps:
            for entry in entries:
                step(manifest, entry)
        operations = [
            {"op": entry.operator, "path": entry.path, "value": entry.value} for entry in overriders.plaintext
        ]
        changed: Manifest = patched(manifest, operations)
        _check_identity(changed)
    except OverrideError as error:
        raise OverrideError(f"{rule.kind} {rule.policy}, rule {rule.rule}: {error}") from error
    return changed


def _check_identity(manifest: Any) -> None:
    if not isinstance(manifest, dict) or not isinstance(manifest.get("metadata") or {}, dict):
        raise OverrideError("the result is no object any more; correct the path")
    if not manifest.get("kind") or not manifest.get("apiVersion"):
        raise OverrideError("the result has no apiVersion or kind any more; keep both")


def _command(field: str) -> Callable[[Manifest, CommandArgsOverrider], None]:
    return lambda manifest, entry: override_command(manifest, entry, field=field)


def _metadata(field: str) -> Callable[[Manifest, LabelAnnotationOverrider], None]:
    return lambda manifest, entry: override_metadata(manifest, entry, field=field)
