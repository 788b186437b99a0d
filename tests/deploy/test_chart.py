"""The chart, rendered by Helm and shown to a real API server, which is stricter than any schema file."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from temporalio.envconfig import ClientConfigProfile

from argosy import __version__
from argosy.api.access import parse_access
from argosy.config import PREFIX, Settings
from devcluster.member import Member
from tests.deploy.chart_values import EVERYTHING, MINIMAL, SETUPS
from tests.deploy.commands import check_command, check_environment
from tests.deploy.conftest import ROOT

CHART = ROOT / "deploy" / "chart" / "argosy"
NAMESPACE = "argosy-system"
# Of the Prometheus operator, whose definitions no API server here has.
OPERATORS = {"PodMonitor", "PrometheusRule"}
PATHS = {
    "ConfigMap": "/api/v1/namespaces/{}/configmaps",
    "Service": "/api/v1/namespaces/{}/services",
    "ServiceAccount": "/api/v1/namespaces/{}/serviceaccounts",
    "Pod": "/api/v1/namespaces/{}/pods",
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "Job": "/apis/batch/v1/namespaces/{}/jobs",
    "PodDisruptionBudget": "/apis/policy/v1/namespaces/{}/poddisruptionbudgets",
    "NetworkPolicy": "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies",
    "ClusterRole": "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "ClusterRoleBinding": "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
}
Manifest = dict[str, Any]
Render = Callable[[dict[str, Any]], list[Manifest]]


def run_helm(
    helm: Path, directory: Path, values: dict[str, Any], *words: str
) -> subprocess.CompletedProcess[str]:
    file = directory / "values.yaml"
    file.write_text(yaml.safe_dump(values))
    # Its caches and plugins belong to the test; nothing of the caller's is read.
    environment = {f"HELM_{name}_HOME": str(directory / name) for name in ("CACHE", "CONFIG", "DATA")}
    command = [str(helm), *words, str(CHART), "--values", str(file)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def render(helm: Path, tmp_path: Path) -> Render:
    """What Helm makes of values."""

    def rendered(values: dict[str, Any]) -> list[Manifest]:
        done = run_helm(helm, tmp_path, values, "template", "argosy", f"--namespace={NAMESPACE}")
        assert done.returncode == 0, done.stderr
        return [document for document in yaml.safe_load_all(done.stdout) if document]

    return rendered


@pytest.fixture(scope="module")
def restricted(members: list[Member]) -> Iterator[Member]:
    """A member with the namespace, which admits pods of the restricted profile only."""
    member = members[0]
    labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
    body = {"metadata": {"name": NAMESPACE, "labels": labels}}
    assert member.request("POST", "/api/v1/namespaces", body)[0] == 201
    yield member
    member.request("DELETE", f"/api/v1/namespaces/{NAMESPACE}")


def admitted(member: Member, manifest: Manifest) -> tuple[int, str]:
    """What the API server says to a manifest, strictly and without keeping it."""
    path = PATHS[manifest["kind"]].format(NAMESPACE)
    status, answer = member.request("POST", f"{path}?dryRun=All&fieldValidation=Strict", manifest)
    return status, answer.decode()


def pods_of(manifests: list[Manifest]) -> dict[str, Manifest]:
    """component -> pod, as its controller would make it."""
    return {
        manifest["metadata"]["labels"]["app.kubernetes.io/component"]: {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"generateName": "x-", **manifest["spec"]["template"]["metadata"]},
            "spec": manifest["spec"]["template"]["spec"],
        }
        for manifest in manifests
        if manifest["kind"] in {"Deployment", "Job"}
    }


@pytest.mark.parametrize("setup", SETUPS)
def test_a_real_api_server_admits_everything(render: Render, restricted: Member, setup: str) -> None:
    manifests = render(SETUPS[setup])
    pods = pods_of(manifests)
    assert set(pods) == {"worker", "init"} | ({"serve"} if setup == "everything" else set())
    for manifest in [*manifests, *pods.values()]:
        if manifest["kind"] in OPERATORS:
            continue
        status, answer = admitted(restricted, manifest)
        assert status == 201, f"{manifest['kind']} {manifest['metadata']}: {answer}"


def test_the_api_server_would_notice(render: Render, restricted: Member) -> None:
    pod = pods_of(render(MINIMAL))["worker"]
    typo = json.loads(json.dumps(pod))
    typo["spec"]["containers"][0]["readynessProbe"] = {}
    assert admitted(restricted, typo)[0] == 400
    loose = json.loads(json.dumps(pod))
    loose["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
    assert admitted(restricted, loose)[0] == 403


@pytest.mark.parametrize("setup", SETUPS)
def test_argosy_takes_every_command_and_setting(render: Render, setup: str) -> None:
    for pod in pods_of(render(SETUPS[setup])).values():
        (container,) = pod["spec"]["containers"]
        check_command(container["args"])
        given = {entry["name"]: entry.get("value", "") for entry in container["env"]}
        check_environment(given)
        assert Settings.from_env(given).require_encryption


def test_temporals_connection_is_understood(render: Render) -> None:
    (container,) = pods_of(render(EVERYTHING))["worker"]["spec"]["containers"]
    given = {entry["name"]: entry.get("value", "secret") for entry in container["env"]}
    profile = ClientConfigProfile.load(disable_file=True, override_env_vars=given)
    assert (profile.address, profile.namespace, profile.api_key) == (
        "temporal.example.com:7233",
        "argosy",
        "secret",
    )
    assert profile.tls is not None
    assert not profile.tls.disabled
    assert profile.tls.server_name == "temporal.example.com"
    mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
    for file in (profile.tls.server_root_ca_cert, profile.tls.client_cert, profile.tls.client_private_key):
        assert str(Path(str(file)).parent) in mounts


@pytest.mark.parametrize("setup", SETUPS)
def test_files_that_are_named_are_mounted(render: Render, setup: str) -> None:
    for pod in pods_of(render(SETUPS[setup])).values():
        (container,) = pod["spec"]["containers"]
        mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
        assert set(mounts.values()) == {volume["name"] for volume in pod["spec"]["volumes"]}
        named = [
            word.partition("=")[2] for word in container["args"] if word.partition("=")[2].startswith("/")
        ]
        named += [e["value"] for e in container["env"] if e.get("value", "").startswith("/")]
        assert {str(Path(path).parent) for path in named} <= set(mounts)


def test_nobody_has_rights_that_were_not_given(render: Render) -> None:
    manifests = render(MINIMAL)
    assert not {"Secret", "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"} & {
        m["kind"] for m in manifests
    }
    assert not any(pod["spec"]["automountServiceAccountToken"] for pod in pods_of(manifests).values())
    manifests = render(EVERYTHING)
    assert "Secret" not in {manifest["kind"] for manifest in manifests}
    (role,) = (manifest for manifest in manifests if manifest["kind"] == "ClusterRole")
    assert role["rules"] == EVERYTHING["rbac"]["memberRules"]
    mounted = {
        name for name, pod in pods_of(manifests).items() if pod["spec"]["automountServiceAccountToken"]
    }
    assert mounted == {"worker"}


def test_every_workload_is_kept_apart_and_is_not_drained_at_once(render: Render) -> None:
    manifests = render(EVERYTHING)
    for name, pod in pods_of(manifests).items():
        if name == "init":
            continue
        labels = pod["metadata"]["labels"].items()
        for kind, field in (("NetworkPolicy", "podSelector"), ("PodDisruptionBudget", "selector")):
            selected = [
                manifest
                for manifest in manifests
                if manifest["kind"] == kind and manifest["spec"][field]["matchLabels"].items() <= labels
            ]  # fmt: skip - reads as one condition
            assert len(selected) == 1, f"{kind} of {name}"
            if kind == "NetworkPolicy":
                assert selected[0]["spec"]["policyTypes"] == ["Ingress", "Egress"]
                into = {port["port"] for entry in selected[0]["spec"]["ingress"] for port in entry["ports"]}
                assert into == ({"http", "metrics"} if name == "serve" else {"metrics"})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"encryption": {"existingSecret": ""}}, "/encryption/existingSecret"),
        ({"temporal": {"address": "nowhere"}}, "/temporal/address"),
        ({"image": {"repository": "x", "tagg": "1"}}, "tagg"),
        ({"settings": {"ARGOSY_FLEET_GUARD": 1}}, "/settings/ARGOSY_FLEET_GUARD"),
        ({"settings": {"ARGOSY_FLEET_GUARD": "half"}}, "/settings/ARGOSY_FLEET_GUARD"),
        ({"settings": {"ARGOSY_FLEET_GAURD": "0.5"}}, "ARGOSY_FLEET_GAURD"),
        ({"settings": {"ARGOSY_ACCESS": "/access.yaml"}}, "ARGOSY_ACCESS"),
        ({"logFormat": "yaml"}, "/logFormat"),
        ({"tracing": {"endpoint": "collector:4318"}}, "/tracing/endpoint"),
        ({"metrics": {"port": 80}}, "/metrics/port"),
        ({"metrics": {"podMonitor": {"interval": "often"}}}, "/metrics/podMonitor/interval"),
        ({"extraEnv": [{"value": "x"}]}, "/extraEnv/0"),
        ({"access": {"rules": "some", "existingConfigMap": "mine"}}, "set one"),
        ({"serve": {"enabled": True}}, "serve has nothing to do"),
        ({"serve": {"rules": "x"}}, "set serve.alertToken.existingSecret"),
    ],
)
def test_values_that_cannot_work_are_refused_by_name(
    helm: Path, tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    done = run_helm(helm, tmp_path, {**MINIMAL, **change}, "template", "argosy")
    assert done.returncode != 0
    assert words in done.stderr


def settings_of(render: Render, values: dict[str, Any], component: str) -> dict[str, str]:
    (container,) = pods_of(render(values))[component]["spec"]["containers"]
    return {
        entry["name"]: entry.get("value", "")
        for entry in container["env"]
        if entry["name"].startswith(PREFIX)
    }


def test_every_setting_can_be_given(render: Render) -> None:
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    freely = set(schema["properties"]["settings"]["properties"])
    everything = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    others = {
        "ring": {**EVERYTHING, "encryption": {"existingSecret": "keys", "asVariable": True}},
        "file": EVERYTHING,
    }
    by_values = {name for values in others.values() for name in settings_of(render, values, "worker")}
    # The address of `serve` is an option of its command, and how a process ends is not for pods to say.
    assert freely | by_values == everything - {"ARGOSY_SERVE_LISTEN", "ARGOSY_HARD_EXIT"}
    extra = {**MINIMAL, "extraEnv": [{"name": name, "value": "x"} for name in sorted(everything)]}
    assert everything <= set(settings_of(render, extra, "worker"))


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_the_schema_takes_what_argosy_takes(name: str) -> None:
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    allowed = schema["properties"]["settings"]["properties"].get(f"{PREFIX}{name.upper()}")
    if allowed is None:
        return
    default = Settings.model_fields[name].default
    given = str(default).lower() if isinstance(default, bool) else str(default)
    assert given in allowed["enum"] if "enum" in allowed else re.search(allowed.get("pattern", "."), given)
    if "enum" in allowed:
        for value in allowed["enum"]:
            Settings.from_env({f"{PREFIX}{name.upper()}": value})


def test_what_is_documented_in_the_values_is_allowed(helm: Path, tmp_path: Path) -> None:
    lines = (CHART / "values.yaml").read_text(encoding="utf-8")
    examples = dict(re.findall(r'^#  (ARGOSY_\w+): "(.*)"$', lines, re.MULTILINE))
    assert len(examples) >= 5
    done = run_helm(helm, tmp_path, {**MINIMAL, "settings": examples}, "template", "argosy")
    assert done.returncode == 0, done.stderr


def test_metrics_are_served_where_they_are_looked_for(render: Render) -> None:
    manifests = render(EVERYTHING)
    pods = {name: pod for name, pod in pods_of(manifests).items() if name != "init"}
    by_kind = {manifest["kind"]: manifest for manifest in manifests if manifest["kind"] in OPERATORS}
    (service,) = (
        m for m in manifests if m["kind"] == "Service" and m["metadata"]["name"] == "argosy-metrics"
    )
    for name, pod in pods.items():
        (container,) = pod["spec"]["containers"]
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        assert settings_of(render, EVERYTHING, name)["ARGOSY_METRICS_LISTEN"] == f"0.0.0.0:{ports['metrics']}"
        labels = pod["metadata"]["labels"].items()
        assert pod["metadata"]["annotations"]["prometheus.io/port"] == str(ports["metrics"])
        assert service["spec"]["selector"].items() <= labels
        assert by_kind["PodMonitor"]["spec"]["selector"]["matchLabels"].items() <= labels
    assert [port["targetPort"] for port in service["spec"]["ports"]] == ["metrics"]
    assert by_kind["PodMonitor"]["spec"]["podMetricsEndpoints"] == [{"port": "metrics", "interval": "30s"}]
    silent = render({**MINIMAL, "metrics": {"enabled": False}})
    assert "ARGOSY_METRICS_LISTEN" not in json.dumps(silent)
    assert "metrics" not in json.dumps(silent).replace("/metrics", "")


def test_the_operator_gets_the_rules_that_are_shipped(render: Render) -> None:
    (rule,) = (manifest for manifest in render(EVERYTHING) if manifest["kind"] == "PrometheusRule")
    shipped = (ROOT / "deploy" / "prometheus" / "alerts.yaml").read_text(encoding="utf-8")
    assert rule["spec"] == yaml.safe_load(shipped)
    assert rule["metadata"]["labels"]["release"] == "prometheus"


def test_new_access_rules_need_new_workers(render: Render) -> None:
    def annotations(rules: str) -> dict[str, str]:
        pod = pods_of(render({**MINIMAL, "access": {"rules": rules}}))["worker"]
        found: dict[str, str] = pod["metadata"]["annotations"]
        return found

    assert annotations("a") == annotations("a") != annotations("b")
    (written,) = (m for m in render(EVERYTHING) if m["metadata"]["name"] == "argosy-access")
    assert parse_access(written["data"]["access.yaml"], source="the ConfigMap").rules
    existing = {**MINIMAL, "access": {"existingConfigMap": "mine"}}
    volumes = pods_of(render(existing))["worker"]["spec"]["volumes"]
    assert {"name": "access", "configMap": {"name": "mine"}} in volumes
    assert settings_of(render, existing, "worker")["ARGOSY_ACCESS"] == "/access/access.yaml"


def test_every_pod_is_confined_and_bounded(render: Render) -> None:
    for name, pod in pods_of(render(EVERYTHING)).items():
        assert pod["spec"]["securityContext"]["runAsNonRoot"], name
        (container,) = pod["spec"]["containers"]
        confined = container["securityContext"]
        assert confined["readOnlyRootFilesystem"], name
        assert confined["allowPrivilegeEscalation"] is False, name
        assert confined["capabilities"] == {"drop": ["ALL"]}, name
        assert container["resources"]["requests"].keys() == {"cpu", "memory"}, name
        assert "memory" in container["resources"]["limits"], name
        if name != "init":
            assert {"livenessProbe", "readinessProbe"} <= container.keys(), name
            assert len(pod["spec"]["topologySpreadConstraints"]) == 2, name


def test_helm_has_nothing_to_remark(helm: Path, tmp_path: Path) -> None:
    done = run_helm(helm, tmp_path, EVERYTHING, "lint", "--strict")
    assert done.returncode == 0, done.stdout


def test_the_chart_is_of_this_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    assert chart["appVersion"] == chart["version"] == __version__
