"""What is refused of a cluster taint policy, and how."""

from __future__ import annotations

from typing import Any

import pytest

from argosy.api.documents import read, taint_policy_of
from argosy.errors import InvalidInput
from tests.cli.runs import write


def policy(**changes: Any) -> dict[str, Any]:
    spec = {
        "addOnConditions": [{"conditionType": "Ready", "operator": "In", "statusValues": ["False"]}],
        "taints": [{"key": "example.com/down", "effect": "NoExecute"}],
        **changes,
    }
    return {
        "apiVersion": "policy.karmada.io/v1alpha1",
        "kind": "ClusterTaintPolicy",
        "metadata": {"name": "p"},
        "spec": spec,
    }


def test_a_policy_is_read(tmp_path: Any) -> None:
    (document,) = read([write(tmp_path / "p.yaml", policy())], recursive=False)
    assert taint_policy_of(document).spec.taints[0].effect == "NoExecute"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"taints": []}, "spec.taints"),
        ({"taints": [{"key": "k"}]}, r"spec.taints\[0\].effect is missing; add it"),
        ({"taints": [{"key": "k", "effect": "NoWay"}]}, r'spec.taints\[0\].effect is "NoWay"; write'),
        ({"taints": [{"key": "k k", "effect": "NoExecute"}]}, "which is no label key; use letters"),
        (
            {
                "taints": [
                    {"key": "k", "effect": "NoExecute", "value": "a"},
                    {"key": "k", "effect": "NoExecute"},
                ]
            },
            r"spec.taints\[1\] repeats k:NoExecute; keep one of them",
        ),
        (
            {"addOnConditions": [{"conditionType": "Ready", "operator": "Is"}]},
            r'spec.addOnConditions\[0\].operator is "Is"; write',
        ),
        (
            {"addOnConditions": [{"conditionType": "Raedy", "operator": "In", "statusValues": ["True"]}]},
            "'Raedy', which no cluster has; write Ready, CompleteAPIEnablements, NodesReady or Watching",
        ),
        ({"addOnConditions": []}, "never does anything; add one"),
        ({"targetCluster": {}}, "did you mean targetClusters"),
        (
            {"targetClusters": {"fieldSelector": {"matchExpressions": [{"key": "zonk", "operator": "In"}]}}},
            "spec.targetClusters.fieldSelector has the key 'zonk'",
        ),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Any, changes: dict[str, Any], said: str) -> None:
    (document,) = read([write(tmp_path / "p.yaml", policy(**changes))], recursive=False)
    with pytest.raises(InvalidInput, match=said):
        taint_policy_of(document)


def test_karmada_allows_no_execute_only_where_it_is_told_to(tmp_path: Any) -> None:
    manifest = policy()
    manifest["metadata"]["annotations"] = {"argosy.dev/behaviour": "karmada"}
    (document,) = read([write(tmp_path / "p.yaml", manifest)], recursive=False)
    with pytest.raises(InvalidInput, match="is NoExecute, which Karmada does not allow policies by default"):
        taint_policy_of(document)
