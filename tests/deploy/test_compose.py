"""The compose file against Docker's reading of it, against Argosy's own commands, and against its promises."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from activities.codec import KeyRing
from argosy.config import Settings
from tests.deploy.commands import check_command, check_environment
from tests.deploy.conftest import ROOT, understand

Compose = dict[str, Any]
MEMBERS = {"member1", "member2", "member3"}
ONCE = {"temporal-schema", "temporal-namespace", "init", "demo-kubeconfigs", "demo-guestbook"}
ONCE |= {f"demo-join{number}" for number in (1, 2, 3)}
WRITTEN = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
OURS = sorted(name for name, service in WRITTEN["services"].items() if "build" in service)


def test_docker_understands_every_service(compose: Compose) -> None:
    assert set(compose["services"]) == set(WRITTEN["services"])
    profiles = {name: service.get("profiles") for name, service in compose["services"].items()}
    assert {name for name, given in profiles.items() if given == ["demo"]} == {
        name for name in profiles if name.startswith(("demo-", "member"))
    }
    assert {name for name, given in profiles.items() if given == ["monitoring"]} == {"prometheus", "grafana"}


@pytest.mark.parametrize("name", OURS)
def test_argosy_takes_every_command(compose: Compose, name: str) -> None:
    service = compose["services"][name]
    check_command(service["command"])
    check_environment(service["environment"])
    assert Settings.from_env(service["environment"]).require_encryption


@pytest.mark.parametrize(
    "words", [["serf"], ["worker", "run", "--nonsense"], ["cluster", "join", "x", "--zones=eu"], ["worker"]]
)
def test_a_command_that_argosy_lacks_would_be_noticed(words: list[str]) -> None:
    with pytest.raises(AssertionError, match="argosy"):
        check_command(words)


def test_a_setting_that_argosy_lacks_would_be_noticed() -> None:
    with pytest.raises(AssertionError, match="ARGOSY_ENCRYPTION_KEY'"):
        check_environment({"ARGOSY_ENCRYPTION_KEY": "/x"})


def test_nothing_is_written_where_it_does_not_belong_and_nobody_is_root(compose: Compose) -> None:
    for name, service in compose["services"].items():
        if name in MEMBERS:
            assert service["profiles"] == ["demo"]
            continue
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not service.get("privileged"), name
    assert compose["services"]["postgres"]["user"] == "999:999"
    assert re.search(r"^USER 10001:10001$", dockerfile(), re.MULTILINE)


def test_every_setting_can_be_given_and_what_is_written_wins(
    pytestconfig: pytest.Config, tmp_path: Path
) -> None:
    given = {f"ARGOSY_{name.upper()}": "given" for name in Settings.model_fields}
    shutil.copy(ROOT / "docker-compose.yml", tmp_path)
    unshipped = shutil.ignore_patterns("secrets", "kubeconfigs")
    shutil.copytree(ROOT / "deploy", tmp_path / "deploy", ignore=unshipped)
    lines = "".join(f"{name}={value}\n" for name, value in given.items())
    (tmp_path / "deploy" / "argosy.env").write_text(lines, encoding="utf-8")
    understood = understand(pytestconfig, "docker-compose.yml", directory=tmp_path)
    for name in OURS:
        seen = understood["services"][name]["environment"]
        written = WRITTEN["services"][name]["environment"]
        assert {setting: seen[setting] for setting in given} == given | {
            setting: value for setting, value in written.items() if setting in given
        }


def test_the_guard_is_on_every_caller_of_temporal(guarded: Compose) -> None:
    callers = {
        name
        for name, service in guarded["services"].items()
        if "TEMPORAL_ADDRESS" in service.get("environment", {})
    }
    for name in callers - {"ui"}:
        service = guarded["services"][name]
        file = service["environment"]["TEMPORAL_CONFIG_FILE"].removeprefix("/run/secrets/")
        assert file in {secret["source"] for secret in service["secrets"]}, name
        administers = name in {"temporal-namespace", "init"}
        assert file == ("temporal-admin.toml" if administers else "temporal-argosy.toml"), name
    assert set(OURS) <= callers


def test_the_values_for_temporals_chart_say_the_same(guarded: Compose) -> None:
    """The compose file's variables are what was tried; each stands for a place in the configuration."""
    given = guarded["services"]["temporal"]["environment"]
    config = yaml.safe_load((ROOT / "deploy/temporal/values.yaml").read_text(encoding="utf-8"))["server"][
        "config"
    ]
    tls, tokens = config["tls"], config["authorization"]

    def file(variable: str) -> str:
        return str(given[variable]).replace("/run/secrets/", "/identities/")

    server = {"requireClientAuth": given["TEMPORAL_TLS_REQUIRE_CLIENT_AUTH"] == "true"}
    assert tls == {
        "refreshInterval": given["TEMPORAL_TLS_REFRESH_INTERVAL"],
        "internode": {
            "server": {
                **server,
                "certFile": file("TEMPORAL_TLS_SERVER_CERT"),
                "keyFile": file("TEMPORAL_TLS_SERVER_KEY"),
                "clientCaFiles": [file("TEMPORAL_TLS_SERVER_CA_CERT")],
            },
            "client": {
                "serverName": given["TEMPORAL_TLS_INTERNODE_SERVER_NAME"],
                "rootCaFiles": [file("TEMPORAL_TLS_SERVER_CA_CERT")],
            },
        },
        "frontend": {
            "server": {
                **server,
                "certFile": file("TEMPORAL_TLS_FRONTEND_CERT"),
                "keyFile": file("TEMPORAL_TLS_FRONTEND_KEY"),
                "clientCaFiles": [file("TEMPORAL_TLS_CLIENT1_CA_CERT")],
            }
        },
    }
    assert (tokens["authorizer"], tokens["claimMapper"]) == (
        given["TEMPORAL_AUTH_AUTHORIZER"],
        given["TEMPORAL_AUTH_CLAIM_MAPPER"],
    )
    assert tokens["jwtKeyProvider"]["keySourceURIs"] == [file("TEMPORAL_JWT_KEY_SOURCE1")]
    assert str(config["numHistoryShards"]) == given["NUM_HISTORY_SHARDS"]


def test_files_of_the_guard_are_mounted(guarded: Compose) -> None:
    for name, service in guarded["services"].items():
        mounted = {secret["source"] for secret in service.get("secrets", ())}
        for variable, value in service.get("environment", {}).items():
            _, found, file = value.partition("/run/secrets/")
            assert not found or file in mounted, f"{name}: {variable}"


def test_prometheus_finds_who_serves_metrics(compose: Compose, promtool: Path) -> None:
    directory = ROOT / "deploy" / "prometheus"
    check = [str(promtool), "check", "config", str(directory / "prometheus.yml")]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    ours, server = yaml.safe_load((directory / "prometheus.yml").read_text(encoding="utf-8"))[
        "scrape_configs"
    ]
    (found,) = ours["dns_sd_configs"]
    for name in ("worker", "serve"):
        assert name in found["names"]
        environment = compose["services"][name]["environment"]
        assert environment["ARGOSY_METRICS_LISTEN"] == f"0.0.0.0:{found['port']}"
    _, _, port = compose["services"]["temporal"]["environment"]["PROMETHEUS_ENDPOINT"].partition(":")
    assert server["static_configs"] == [{"targets": [f"temporal:{port}"]}]


def test_images_are_pinned(compose: Compose) -> None:
    images = {service["image"] for service in compose["services"].values() if "build" not in service}
    images |= set(re.findall(r"^FROM (\S+)", dockerfile(), re.MULTILINE))
    assert all(re.search(r":v?\d+\.\d+[\w.-]*$", image) for image in images), images


def test_who_runs_for_long_says_whether_it_is_well(compose: Compose) -> None:
    for name, service in compose["services"].items():
        assert ("healthcheck" in service) == (name not in ONCE), name
        for other, how in service.get("depends_on", {}).items():
            ended = other in ONCE
            wanted = "service_completed_successfully" if ended else "service_healthy"
            assert how["condition"] == wanted, f"{name} waits for {other}"


def test_only_this_machine_can_call(compose: Compose) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", ())]
    assert {port["published"] for port in ports} == {"7233", "8080", "8484", "9090", "3000"}
    assert {port["host_ip"] for port in ports} == {"127.0.0.1"}
    assert compose["networks"]["storage"]["internal"]
    assert set(compose["services"]["postgres"]["networks"]) == {"storage"}


def test_secrets_come_by_file(compose: Compose) -> None:
    for name, service in compose["services"].items():
        for variable, value in service.get("environment", {}).items():
            assert not re.search("password|secret|token|pwd|keys", variable, re.IGNORECASE) or (
                value.startswith("/run/secrets/")
            ), f"{name}: {variable}"
    assert all(Path(config["file"]).is_file() for config in compose["configs"].values())


def test_the_database_is_kept_and_has_enough_shards(compose: Compose) -> None:
    (volume,) = compose["services"]["postgres"]["volumes"]
    assert (volume["type"], volume["source"]) == ("volume", "postgres")
    assert compose["services"]["temporal"]["environment"]["NUM_HISTORY_SHARDS"] == "512"


def test_secrets_are_made_once_and_fit(compose: Compose, guarded: Compose, tmp_path: Path) -> None:
    again: dict[str, bytes] = {}
    shutil.copytree(
        ROOT / "deploy", tmp_path / "deploy", ignore=shutil.ignore_patterns("secrets", "kubeconfigs")
    )
    made = tmp_path / "deploy" / "secrets"

    def make() -> dict[str, bytes]:
        subprocess.run([tmp_path / "deploy" / "secrets.sh"], check=True)
        return {path.name: path.read_bytes() for path in made.iterdir()}

    first = make()
    assert make() == first
    assert set(compose["secrets"]) | {"ui-password"} == set(first)
    identities = tmp_path / "deploy" / "temporal" / "identities.sh"
    for _ in range(2):
        subprocess.run([identities], check=True)
        made_later = {path.name: path.read_bytes() for path in made.iterdir() if path.name not in first}
        again = again or made_later
        assert made_later == again
    wanted = {Path(secret["file"]).name for secret in guarded["secrets"].values()}
    assert wanted | {"ui-authorization.conf"} <= set(first) | set(made_later)
    KeyRing.load(made / "encryption-keys.json")
    assert first["codec-token"] in first["codec-authorization.conf"]
    assert first["ui-users"] == b"argosy:{PLAIN}" + first["ui-password"] + b"\n"
    assert {path.stat().st_mode & 0o777 for path in made.iterdir()} == {0o640}
    assert made.stat().st_mode & 0o777 == 0o750
    assert (tmp_path / ".env").read_text().startswith("SECRETS_GID=")
    assert (tmp_path / ".env").read_text().count("\n") == 1


def test_kubeconfigs_of_the_demo_name_the_members_as_the_worker_sees_them(
    compose: Compose, tmp_path: Path
) -> None:
    for member in MEMBERS:
        (tmp_path / f"{member}.yaml").write_text("server: https://127.0.0.1:6443\n", encoding="utf-8")
    demo = tmp_path / "demo"
    demo.mkdir()
    service = compose["services"]["demo-kubeconfigs"]
    (script,) = service["command"]
    # Here nobody has the worker's number.
    script = script.replace("10001:10001", f"{os.getuid()}:{os.getgid()}")
    script = script.replace("/output/", f"{tmp_path}/").replace("/demo/", f"{demo}/")
    for _ in range(2):
        subprocess.run([*service["entrypoint"], script], check=True)
    assert {path.name: path.read_text(encoding="utf-8") for path in demo.iterdir()} == {
        f"{member}.yaml": f"server: https://{member}:6443\n" for member in MEMBERS
    }
    assert {path.stat().st_mode & 0o777 for path in demo.iterdir()} == {0o600}
    joined = [WRITTEN["services"][f"demo-join{number}"]["command"] for number in (1, 2, 3)]
    assert {words[2] for words in joined} == MEMBERS
    assert all(f"--kubeconfig=/demo/{words[2]}.yaml" in words for words in joined)


def test_the_image_is_built_from_every_package_and_from_nothing_else() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert lines[1] == "*"
    let_in = {line.removeprefix("!") for line in lines if line.startswith("!")}
    assert packages <= let_in
    assert {"pyproject.toml", "README.md", "LICENSE"} <= let_in
    copied = re.findall(r"requirements/\S+\.txt", dockerfile())
    assert set(copied) <= let_in
    assert all((ROOT / path).is_file() for path in copied)


def test_the_image_has_the_versions_that_are_tested() -> None:
    tested, shipped = (pinned(ROOT / "requirements" / name) for name in ("dev.txt", "run.txt"))
    assert shipped
    assert shipped.items() <= tested.items()


def dockerfile() -> str:
    return (ROOT / "Dockerfile").read_text(encoding="utf-8")


def pinned(path: Path) -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)==([\w.]+)", path.read_text(encoding="utf-8"), re.MULTILINE))
