"""Which policy takes a template: Karmada's first-match rules.

Order: policies of the template's namespace before cluster policies; then the higher explicit priority, the more
specific selector (name, labels, all), and the lexically smaller name.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from argosy.api.policy import AnyPropagationPolicy, PropagationPolicy, ResourceSelector
from argosy.api.selectors import MatchLevel, highest_match, match_level

CLAIMED_BY = "resourcetemplate.karmada.io/claimed-by"
"""A label on a template, as Karmada knows it: with any value, no policy applies to it."""
SYSTEM_NAMESPACES = re.compile(r"kube-.*|karmada-system|karmada-cluster|karmada-es-.*")

# Objects that steer propagation, or that mean something only where they were made.
_SKIPPED_GROUPS = frozenset(
    f"{group}.karmada.io"
    for group in ("cluster", "policy", "work", "config", "networking", "autoscaling", "remedy", "apps")
) | {"events.k8s.io"}
_SKIPPED_VERSIONS = frozenset({"coordination.k8s.io/v1"})
_SKIPPED_KINDS = frozenset({("v1", "Event")})

Label = tuple[str, str]
Rank = tuple[bool, int, int, str]


class _Entry(NamedTuple):
    """One selector of a policy, ranked as if it matched; the lower rank wins."""

    rank: Rank
    selector: ResourceSelector
    policy: AnyPropagationPolicy


class _Shelf:
    """Selectors of one kind and scope, by what a template must have to be meant; best first.

    A label selector stands under the labels of its rarest demand, or among `others` where it demands none.
    """

    def __init__(self, entries: Iterable[_Entry]) -> None:
        self._by_name: dict[str, list[_Entry]] = {}
        self._by_label: dict[Label, list[_Entry]] = {}
        self._others: list[_Entry] = []
        ranked = sorted(entries, key=lambda entry: entry.rank)
        demands = [_demands(entry.selector) for entry in ranked]
        common = Counter(label for demanded in demands for labels in demanded for label in labels)
        for entry, demanded in zip(ranked, demands, strict=True):
            if entry.selector.name:
                self._by_name.setdefault(entry.selector.name, []).append(entry)
            elif demanded:
                for label in min(demanded, key=lambda labels: sum(common[label] for label in labels)):
                    self._by_label.setdefault(label, []).append(entry)
            else:
                self._others.append(entry)

    def candidates(self, name: str, labels: Mapping[str, str]) -> Iterator[list[_Entry]]:
        """The lists in which the selectors that may mean a template are."""
        yield self._by_name.get(name, [])
        for label in labels.items():
            yield self._by_label.get(label, [])
        yield self._others


class PolicyIndex:
    """Propagation policies by what they select, so that one template meets only those that may match.

    `preempting` are the policies that may take a template from another.

    Finding costs as many look-ups as the template has labels, whatever the number of policies; only selectors
    that demand neither a name nor a label are tried one by one, best first.
    """

    def __init__(self, policies: Iterable[AnyPropagationPolicy]) -> None:
        entries: dict[tuple[str, str, str | None, str], list[_Entry]] = {}
        self.preempting: list[AnyPropagationPolicy] = []
        for policy in policies:
            if policy.metadata.deletion_timestamp:
                continue
            if policy.spec.preemption == "Always":
                self.preempting.append(policy)
            scope = policy.metadata.namespace if isinstance(policy, PropagationPolicy) else None
            for selector in policy.spec.resource_selectors:
                key = (selector.api_version, selector.kind, scope, selector.namespace)
                entries.setdefault(key, []).append(_Entry(_rank(policy, selector), selector, policy))
        self._shelves = {key: _Shelf(found) for key, found in entries.items()}

    def best(self, manifest: Mapping[str, Any]) -> AnyPropagationPolicy | None:
        """The policy that takes an unclaimed template, or None where none matches."""
        if not is_propagated(manifest):
            return None
        version, kind = manifest.get("apiVersion", ""), manifest.get("kind", "")
        metadata = manifest.get("metadata") or {}
        name, labels = metadata.get("name") or "", metadata.get("labels") or {}
        namespace = metadata.get("namespace") or ""
        for scope in (namespace, None) if namespace else (None,):
            best: _Entry | None = None
            for selected in {namespace, ""}:  # the rank decides, not the order
                shelf = self._shelves.get((version, kind, scope, selected))
                for entries in shelf.candidates(name, labels) if shelf else ():
                    best = _first_match(entries, manifest, best)
            if best is not None:
                return best.policy
        return None


def is_propagated(manifest: Mapping[str, Any]) -> bool:
    """Whether policies apply to a template at all.

    Not to objects of system namespaces, to those claimed by another controller, nor to kinds that only mean
    something where they are, such as events, leases and the policies themselves.
    """
    metadata = manifest.get("metadata") or {}
    if (metadata.get("labels") or {}).get(CLAIMED_BY):
        return False
    version, kind = str(manifest.get("apiVersion", "")), str(manifest.get("kind", ""))
    namespace = metadata.get("namespace") or ""
    return not (
        version.partition("/")[0] in _SKIPPED_GROUPS
        or version in _SKIPPED_VERSIONS
        or (version, kind) in _SKIPPED_KINDS
        or SYSTEM_NAMESPACES.fullmatch(namespace)
    )


def still_matches(policy: AnyPropagationPolicy, manifest: Mapping[str, Any]) -> bool:
    """Whether a policy may keep a template that it placed before."""
    namespace = (manifest.get("metadata") or {}).get("namespace")
    if isinstance(policy, PropagationPolicy) and (not namespace or policy.metadata.namespace != namespace):
        return False
    return highest_match(policy.spec.resource_selectors, manifest) != MatchLevel.NONE


def preempts(
    claimant: AnyPropagationPolicy, holder: AnyPropagationPolicy, manifest: Mapping[str, Any]
) -> bool:
    """Whether a policy with `preemption: Always` takes a template that another one has.

    Only a selector that names the template counts. A namespace's policy takes from every cluster policy; otherwise
    the scope must be the same and the priority strictly greater.
    """
    named = [one for one in claimant.spec.resource_selectors if one.name]
    is_namespaced = isinstance(claimant, PropagationPolicy)
    if is_namespaced and (manifest.get("metadata") or {}).get("namespace") != claimant.metadata.namespace:
        return False
    if highest_match(named, manifest) == MatchLevel.NONE:
        return False
    if is_namespaced != isinstance(holder, PropagationPolicy):
        return is_namespaced
    return claimant.spec.priority > holder.spec.priority


def _rank(policy: AnyPropagationPolicy, selector: ResourceSelector) -> Rank:
    """What decides between matches: the best selector of a policy is the one that speaks for it."""
    if selector.name:
        level = MatchLevel.NAME
    else:
        level = MatchLevel.ALL if selector.label_selector is None else MatchLevel.LABEL
    is_cluster_policy = not isinstance(policy, PropagationPolicy)
    return is_cluster_policy, -policy.spec.priority, -level, policy.metadata.name


def _first_match(
    entries: Iterable[_Entry], manifest: Mapping[str, Any], best: _Entry | None
) -> _Entry | None:
    for entry in entries:
        if best is not None and entry.rank >= best.rank:
            break
        if match_level(entry.selector, manifest) != MatchLevel.NONE:
            return entry
    return best


def _demands(selector: ResourceSelector) -> list[tuple[Label, ...]]:
    """What a template must have to be selected: of each entry, one of the labels."""
    if selector.name or selector.label_selector is None:
        return []
    exact: list[tuple[Label, ...]] = [(label,) for label in selector.label_selector.match_labels.items()]
    return exact + [
        tuple((one.key, value) for value in dict.fromkeys(one.values))
        for one in selector.label_selector.match_expressions
        if one.operator == "In"
    ]
