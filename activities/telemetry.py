"""What the SDK's own threads tell: metrics together with Argosy's, at /metrics, and log lines as ours are written."""

from __future__ import annotations

import logging
import re
import socket

from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    PrometheusConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)

from activities.metrics import BUCKETS
from argosy.config import Settings
from argosy.errors import InvalidInput


def runtime(settings: Settings) -> Runtime | None:
    """The SDK's runtime as the settings want it; None, for the usual one, where they want nothing special.

    Raises:
        InvalidInput: the address to serve metrics at is none, or it is taken.
    """
    listen = settings.metrics_listen
    structured = settings.log_format == "json"
    if not listen and not structured:
        return None
    # The SDK writes to standard error by itself, in colours, unless its lines are forwarded.
    logger = logging.getLogger("temporalio.core")
    forwarded = LogForwardingConfig(logger=logger, append_target_to_name=False) if structured else None
    config = TelemetryConfig(
        logging=LoggingConfig(
            filter=TelemetryFilter(core_level="WARN", other_level="ERROR"), forwarding=forwarded
        ),
        metrics=_prometheus(listen) if listen else None,
        attach_service_name=False,
    )
    try:
        return Runtime(telemetry=config)
    except ValueError as error:
        raise InvalidInput(f"ARGOSY_METRICS_LISTEN={listen}: {error}; choose another port") from error


def _prometheus(listen: str) -> PrometheusConfig:
    host, _, port = listen.rpartition(":")
    if not host or not re.fullmatch(r"\d{1,5}", port):
        raise InvalidInput(
            f"ARGOSY_METRICS_LISTEN={listen!r} is not host:port; write for example 127.0.0.1:9464"
        )
    return PrometheusConfig(
        bind_address=_numeric(host, int(port), listen),
        counters_total_suffix=True,
        unit_suffix=True,
        durations_as_seconds=True,
        histogram_bucket_overrides=dict(BUCKETS),
    )


def _numeric(host: str, port: int, listen: str) -> str:
    """The address with the host's number, which is all that the SDK understands."""
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    except (OSError, OverflowError) as error:
        raise InvalidInput(f"ARGOSY_METRICS_LISTEN={listen}: {error}; correct the host") from error
    number = str(found[0][4][0])
    return f"[{number}]:{port}" if ":" in number else f"{number}:{port}"
