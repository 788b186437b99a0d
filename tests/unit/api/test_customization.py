from __future__ import annotations

from typing import Any

import pytest

from argosy.api.base import to_manifest
from argosy.api.customization import Operation, ResourceInterpreterCustomization
from argosy.api.parsing import Document, parse_customization
from argosy.api.validation import conflicts, validate
from argosy.errors import InvalidInput

FIELDS = [operation.value for operation in Operation]


def _manifest(name: str = "widgets", **scripts: str) -> dict[str, Any]:
    return {
        "apiVersion": "config.karmada.io/v1alpha1",
        "kind": "ResourceInterpreterCustomization",
        "metadata": {"name": name},
        "spec": {
            "target": {"apiVersion": "example.com/v1", "kind": "Widget"},
            "customizations": {field: {"luaScript": script} for field, script in scripts.items()},
        },
    }


def _customization(name: str = "widgets", **scripts: str) -> ResourceInterpreterCustomization:
    return ResourceInterpreterCustomization.model_validate(_manifest(name, **scripts))


def _document(manifest: dict[str, Any]) -> Document:
    return Document(source="ric.yaml", index=1, line=1, manifest=manifest)


def test_every_field_survives_reading_and_writing() -> None:
    manifest = _manifest(**{field: f"-- {field}" for field in FIELDS})

    parsed = parse_customization(_document(manifest))

    assert to_manifest(parsed) == manifest
    assert parsed.spec.customizations.scripts() == {field: f"-- {field}" for field in FIELDS}
    assert set(manifest["spec"]["customizations"]) == set(FIELDS)


def test_an_empty_script_is_none() -> None:
    assert _customization(retention="").spec.customizations.scripts() == {}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"apiVersion": "config.karmada.io/v1"}, "write config.karmada.io/v1alpha1"),
        ({"kind": "ResourceInterpreterWebhookConfiguration"}, "is no ResourceInterpreterCustomization"),
        ({"spec": {"target": {"kind": "Widget"}, "customizations": {}}}, "spec.target.apiVersion is missing"),
        (
            {
                "spec": {
                    "target": {"apiVersion": "v1", "kind": "Pod"},
                    "customizations": {"healthInterpretation": {"luaScripts": ""}},
                }
            },
            "did you mean luaScript?",
        ),
    ],
)
def test_others_are_refused_by_name(change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        parse_customization(_document(_manifest() | change))


def test_names_and_targets_are_validated() -> None:
    assert validate(_customization(retention="x")) == []
    wrong = _manifest(name="Not A Name")
    wrong["spec"]["target"] = {"apiVersion": "", "kind": ""}
    problems = validate(ResourceInterpreterCustomization.model_validate(wrong))
    assert [one.path for one in problems] == ["metadata.name", "spec.target.apiVersion", "spec.target.kind"]


def test_two_may_not_define_one_operation_of_one_kind() -> None:
    mine = _customization("a", retention="x", healthInterpretation="x", dependencyInterpretation="x")
    theirs = _customization("b", healthInterpretation="y", dependencyInterpretation="y")
    elsewhere = _manifest("c", healthInterpretation="y")
    elsewhere["spec"]["target"]["apiVersion"] = "example.com/v2"

    assert [problem.path for problem in conflicts(mine, [mine, theirs])] == [
        "spec.customizations.healthInterpretation"
    ]
    assert not list(conflicts(mine, [ResourceInterpreterCustomization.model_validate(elsewhere)]))
