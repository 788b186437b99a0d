"""The tools that the tests of deployments need, built before the first test runs."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any, NoReturn

import pytest

from argosy.errors import ArgosyError
from devcluster import tools

ROOT = Path(__file__).parents[2]
_NEEDS = {
    "compose": (tools.COMPOSE,),
    "guarded": (tools.COMPOSE,),
    "helm": (tools.HELM,),
    "temporal_binaries": (tools.TEMPORAL_SERVER, tools.TEMPORAL_SQL_TOOL),
}
_TOOLS = pytest.StashKey[dict[str, Path]]()
_MISSING = pytest.StashKey[dict[str, str]]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what waits minutes for a build, unless it is asked for: `make test-postgres`."""
    if "postgres" in config.option.markexpr:
        return
    left_out = [item for item in items if item.get_closest_marker("postgres")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Find or build what the selected tests need: a build takes minutes, more than a test may."""
    found: dict[str, Path] = {}
    missing: dict[str, str] = {}
    session.config.stash[_TOOLS], session.config.stash[_MISSING] = found, missing
    if session.config.option.collectonly:
        return
    used = {fixture for item in session.items for fixture in getattr(item, "fixturenames", ())}
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    for tool in dict.fromkeys(
        tool for fixture, needed in _NEEDS.items() if fixture in used for tool in needed
    ):
        (name,) = tool.provides
        try:
            found[name] = tools.ensure(tool, progress=terminal.write_line if terminal else print)
        except ArgosyError as error:
            missing[name] = str(error)


def path_of(config: pytest.Config, name: str) -> Path:
    """Where a tool is; without it tests are skipped, and with CI=true they fail."""
    if name in config.stash[_MISSING]:
        unavailable(config.stash[_MISSING][name])
    return config.stash[_TOOLS][name]


def unavailable(reason: str) -> NoReturn:
    """Skip the test, or fail it with CI=true."""
    if os.environ.get("CI") == "true":  # noqa: TID251 - a convention of CI systems, not a setting of ours
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def compose(pytestconfig: pytest.Config) -> dict[str, Any]:
    """The compose file as Docker's own library understands it, with every profile."""
    return understand(pytestconfig, "docker-compose.yml")


@pytest.fixture(scope="session")
def guarded(pytestconfig: pytest.Config) -> dict[str, Any]:
    """The same with what makes Temporal demand certificates and tokens."""
    return understand(pytestconfig, "docker-compose.yml", "docker-compose.guarded.yml")


def understand(config: pytest.Config, *files: str, directory: Path = ROOT) -> dict[str, Any]:
    """Compose files in a directory as Docker's own library understands them together."""
    done = subprocess.run(
        [path_of(config, "compose-spec"), *files],
        cwd=directory,
        env={"SECRETS_GID": "1000", "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    understood: dict[str, Any] = json.loads(done.stdout)
    return understood


@pytest.fixture(scope="session")
def helm(pytestconfig: pytest.Config) -> Path:
    """Helm's binary."""
    return path_of(pytestconfig, "helm")


@pytest.fixture(scope="session")
def temporal_binaries(pytestconfig: pytest.Config) -> dict[str, Path]:
    """Temporal's server and schema tool, as its images have them."""
    return {name: path_of(pytestconfig, name) for name in ("temporal-server", "temporal-sql-tool")}
