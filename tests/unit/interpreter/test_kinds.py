"""Every kind in its states: `fixtures/<kind>-<state>.yaml` holds an object and what is to be said of it."""

from __future__ import annotations

import contextlib
import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from argosy.api.behaviour import Behaviour
from argosy.errors import InterpreterError
from argosy.interpreter import registry
from argosy.interpreter.kind import Kind

FIXTURES = sorted((Path(__file__).parent / "fixtures").glob("*.yaml"))


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_what_is_said_of_an_object(path: Path) -> None:
    fixture = yaml.safe_load(path.read_text(encoding="utf-8"))
    manifest, expected = fixture["object"], fixture["expect"]
    found = registry.health_of(manifest)
    said = {"health": str(found.health), "message": found.message}
    said |= {name: getattr(found, name) for name in ("ready", "desired") if name in expected}
    assert said == {name: expected[name] for name in said}
    assert found.message, "every state has a sentence"
    if "replicas" in expected:
        replicas = registry.replicas_of(manifest)
        assert replicas is not None
        assert replicas[0] == expected["replicas"]
    if "components" in expected:
        parts = registry.components_of(manifest) or ()
        assert {one.name: one.replicas for one in parts} == expected["components"]


def test_every_kind_with_a_health_has_a_state_in_which_it_is_well_and_one_in_which_it_is_not() -> None:
    seen: dict[tuple[str, str], set[bool]] = {}
    for path in FIXTURES:
        fixture = yaml.safe_load(path.read_text(encoding="utf-8"))
        key = (fixture["object"]["apiVersion"], fixture["object"]["kind"])
        seen.setdefault(key, set()).add(fixture["expect"]["health"] == "Healthy")
    # A CronJob is always well; policies of both scopes are read by the same rule.
    always = {("batch/v1", "CronJob"), ("kyverno.io/v1", "ClusterPolicy"), ("kyverno.io/v1", "Policy")}
    lacking = {
        key for key, kind in registry.KINDS.items() if kind.health is not None and len(seen.get(key, ())) < 2
    }
    # A workload that failed is tried again by what made it.
    once = {("v1", "ReplicationController")}
    assert lacking - always - once == set()


ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 9) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                (
                    *(
                        "conditions",
                        "containers",
                        "generation",
                        "items",
                        "labels",
                        "loadBalancer",
                        "metadata",
                        "name",
                    ),
                    *(
                        "replicas",
                        "selector",
                        "spec",
                        "state",
                        "status",
                        "template",
                        "tasks",
                        "type",
                        "volumes",
                    ),
                    *(
                        "containerStatuses",
                        "disruptedPods",
                        "driver",
                        "ingress",
                        "jobTemplate",
                        "observedGeneration",
                    ),
                )
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
OBJECT = st.dictionaries(st.sampled_from(("metadata", "spec", "status", "data", "secrets")), ANY, max_size=4)


def _ask_everything(manifest: dict[str, Any], other: dict[str, Any], behaviour: Behaviour) -> None:
    items: list[dict[str, Any]] = [{"clusterName": "a", "status": other.get("status")}, {"clusterName": "b"}]
    questions = (
        lambda: registry.replicas_of(manifest, behaviour),
        lambda: registry.components_of(manifest, behaviour),
        lambda: registry.revise_replicas(manifest, 3, behaviour),
        lambda: registry.retained(manifest, other),
        lambda: registry.retains(manifest),
        lambda: registry.reflected_status(manifest, behaviour),
        lambda: registry.aggregated(manifest, items, behaviour),
        lambda: registry.health_of(manifest, behaviour),
        lambda: registry.dependencies_of(manifest, behaviour),
    )
    for question in questions:
        with contextlib.suppress(InterpreterError):
            question()


@settings(max_examples=30, deadline=None)
@pytest.mark.parametrize("kind", registry.KINDS.values(), ids=lambda kind: f"{kind.api_version}/{kind.kind}")
@given(manifest=OBJECT, other=OBJECT, behaviour=st.sampled_from(("karmada", "argosy")))
def test_a_malformed_object_is_an_error_and_nothing_is_touched(
    kind: Kind, manifest: dict[str, Any], other: dict[str, Any], behaviour: Behaviour
) -> None:
    manifest |= {"apiVersion": kind.api_version, "kind": kind.kind}
    before = copy.deepcopy((manifest, other))
    _ask_everything(manifest, other, behaviour)
    assert (manifest, other) == before
