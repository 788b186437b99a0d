"""Which nodes a replica may run on: its node selector, its hard node affinity, and the taints that it tolerates.

Algorithm source: Kubernetes' node affinity and taints, as Karmada's accurate estimator applies them: what is broken
matches nothing, and the toleration operators Lt and Gt tolerate nothing. Pure, and total.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from argosy.api.base import Model
from argosy.api.formats import is_label_key, is_label_value
from argosy.api.meta import LabelSelectorRequirement, Taint
from argosy.api.requirements import NodeClaim
from argosy.scheduling.filters import untolerated
from argosy.scheduling.room import NodeRoom

Test = Callable[[NodeRoom], bool]

_CORDONED = Taint(key="node.kubernetes.io/unschedulable", effect="NoSchedule")
_NAME_FIELD = "metadata.name"
_INTEGER = re.compile(r"[+-]?[0-9]+", re.ASCII)
_INT64 = 2**63


class NodeSelectorTerm(Model):
    """One way to satisfy a node selector: every condition on labels and on fields has to hold."""

    match_expressions: tuple[LabelSelectorRequirement, ...] = ()
    match_fields: tuple[LabelSelectorRequirement, ...] = ()


def node_matcher(claim: NodeClaim | None) -> Test:
    """Return the question whether a replica may run on a node, prepared once for many nodes.

    Args:
        claim: of the replica; None claims nothing and tolerates nothing.
    """
    claim = claim or NodeClaim()
    selector, tolerations = tuple(claim.node_selector.items()), claim.tolerations
    ways = None if claim.hard_node_affinity is None else _ways(claim.hard_node_affinity)
    stays_off_cordoned = untolerated((_CORDONED,), tolerations) is not None

    def matches(node: NodeRoom) -> bool:
        if node.unschedulable and stays_off_cordoned:
            return False
        if selector and any(node.labels.get(key) != value for key, value in selector):
            return False
        if ways is not None and not any(all(test(node) for test in way) for way in ways):
            return False
        return not node.taints or untolerated(node.taints, tolerations) is None

    return matches


def _ways(affinity: Mapping[str, Any]) -> list[list[Test]]:
    """The tests of every term that can be satisfied at all; empty and broken terms cannot."""
    terms = affinity.get("nodeSelectorTerms")
    found = (_way(term) for term in terms) if isinstance(terms, list | tuple) else ()
    return [way for way in found if way]


def _way(written: Any) -> list[Test]:
    """The tests of one term; none where it is empty or broken."""
    try:
        term = NodeSelectorTerm.model_validate(written)
    except ValidationError:
        return []
    tests = [_label_test(one) for one in term.match_expressions] + [
        _field_test(one) for one in term.match_fields
    ]
    sound = [test for test in tests if test is not None]
    return sound if len(sound) == len(tests) else []


def _label_test(requirement: LabelSelectorRequirement) -> Test | None:
    """The test of a condition on labels, or None where that is broken."""
    key, operator, values = requirement.key, requirement.operator, frozenset(requirement.values)
    if not is_label_key(key) or not all(map(is_label_value, values)):
        return None
    match operator:
        case "In" if values:
            return lambda node: node.labels.get(key) in values
        case "NotIn" if values:
            return lambda node: node.labels.get(key) not in values
        case "Exists" if not values:
            return lambda node: key in node.labels
        case "DoesNotExist" if not values:
            return lambda node: key not in node.labels
        case "Gt" | "Lt":
            return _comparison(requirement)
        case _:
            return None


def _comparison(requirement: LabelSelectorRequirement) -> Test | None:
    """Compares as int64; a node whose label is missing or no integer does not match."""
    bound = _integer(requirement.values[0]) if len(requirement.values) == 1 else None
    if bound is None:
        return None
    key, least = requirement.key, requirement.operator == "Gt"

    def test(node: NodeRoom) -> bool:
        value = _integer(node.labels.get(key, ""))
        return value is not None and (value > bound if least else value < bound)

    return test


def _integer(text: str) -> int | None:
    # Longer texts are no int64, and parsing digits without end costs more than linear time.
    value = int(text) if len(text) <= 64 and _INTEGER.fullmatch(text) else None
    return value if value is not None and -_INT64 <= value < _INT64 else None


def _field_test(requirement: LabelSelectorRequirement) -> Test | None:
    """The test of a condition on fields, of which nodes have one, their name; None where the condition is broken."""
    if requirement.operator not in {"In", "NotIn"} or len(requirement.values) != 1:
        return None
    value, named = requirement.values[0], requirement.key == _NAME_FIELD
    wanted = requirement.operator == "In"
    return lambda node: ((node.name if named else "") == value) is wanted
