"""Input that is wrong: refused before anything is sent, in one sentence, with exit code 2."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from devcluster.environment import MEMBERS
from tests.cli.runs import argosy

NOWHERE = {"TEMPORAL_ADDRESS": "127.0.0.1:1"}
PP = "apiVersion: policy.karmada.io/v1alpha1\nkind: PropagationPolicy\nmetadata: {name: web, namespace: default}\n"
SELECTORS = "spec:\n  resourceSelectors: [{apiVersion: apps/v1, kind: Deployment}]\n"
CM = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"

WRONG = {
    "syntax": ("a: [1, 2", "expected"),
    "tab": ("apiVersion: v1\n\tkind: ConfigMap\n", "line 2"),
    "repeated key": (CM + "kind: Secret\n", "kind"),
    "a list": ("- a\n- b\n", "document 1"),
    "a text": ("hello\n", "document 1"),
    "no kind": ("apiVersion: v1\nmetadata: {name: a}\n", "kind"),
    "no apiVersion": ("kind: ConfigMap\nmetadata: {name: a}\n", "apiVersion"),
    "no name": ("apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n", "metadata.name"),
    "name is a number": ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: 7}\n", "name"),
    "label is a number": (CM.replace("name: a", "name: a, labels: {x: 1}"), "labels"),
    "second document": (CM + "---\nkind: X\n", "document 2"),
    "twice": (CM + "---\n" + CM, "twice"),
    "misspelt field": (PP + SELECTORS + "  placment: {}\n", "did you mean placement"),
    "unknown field": (PP + SELECTORS + "  zzz: 1\n", "zzz"),
    "misspelt inner field": (PP + SELECTORS + "  placement: {clusterAfinity: {}}\n", "clusterAffinity"),
    "wrong type": (PP + SELECTORS + "  priority: high\n", "priority"),
    "no selectors": (PP + "spec: {resourceSelectors: []}\n", "resourceSelectors"),
    "selector of another namespace": (
        PP + "spec:\n  resourceSelectors: [{apiVersion: v1, kind: ConfigMap, namespace: other}]\n",
        "namespace",
    ),
    "zero weight": (
        PP
        + SELECTORS
        + "  placement: {replicaScheduling: {replicaSchedulingType: Divided, weightPreference: "
        + "{staticWeightList: [{targetCluster: {}, weight: 0}]}}}\n",
        "weight",
    ),
    "both affinities": (
        PP + SELECTORS + "  placement: {clusterAffinity: {}, clusterAffinities: [{affinityName: a}]}\n",
        "clusterAffinit",
    ),
    "spread by a label": (
        PP + SELECTORS + "  placement: {spreadConstraints: [{spreadByLabel: rack}]}\n",
        "spreadByLabel is not acted upon yet",
    ),
    "spread by two properties without clusters": (
        PP
        + SELECTORS
        + "  placement: {spreadConstraints: [{spreadByField: region}, {spreadByField: zone}]}\n",
        "without spreading by cluster",
    ),
    "contradictory groups": (
        PP
        + SELECTORS
        + "  placement: {spreadConstraints: [{spreadByField: cluster, minGroups: 3, maxGroups: 2}]}\n",
        "maxGroups of 2 below its minGroups of 3",
    ),
    "negative groups": (
        PP + SELECTORS + "  placement: {spreadConstraints: [{spreadByField: cluster, minGroups: -1}]}\n",
        "minGroups of -1",
    ),
    "preemption without a name": (PP + SELECTORS + "  preemption: Always\n", "preemption"),
    "association is not acted upon yet": (PP + SELECTORS + "  association: true\n", "association"),
    "failover of applications without dependencies": (
        PP + SELECTORS + "  failover: {application: {purgeMode: Directly}}\n",
        "propagateDeps",
    ),
    "a share of unavailable copies that is none": (
        (
            "apiVersion: v1\nkind: ConfigMap\n"
            'metadata: {name: c, annotations: {argosy.dev/max-unavailable: "0"}}\n'
        ),
        "max-unavailable",
    ),
    "a fence of an unknown kind": (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, annotations: {argosy.dev/fencing: Maybe}}\n",
        "write Required or None",
    ),
    "a kind of Karmada's that nothing acts upon": (
        "apiVersion: apps.karmada.io/v1alpha1\nkind: WorkloadRebalancer\nmetadata: {name: a}\n",
        "WorkloadRebalancer",
    ),
    "override without a value": (
        PP.replace("PropagationPolicy", "OverridePolicy")
        + "spec:\n  overrideRules: [{overriders: {imageOverrider: [{component: Colour, operator: add}]}}]\n",
        "component",
    ),
    "nothing": ("---\n---\n", "no objects"),
}


@pytest.mark.parametrize(("text", "words"), WRONG.values(), ids=WRONG.keys())
def test_wrong_input_is_refused(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "input.yaml"
    path.write_text(text)
    run = argosy("apply", "-f", str(path), **NOWHERE)
    assert run.code == 2, run.err
    assert words.lower() in run.error.lower(), run.error


def test_standard_input_is_named() -> None:
    run = argosy("apply", "-f", "-", stdin="kind: X\n", **NOWHERE)
    assert (run.code, "standard input" in run.error) == (2, True)


def test_a_missing_file_and_an_empty_directory_are_named(tmp_path: Path) -> None:
    run = argosy("apply", "-f", str(tmp_path / "nothing.yaml"), **NOWHERE)
    assert run.code == 2
    assert "nothing.yaml" in run.error
    run = argosy("apply", "-f", str(tmp_path), **NOWHERE)
    assert run.code == 2
    assert str(tmp_path) in run.error


def test_a_secret_is_never_repeated(tmp_path: Path) -> None:
    path = tmp_path / "secret.yaml"
    path.write_text(
        "apiVersion: v1\nkind: Secret\nmetadata: {name: s, labels: {x: 1}}\nstringData: {k: canary}\n"
    )
    run = argosy("apply", "-f", str(path), **NOWHERE)
    assert run.code == 2
    assert "canary" not in run.err


@pytest.mark.parametrize(
    "words",
    [
        ("apply",),
        ("nonsense",),
        ("get", "gadgets"),
        ("status", "deployment"),
        ("status", "no/such/kind", "x"),
        ("cluster", "join", "m1"),
        ("cluster", "join", "M_1", "--kubeconfig", "/nothing"),
        ("cluster", "taint", "m1", "x=y"),
        ("cluster", "label", "m1", "x"),
        ("cluster", "unjoin", "m1", "--force", "--delete-workloads"),
        ("delete",),
        ("get", "propagations", "-o", "xml"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_exit_code_2(words: tuple[str, ...]) -> None:
    run = argosy(*words, **NOWHERE)
    assert run.code == 2, run.err


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ARGOSY_PROBE_INTERVAL", "often"),
        ("ARGOSY_BEHAVIOUR", "kubefed"),
        ("ARGOSY_REQUIRE_ENCRYPTION", "perhaps"),
        ("ARGOSY_ENCRYPTION_KEYS", "/no/such/keys.json"),
    ],
)
def test_a_wrong_setting_is_named(name: str, value: str) -> None:
    run = argosy("get", "clusters", **NOWHERE, **{name: value})
    assert run.code == 2
    assert name in run.error


def test_encryption_that_is_required_is_not_left_out() -> None:
    run = argosy("get", "clusters", **NOWHERE, ARGOSY_REQUIRE_ENCRYPTION="true")
    assert run.code == 2
    assert "ARGOSY_ENCRYPTION_KEYS" in run.error


def test_without_temporal_the_remedy_is_named() -> None:
    for words in (("get", "clusters"), ("apply", "-f", "examples/guestbook"), ("init",), ("worker", "run")):
        run = argosy(*words, **NOWHERE)
        assert run.code == 1
        assert "127.0.0.1:1" in run.error
        assert "argosy dev up" in run.error


def test_help_is_there_for_everything_and_imports_nothing_heavy() -> None:
    for words in ((), ("apply",), ("cluster",), ("cluster", "join"), ("worker", "run"), ("dev", "up")):
        run = argosy(*words, "--help")
        assert run.code == 0
        assert "Usage" in run.out
    run = argosy("--help", PYTHONPROFILEIMPORTTIME="1")
    loaded = {line.rpartition("|")[2].strip() for line in run.err.splitlines()}
    assert not {"temporalio", "kubernetes", "rich.table"} & loaded


def test_a_local_environment_cannot_do_what_it_has_no_parts_for(tmp_path: Path) -> None:
    run = argosy("dev", "kill", "member1", XDG_STATE_HOME=str(tmp_path))
    assert run.code == 2
    assert run.error.startswith("no local environment is up")
    record = {"parts": ["etcd", "kube-apiserver"], "ports": {}, "members": [vars(MEMBERS[0])]}
    (tmp_path / "argosy" / "dev").mkdir(parents=True)
    (tmp_path / "argosy" / "dev" / "environment.json").write_text(json.dumps(record))
    run = argosy("dev", "up", "--pods", XDG_STATE_HOME=str(tmp_path))
    assert run.code == 4
    assert "are without pods" in run.error
    for name, said in (("nowhere", "name one of member1"), ("member1", "does not run")):
        run = argosy("dev", "kill", name, XDG_STATE_HOME=str(tmp_path))
        assert run.code == 2
        assert said in run.error


def test_the_version_is_printed() -> None:
    assert argosy("--version").out.startswith("argosy ")


def test_a_list_is_read_like_its_items(tmp_path: Path) -> None:
    items = [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"a{n}"}} for n in range(2)]
    path = tmp_path / "list.json"
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": [*items, {"kind": "X"}]}))
    run = argosy("apply", "-f", str(path), **NOWHERE)
    assert run.code == 2
    assert "apiVersion" in run.error


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("https://127.0.0.1:1/web.yaml", "https://127.0.0.1:1/web.yaml is an address; download it"),
        ("http://127.0.0.1:1/", "http://127.0.0.1:1/ is an address; download it"),
        ("file:///etc/hostname", "file:///etc/hostname is an address; download it"),
    ],
)
def test_nothing_is_fetched(source: str, said: str) -> None:
    run = argosy("apply", "-f", source, **NOWHERE)
    assert run.code == 2
    assert said in run.error
