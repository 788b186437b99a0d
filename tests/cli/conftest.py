from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.cli.runs import Run, argosy
from tests.plant import Plant


@pytest.fixture
def run(plant: Plant) -> Callable[..., Run]:
    """`argosy` with the installation's Temporal."""

    def started(*words: str, **environment: str) -> Run:
        return argosy(*words, **{"TEMPORAL_ADDRESS": plant.temporal.address, **environment})

    return started
