from __future__ import annotations

from argosy.api.base import to_manifest
from argosy.api.defaults import default_placement
from argosy.api.placement import Placement
from tests.conformance.cases import Case, parametrize


@parametrize("default")
def test_the_webhooks_defaults_are_karmadas(case: Case) -> None:
    placement = Placement.model_validate(case.input["placement"], by_alias=True, by_name=False)

    assert to_manifest(default_placement(placement)) == case.expect["placement"]
