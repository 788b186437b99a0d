"""Tools are pinned, and built where they are not in the cache."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from devcluster import build, tools
from devcluster.build import MODULES, MissingBinary, Module

_PATHS = {
    "compose": "github.com/compose-spec/compose-go/v2",
    "helm": "helm.sh/helm/v4",
    "temporal": "go.temporal.io/server",
}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "argosy" / "bin"


@pytest.mark.parametrize("tool", tools.TOOLS, ids=lambda tool: tool.provides[0])
def test_the_module_pins_the_version_that_is_announced(tool: Module) -> None:
    path, version = re.escape(_PATHS[tool.directory]), re.escape(tool.version)
    requirements = (MODULES / tool.directory / "go.mod").read_text(encoding="utf-8")
    assert re.search(rf"^\s*(require )?{path} {version}( // indirect)?$", requirements, re.MULTILINE)
    assert re.search(
        rf"^{path} {version} h1:", (MODULES / tool.directory / "go.sum").read_text(), re.MULTILINE
    )


def test_helm_shares_what_kubernetes_has_compiled() -> None:
    requirements = (MODULES / "helm" / "go.mod").read_text(encoding="utf-8")
    release = build.KUBERNETES.replace("v1.", "v0.", 1)
    shared = re.findall(r"^\s+k8s\.io/(\S+) (v0\.\d+\.\d+) // indirect$", requirements, re.MULTILINE)
    assert ("client-go", release) in shared
    assert {version for _, version in shared} == {release}


def test_each_version_is_kept_apart(cache: Path) -> None:
    assert tools.HELM.kept_in == cache / f"helm-{tools.HELM.version}"
    assert tools.TEMPORAL_SERVER.kept_in == tools.TEMPORAL_SQL_TOOL.kept_in


def test_what_is_in_the_cache_is_not_built(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    there = cache / f"helm-{tools.HELM.version}" / "helm"
    there.parent.mkdir(parents=True)
    there.touch()
    assert tools.ensure(tools.HELM, progress=lambda _: None) == there
    with pytest.raises(MissingBinary, match="Go"):
        tools.ensure(tools.COMPOSE, progress=lambda _: None)
