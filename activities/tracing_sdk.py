"""Traces with OpenTelemetry's SDK, and Temporal's interceptor for entities that outlive the trace they began in."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, NoReturn

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span
from temporalio.api.common.v1 import Payload
from temporalio.contrib.opentelemetry import TracingInterceptor, TracingWorkflowInboundInterceptor
from temporalio.worker import (
    ContinueAsNewInput,
    HandleUpdateInput,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowOutboundInterceptor,
)

FLUSH_MS = 3000


class Traces:
    """The traces of one process, on their way to a collector.

    Args:
        service: what the process is called, unless `OTEL_SERVICE_NAME` says otherwise.
    """

    def __init__(self, service: str) -> None:
        resource = Resource({"service.name": service}).merge(OTELResourceDetector().detect())
        # Whoever began them ends them; a process that leaves by itself would do so a second time.
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("argosy")

    def interceptor(self) -> Tracing:
        """What carries traces through Temporal."""
        return Tracing(self._tracer)

    def span(self, name: str, attributes: Mapping[str, str | int]) -> AbstractContextManager[Span]:
        """A span around what is done inside."""
        named = {f"argosy.{key}": value for key, value in attributes.items()}
        return self._tracer.start_as_current_span(name, attributes=named)

    def flush(self) -> None:
        """Send what has not been sent yet."""
        self._provider.force_flush(FLUSH_MS)


class Tracing(TracingInterceptor):
    """A run belongs to the trace of the request that brought it about, not to that of the entity's first run."""

    def workflow_interceptor_class(
        self,
        input: WorkflowInterceptorClassInput,  # noqa: A002 - the name of the base
    ) -> type[TracingWorkflowInboundInterceptor]:
        """The interceptor of workflows; the original one sets up what it needs."""
        super().workflow_interceptor_class(input)
        return _Entity


class _Entity(TracingWorkflowInboundInterceptor):
    def __init__(self, next: WorkflowInboundInterceptor) -> None:  # noqa: A002 - the name of the base
        super().__init__(next)
        self.asked: Payload | None = None

    def init(self, outbound: WorkflowOutboundInterceptor) -> None:
        super().init(_NextRun(outbound, self))

    async def handle_update_handler(self, input: HandleUpdateInput) -> Any:  # noqa: A002 - the name of the base
        self.asked = input.headers.get(self.header_key, self.asked)
        return await super().handle_update_handler(input)


class _NextRun(WorkflowOutboundInterceptor):
    """Inside of the original one, so that it has the last word."""

    def __init__(self, next: WorkflowOutboundInterceptor, entity: _Entity) -> None:  # noqa: A002 - the name of the base
        super().__init__(next)
        self._entity = entity

    def continue_as_new(self, input: ContinueAsNewInput) -> NoReturn:  # noqa: A002 - the name of the base
        if self._entity.asked is not None:
            input.headers = {**input.headers, self._entity.header_key: self._entity.asked}
        super().continue_as_new(input)
