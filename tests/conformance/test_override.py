from __future__ import annotations

import copy
import json
from typing import Any

import pytest
import yaml
from pydantic import TypeAdapter

from argosy.api.cluster import Cluster
from argosy.api.override import AnyOverridePolicy
from argosy.errors import OverrideError
from argosy.overrides.render import apply_patches, difference, render
from tests.conformance.cases import Case, parametrize

POLICY: TypeAdapter[AnyOverridePolicy] = TypeAdapter(AnyOverridePolicy)


@parametrize("override")
def test_the_same_object_comes_out(case: Case) -> None:
    template = copy.deepcopy(case.input["object"])
    cluster = Cluster.model_validate(case.input["cluster"])
    policies = [POLICY.validate_python(policy) for policy in case.input["policies"]]
    if "error" in case.expect:
        with pytest.raises(OverrideError):
            render(template, cluster, policies)
        return
    rendered, _ = render(template, cluster, policies)
    assert template == case.input["object"], "the template was touched"
    assert same(rendered, case.expect["object"])
    patches = json.loads(json.dumps(difference(template, rendered)))
    assert apply_patches(template, patches) == rendered


def same(ours: Any, theirs: Any) -> bool:
    """Exact, but texts may be the same document in another layout."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(same(ours[key], theirs[key]) for key in ours)
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(ours, str) and isinstance(theirs, str) and ours != theirs:
        parsed = yaml.safe_load(ours)
        return isinstance(parsed, dict | list) and parsed == yaml.safe_load(theirs)
    return bool(ours == theirs)
