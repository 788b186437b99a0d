"""The worker's Prometheus endpoint: the SDK serves its own metrics and Argosy's together, at /metrics."""

from __future__ import annotations

import re
import socket

from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig

from activities.metrics import BUCKETS
from argosy.errors import InvalidInput


def runtime(listen: str) -> Runtime | None:
    """The SDK's runtime that serves metrics; None, for the usual one, where `listen` is empty.

    Args:
        listen: host:port.

    Raises:
        InvalidInput: `listen` is no address, or it is taken.
    """
    if not listen:
        return None
    host, _, port = listen.rpartition(":")
    if not host or not re.fullmatch(r"\d{1,5}", port):
        raise InvalidInput(
            f"ARGOSY_METRICS_LISTEN={listen!r} is not host:port; write for example 127.0.0.1:9464"
        )
    address = _numeric(host, int(port), listen)
    config = PrometheusConfig(
        bind_address=address,
        counters_total_suffix=True,
        unit_suffix=True,
        durations_as_seconds=True,
        histogram_bucket_overrides=dict(BUCKETS),
    )
    try:
        return Runtime(telemetry=TelemetryConfig(metrics=config, attach_service_name=False))
    except ValueError as error:
        raise InvalidInput(f"ARGOSY_METRICS_LISTEN={listen}: {error}; choose another port") from error


def _numeric(host: str, port: int, listen: str) -> str:
    """The address with the host's number, which is all that the SDK understands."""
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except (OSError, OverflowError) as error:
        raise InvalidInput(f"ARGOSY_METRICS_LISTEN={listen}: {error}; correct the host") from error
    number = str(found[0][4][0])
    return f"[{number}]:{port}" if ":" in number else f"{number}:{port}"
