from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable

import pytest

from devcluster.member import Member
from tests.cli.runs import Run, argosy
from tests.plant import Plant, join


@pytest.fixture
def run(plant: Plant) -> Callable[..., Run]:
    """`argosy` with the installation's Temporal."""

    def started(*words: str, **environment: str) -> Run:
        return argosy(*words, **{"TEMPORAL_ADDRESS": plant.temporal.address, **environment})

    return started


@pytest.fixture(scope="module")
def joined(plant: Plant, full_member: Member) -> Member:
    """The member whose workloads run, joined as `full` for as long as this module's tests take."""
    asyncio.run(_join(plant, full_member))
    return full_member


async def _join(plant: Plant, member: Member) -> None:
    await join(await plant.session(), member)


@pytest.fixture
def namespace(joined: Member) -> str:
    """A namespace that exists in the member whose workloads run."""
    name = f"running-{secrets.token_hex(4)}"
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    assert joined.request("POST", "/api/v1/namespaces", body)[0] == 201
    return name
