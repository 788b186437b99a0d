"""Where metrics are served, and what is said of addresses where they cannot be."""

from __future__ import annotations

import pytest

from activities.telemetry import runtime
from argosy.config import Settings
from argosy.errors import InvalidInput
from devcluster.ports import free_port


def test_nothing_special_is_the_usual_runtime() -> None:
    assert runtime(Settings()) is None


@pytest.mark.parametrize(
    "listen", ["9464", ":9464", "127.0.0.1:x", "127.0.0.1:99999", "nowhere.invalid:9464"]
)
def test_what_is_no_address_is_refused(listen: str) -> None:
    with pytest.raises(InvalidInput, match="ARGOSY_METRICS_LISTEN"):
        runtime(Settings(metrics_listen=listen))


def test_an_address_that_is_taken_is_named() -> None:
    settings = Settings(metrics_listen=f"localhost:{free_port()}")
    first = runtime(settings)
    assert first is not None
    with pytest.raises(InvalidInput, match=r"already in use.*choose another port"):
        runtime(settings)
