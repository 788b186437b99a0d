"""Temporal behind mutual TLS: command line and worker get in with a certificate, and nobody without one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from activities.connection import initialise
from devcluster import certificates
from devcluster.member import Member
from devcluster.process import Identity
from devcluster.temporal import TemporalServer
from tests.cli.runs import argosy
from tests.integration.relay import tls_in_front_of
from tests.plant import Plant, polling

pytestmark = pytest.mark.timeout(120)

CERTIFICATE, KEY, AUTHORITY = (
    "TEMPORAL_TLS_CLIENT_CERT_PATH",
    "TEMPORAL_TLS_CLIENT_KEY_PATH",
    "TEMPORAL_TLS_SERVER_CA_CERT_PATH",
)
BROKEN_OFF = "breaks off the connection; where it demands TLS, set"


@dataclass(frozen=True)
class Guarded:
    """An installation whose Temporal is reached through mutual TLS only.

    Attributes:
        variables: what lets a process in.
        foreign: a certificate and key of another authority.
    """

    plant: Plant
    variables: dict[str, str]
    foreign: dict[str, str]


@pytest.fixture(scope="module")
def guarded(members: list[Member], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    directory = tmp_path_factory.mktemp("mtls")
    server = TemporalServer(directory / "temporal", ui=False)
    server.start()
    ours = certificates.create(directory / "ours", name="ours")
    others = certificates.create(directory / "others", name="others")
    with tls_in_front_of(server.address, ours) as address:
        variables = {
            "TEMPORAL_ADDRESS": address,
            AUTHORITY: str(ours.ca),
            CERTIFICATE: str(ours.client_certificate),
            KEY: str(ours.client_key),
        }
        plant = Plant(directory=directory, temporal=server, members=members[:1], environment=variables)
        asyncio.run(_set_up(plant))
        foreign = {CERTIFICATE: str(others.client_certificate), KEY: str(others.client_key)}
        yield Guarded(plant, variables, foreign)
        _ended(plant.worker)
    server.stop()


async def _set_up(plant: Plant) -> None:
    session = await plant.session()
    await initialise(session.client)
    plant.start_worker()
    await polling(session)


def _ended(worker: Identity | None) -> None:
    assert worker is not None
    worker.stop()


def test_worker_and_command_line_get_in_with_a_certificate(guarded: Guarded) -> None:
    kubeconfig = str(guarded.plant.members[0].kubeconfig)
    assert argosy("init", **guarded.variables).code == 0
    # The answer is the worker's, which is reached by the same way.
    joined = argosy("cluster", "join", "member1", "--kubeconfig", kubeconfig, **guarded.variables)
    assert joined.code == 0, joined.err
    assert "member1" in argosy("get", "clusters", "-o", "name", **guarded.variables).out


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({CERTIFICATE: "", KEY: ""}, BROKEN_OFF),
        ({CERTIFICATE: "", KEY: "", AUTHORITY: ""}, BROKEN_OFF),
        (
            {AUTHORITY: "others"},
            "shows a certificate that is not trusted; set TEMPORAL_TLS_SERVER_CA_CERT_PATH",
        ),
        ({KEY: "pyproject.toml"}, "correct TEMPORAL_TLS_CLIENT_KEY_PATH"),
        ({CERTIFICATE: "/no/such/file"}, "/no/such/file"),
    ],
    ids=["no certificate", "no TLS", "unknown authority", "no key", "no file"],
)
def test_nobody_else_gets_in(guarded: Guarded, changed: dict[str, str], said: str) -> None:
    others = Path(guarded.foreign[CERTIFICATE]).parent / "ca.crt"
    given = {name: str(others) if value == "others" else value for name, value in changed.items()}
    variables = {name: value for name, value in {**guarded.variables, **given}.items() if value}
    run = argosy("get", "clusters", **variables)
    assert run.code in {1, 2}
    assert said in run.error


def test_a_certificate_of_another_authority_is_refused(guarded: Guarded) -> None:
    run = argosy("get", "clusters", **{**guarded.variables, **guarded.foreign})
    assert run.code == 1
    assert BROKEN_OFF in run.error


def test_a_worker_without_a_certificate_ends_with_the_reason(guarded: Guarded) -> None:
    without = {name: value for name, value in guarded.variables.items() if name not in {CERTIFICATE, KEY}}
    run = argosy("worker", "run", **without)
    assert run.code == 1
    assert BROKEN_OFF in run.error


def test_tls_to_a_server_without_it_is_said(guarded: Guarded) -> None:
    plain = {"TEMPORAL_ADDRESS": guarded.plant.temporal.address}
    run = argosy("get", "clusters", **{**guarded.variables, **plain})
    assert run.code == 1
    assert "does not speak TLS; unset the TEMPORAL_TLS_ variables" in run.error
