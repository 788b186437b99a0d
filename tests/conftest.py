"""Real members and a real Temporal server for whoever asks; binaries are built before the first test runs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from argosy.errors import ArgosyError
from cli.session import Session
from devcluster import alertmanager, binaries, prometheus
from devcluster.build import Progress
from devcluster.member import BARE, FULL, Member, start_all, stop_all
from devcluster.temporal import TemporalServer
from tests.plant import Plant

# What a fixture needs, and the marker that everything using it gets.
_NEEDS = {
    "member_binaries": BARE,
    "members": BARE,
    "member": BARE,
    "full_member": FULL,
    "full_binaries": FULL,
    "running_members": FULL,
}
_BINARIES = pytest.StashKey[dict[str, Path]]()
_MISSING = pytest.StashKey[str]()
# Fixture -> how its binary is found or built. A string in the stash is why there is none.
_MONITORING: dict[str, Callable[[Progress], Path]] = {
    "alertmanager_binary": lambda tell: alertmanager.ensure(progress=tell),
    "prometheus_binary": lambda tell: prometheus.ensure(prometheus.PROMETHEUS, progress=tell),
    "promtool": lambda tell: prometheus.ensure(prometheus.PROMTOOL, progress=tell),
}
_MONITORED_BY = pytest.StashKey[dict[str, Path | str]]()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by the real parts they use, so that `-m "not members"` leaves out what needs binaries."""
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        if any(fixture in _NEEDS for fixture in fixtures):
            item.add_marker("members")
        if "temporal_server" in fixtures:
            item.add_marker("temporal")
        if "alertmanager_binary" in fixtures:
            item.add_marker("alertmanager")
        if {"prometheus_binary", "promtool"}.intersection(fixtures):
            item.add_marker("prometheus")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Find or build what the selected tests need: a build takes minutes, more than a test may."""
    used = {fixture for item in session.items for fixture in getattr(item, "fixturenames", ())}
    needed = {name for fixture, names in _NEEDS.items() if fixture in used for name in names}
    if session.config.option.collectonly:
        return
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")

    def tell(line: str) -> None:
        if terminal is not None:
            terminal.write_line(line)

    if needed:
        try:
            session.config.stash[_BINARIES] = binaries.ensure(needed, progress=tell)
        except ArgosyError as error:
            session.config.stash[_MISSING] = str(error)
    found = session.config.stash[_MONITORED_BY] = {}
    for fixture, ensure in _MONITORING.items():
        if fixture in used:
            try:
                found[fixture] = ensure(tell)
            except ArgosyError as error:
                found[fixture] = str(error)


@pytest.fixture(scope="session")
def member_binaries(pytestconfig: pytest.Config) -> dict[str, Path]:
    """Paths of the binaries of real members; without them tests are skipped, and with CI=true they fail."""
    missing = pytestconfig.stash.get(_MISSING, None)
    if missing is not None:
        _unavailable(missing)
    return pytestconfig.stash[_BINARIES]


@pytest.fixture(scope="session")
def full_binaries(member_binaries: dict[str, Path]) -> dict[str, Path]:
    """The same, of members whose workloads become ready."""
    return member_binaries


@pytest.fixture(scope="session")
def alertmanager_binary(pytestconfig: pytest.Config) -> Path:
    """A real Alertmanager's binary; without it tests are skipped, and with CI=true they fail."""
    return _monitoring(pytestconfig, "alertmanager_binary")


@pytest.fixture(scope="session")
def prometheus_binary(pytestconfig: pytest.Config) -> Path:
    """A real Prometheus' binary; without it tests are skipped, and with CI=true they fail."""
    return _monitoring(pytestconfig, "prometheus_binary")


@pytest.fixture(scope="session")
def promtool(pytestconfig: pytest.Config) -> Path:
    """What checks and tries Prometheus' rules; without it tests are skipped, and with CI=true they fail."""
    return _monitoring(pytestconfig, "promtool")


def _monitoring(config: pytest.Config, fixture: str) -> Path:
    found = config.stash[_MONITORED_BY][fixture]
    if isinstance(found, str):
        _unavailable(found)
    return Path(found)


@pytest.fixture(scope="session")
def members(
    member_binaries: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[Member]]:
    """Three bare members, shared by all tests: leave them running, and clean up what you create."""
    assert member_binaries
    directory = tmp_path_factory.mktemp("members")
    started = [Member(name, directory / name) for name in ("member1", "member2", "member3")]
    start_all(started, progress=lambda _: None)
    yield started
    stop_all(started)


@pytest.fixture(scope="module")
def member(member_binaries: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Member]:
    """One bare member of the module's own, to be killed and frozen; `start` brings it back."""
    lone = Member("lone", tmp_path_factory.mktemp("lone"))
    lone.start(member_binaries)
    yield lone
    lone.stop()


@pytest.fixture(scope="module")
def full_member(
    member_binaries: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Member]:
    """One member of the module's own whose workloads become ready."""
    full = Member("full", tmp_path_factory.mktemp("full"), parts=FULL)
    full.start(member_binaries)
    yield full
    full.stop()


@pytest.fixture(scope="session")
def temporal_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TemporalServer]:
    """A real Temporal server without UI, shared by all tests: use workflow IDs of your own."""
    server = TemporalServer(tmp_path_factory.mktemp("temporal"), ui=False)
    try:
        server.start()
    except ArgosyError as error:
        _unavailable(str(error))
    yield server
    server.stop()


def _unavailable(reason: str) -> None:
    if os.environ.get("CI") == "true":  # noqa: TID251 - a convention of CI systems, not a setting of ours
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def plant(members: list[Member], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    """An installation of the module's own: its Temporal and worker may die."""
    directory = tmp_path_factory.mktemp("plant")
    server = TemporalServer(directory / "temporal", ui=False)
    server.start()
    made = Plant(directory=directory, temporal=server, members=members)
    asyncio.run(made.set_up())
    yield made
    made.stop_workers()
    server.stop()


@pytest.fixture
async def session(plant: Plant) -> Session:
    return await plant.session()
