"""OpenTelemetry traces through the command line, workflows and activities; off, and not even imported, by default.

Where traces go, and what they are called, is said by OpenTelemetry's own variables (`OTEL_EXPORTER_OTLP_ENDPOINT`,
`OTEL_SERVICE_NAME`, ...).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from argosy.config import traces_wanted

if TYPE_CHECKING:
    from temporalio.client import Interceptor

    from activities.tracing_sdk import Traces

_traces: Traces | None = None


def start(service: str) -> None:
    """Trace from now on, where OpenTelemetry's variables ask for it.

    Args:
        service: what this process is called, unless `OTEL_SERVICE_NAME` says otherwise.
    """
    global _traces  # noqa: PLW0603 - as with OpenTelemetry's own, there is one for each process
    if _traces is None and traces_wanted():
        from activities.tracing_sdk import Traces  # noqa: PLC0415 - costs nothing where nobody traces

        _traces = Traces(service)


def interceptors() -> Sequence[Interceptor]:
    """What carries traces through Temporal; nothing where there are none."""
    return () if _traces is None else (_traces.interceptor(),)


def span(name: str, **attributes: str | int) -> AbstractContextManager[Any]:
    """A span around what is done inside; nothing where nobody traces."""
    return nullcontext() if _traces is None else _traces.span(name, attributes)


def stop() -> None:
    """Send what has not been sent yet, within seconds; a collector that is away does not keep anybody."""
    global _traces  # noqa: PLW0603 - see `start`
    if _traces is not None:
        _traces.flush()
        _traces = None
