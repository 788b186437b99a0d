"""The house rules that a machine can check."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
from temporalio import activity

from argosy.config import Settings
from worker import wiring

ROOT = Path(__file__).parents[2]
PACKAGES = ("argosy", "activities", "workflows", "worker", "serve", "cli", "devcluster")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")])
MAX_LINES = 400


def sources() -> list[Path]:
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def modules(package: str) -> Iterator[Any]:
    top = importlib.import_module(package)
    yield top
    for found in pkgutil.walk_packages(top.__path__, prefix=f"{package}."):
        if not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)


def test_the_layers_hold() -> None:
    command = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]


@pytest.mark.parametrize("name", PACKAGES)
def test_our_top_level_names_are_ours(name: str) -> None:
    owners = set(packages_distributions().get(name, ["argosy"]))
    assert owners == {"argosy"}, f"another distribution ships {name} too; use an environment of its own"


def test_the_wheel_holds_our_packages_only(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    top = {name.split("/")[0] for name in names}
    assert {name for name in top if not name.endswith(".dist-info")} == set(PACKAGES)
    assert {"devcluster/go/kubernetes/go.sum", "devcluster/kwok.yaml", "argosy/py.typed"} <= set(names)


def test_every_workflow_and_activity_is_registered() -> None:
    defined = {
        member.__name__
        for module in modules("workflows")
        for _, member in inspect.getmembers(module, inspect.isclass)
        if hasattr(member, "__temporal_workflow_definition")
    }
    assert {workflow.__name__ for workflow in wiring.WORKFLOWS} == defined
    parts = wiring.build(None, Settings(), instance="x")  # type: ignore[arg-type] # nothing is called
    registered = {
        activity._Definition.must_from_callable(f).name
        for f in parts.main_activities() + parts.health_activities()
    }
    written = {
        found
        for path in sources()
        if path.parts[-2] == "activities"
        for found in re.findall(r'@activity\.defn\(name="(\w+)"\)', path.read_text(encoding="utf-8"))
    }
    assert registered == written


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_files_stay_readable(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_LINES


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_paths_in_documents_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#:]+)\)", text)
    missing = [link for link in links if not (path.parent / link).exists()]
    quoted = re.findall(
        r"`((?:argosy|activities|workflows|worker|serve|cli|devcluster|tests|docs|examples)/[\w./-]+)`", text
    )
    missing += [name for name in quoted if not (ROOT / name).exists()]
    assert missing == []


def test_nothing_speaks_of_the_machine_it_was_written_on() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    pattern = re.compile(r"(^|[^A-Za-z0-9_.])/(work|root|home/\w+)/")
    for name in tracked.split():
        path = ROOT / name
        readable = path.suffix in {".py", ".md", ".toml", ".yaml", ".json", ".txt", ""} and path.is_file()
        if readable and path.name != Path(__file__).name:
            assert not pattern.search(path.read_text(encoding="utf-8", errors="replace")), name


FORBIDDEN_CALLS = {"hash", "set", "id", "open", "print"}
FORBIDDEN_NAMES = {"time", "random", "os", "secrets", "uuid"}


@pytest.mark.parametrize("path", sorted((ROOT / "workflows").glob("*.py")), ids=lambda path: path.name)
def test_workflows_use_nothing_that_differs_between_replays(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in FORBIDDEN_CALLS, f"{node.func.id}() at line {node.lineno}"
        if isinstance(node, ast.Import):
            assert not {alias.name for alias in node.names} & FORBIDDEN_NAMES, f"line {node.lineno}"
        if isinstance(node, ast.For | ast.comprehension):
            assert not isinstance(node.iter, ast.Set | ast.SetComp), "iterating over a set has no order"
