"""Which nodes a replica may run on."""

from __future__ import annotations

from typing import Any

import pytest

from argosy.api.meta import Taint
from argosy.api.requirements import NodeClaim
from argosy.scheduling.claim import node_matcher
from argosy.scheduling.room import NodeRoom

DISK = {"disk": "ssd", "cores": "16", "zone": "a"}


def claim(**fields: Any) -> NodeClaim:
    return NodeClaim.model_validate(fields)


def affinity(*terms: Any) -> NodeClaim:
    return claim(hardNodeAffinity={"nodeSelectorTerms": list(terms)})


def labelled(key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


def named(operator: str, *values: str, key: str = "metadata.name") -> dict[str, Any]:
    return {"matchFields": [{"key": key, "operator": operator, "values": list(values)}]}


@pytest.mark.parametrize(
    ("selector", "matches"),
    [({}, True), ({"disk": "ssd"}, True), ({"disk": "ssd", "zone": "b"}, False), ({"gpu": ""}, False)],
)
def test_node_selector(selector: dict[str, str], matches: bool) -> None:
    assert node_matcher(claim(nodeSelector=selector))(NodeRoom(name="n1", labels=DISK)) is matches


@pytest.mark.parametrize(
    ("term", "matches"),
    [
        (labelled("disk", "In", "hdd", "ssd"), True),
        (labelled("disk", "In", "hdd"), False),
        (labelled("disk", "In"), False),
        (labelled("gpu", "In", "a100"), False),
        (labelled("disk", "NotIn", "ssd"), False),
        (labelled("gpu", "NotIn", "a100"), True),
        (labelled("gpu", "NotIn"), False),
        (labelled("disk", "Exists"), True),
        (labelled("disk", "Exists", "ssd"), False),
        (labelled("gpu", "Exists"), False),
        (labelled("gpu", "DoesNotExist"), True),
        (labelled("gpu", "DoesNotExist", "a100"), False),
        (labelled("disk", "DoesNotExist"), False),
        (labelled("cores", "Gt", "8"), True),
        (labelled("cores", "Gt", "16"), False),
        (labelled("cores", "Lt", "17"), True),
        (labelled("cores", "Lt", "16"), False),
        (labelled("cores", "Gt", "8", "9"), False),
        (labelled("cores", "Gt"), False),
        (labelled("cores", "Gt", "many"), False),
        (labelled("cores", "Gt", "8.5"), False),
        (labelled("cores", "Lt", "9223372036854775807"), True),
        (labelled("cores", "Lt", "9223372036854775808"), False),
        # As in Kubernetes, -1 is no label value and therefore no bound.
        (labelled("cores", "Gt", "-1"), False),
        (labelled("disk", "Gt", "1"), False),
        (labelled("gpu", "Lt", "1"), False),
        (labelled("disk", "Like", "s*"), False),
        (labelled("not a key", "DoesNotExist"), False),
        (labelled("disk", "NotIn", "not a value"), False),
        (named("In", "n1"), True),
        (named("In", "n2"), False),
        (named("In", "n1", "n2"), False),
        (named("NotIn", "n1"), False),
        (named("NotIn", "n2"), True),
        (named("Exists"), False),
        (named("In", "n1", key="metadata.uid"), False),
        ({}, False),
        ({**labelled("disk", "Exists"), **named("In", "n1")}, True),
        ({**labelled("disk", "Exists"), **named("In", "n2")}, False),
        ({**labelled("disk", "Like"), **named("In", "n1")}, False),
        ("disk=ssd", False),
        ({"matchExpressions": [{"operator": "Exists"}]}, False),
    ],
)
def test_one_term(term: Any, matches: bool) -> None:
    assert node_matcher(affinity(term))(NodeRoom(name="n1", labels=DISK)) is matches


@pytest.mark.parametrize(
    ("written", "matches"),
    [
        (affinity(labelled("disk", "In", "hdd"), labelled("zone", "In", "a")), True),
        (affinity(labelled("disk", "Like"), labelled("zone", "In", "a")), True),
        (affinity(labelled("disk", "In", "hdd"), labelled("zone", "In", "b")), False),
        (affinity(), False),
        (claim(hardNodeAffinity={}), False),
        (claim(hardNodeAffinity={"nodeSelectorTerms": None}), False),
        (claim(hardNodeAffinity={"nodeSelectorTerms": "all"}), False),
        (claim(hardNodeAffinity=None), True),
    ],
)
def test_one_of_the_terms_suffices(written: NodeClaim, matches: bool) -> None:
    assert node_matcher(written)(NodeRoom(name="n1", labels=DISK)) is matches


def test_selector_and_affinity_both_have_to_hold() -> None:
    both = claim(
        nodeSelector={"zone": "b"}, hardNodeAffinity={"nodeSelectorTerms": [labelled("disk", "Exists")]}
    )
    assert not node_matcher(both)(NodeRoom(name="n1", labels=DISK))


GPU = Taint(key="gpu", value="a100", effect="NoSchedule")
GONE = Taint(key="gone", effect="NoExecute")


@pytest.mark.parametrize(
    ("tolerations", "taints", "matches"),
    [
        ([], (), True),
        ([], (GPU,), False),
        ([], (GONE,), False),
        ([], (Taint(key="slow", effect="PreferNoSchedule"),), True),
        ([{"key": "gpu", "operator": "Exists"}], (GPU,), True),
        ([{"key": "gpu", "value": "a100"}], (GPU,), True),
        ([{"key": "gpu", "operator": "Equal", "value": "h100"}], (GPU,), False),
        ([{"key": "gpu", "operator": "Exists", "effect": "NoExecute"}], (GPU,), False),
        ([{"key": "gpu", "operator": "Exists"}], (GPU, GONE), False),
        ([{"operator": "Exists"}], (GPU, GONE), True),
        ([{"key": "gpu", "operator": "Gt", "value": "1"}], (GPU,), False),
    ],
)
def test_taints(tolerations: list[dict[str, str]], taints: tuple[Taint, ...], matches: bool) -> None:
    assert node_matcher(claim(tolerations=tolerations))(NodeRoom(name="n1", taints=taints)) is matches


@pytest.mark.parametrize(
    ("tolerations", "matches"),
    [
        ([], False),
        ([{"operator": "Exists"}], True),
        ([{"key": "node.kubernetes.io/unschedulable", "operator": "Exists"}], True),
        ([{"key": "node.kubernetes.io/unschedulable", "operator": "Exists", "effect": "NoExecute"}], False),
    ],
)
def test_cordoned_nodes(tolerations: list[dict[str, str]], matches: bool) -> None:
    assert node_matcher(claim(tolerations=tolerations))(NodeRoom(name="n1", unschedulable=True)) is matches


def test_no_claim_tolerates_nothing() -> None:
    assert node_matcher(None)(NodeRoom(name="n1"))
    assert not node_matcher(None)(NodeRoom(name="n1", unschedulable=True))
