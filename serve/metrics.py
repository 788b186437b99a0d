"""What `argosy serve` counts and measures; served as the worker's metrics are, or nowhere."""

from __future__ import annotations

import time

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from temporalio.common import MetricMeter

from activities.metrics import REQUEST
from argosy.api.alerting import Result
from argosy.api.steering import SteerAction

_ELSEWHERE = "elsewhere"


class ServeMetrics:
    """The instruments of one process."""

    def __init__(self, meter: MetricMeter) -> None:
        self._duration = meter.create_histogram_float(REQUEST, "Answering one request.")
        self._requests = meter.create_counter("argosy_serve_requests", "Requests that were answered.")
        self._alerts = meter.create_counter("argosy_alerts", "Alerts by what became of them.")
        self._signals = meter.create_counter(
            "argosy_alert_signals", "Signals to clusters that alerts caused."
        )

    def requests(self) -> Middleware:
        """Counts every request by the endpoint and the status of its answer, and measures it."""

        @web.middleware
        async def counted(request: web.Request, handler: Handler) -> web.StreamResponse:
            began, code = time.monotonic(), 500
            try:
                response = await handler(request)
            except web.HTTPException as refusal:
                code = refusal.status
                raise
            else:
                code = response.status
                return response
            finally:
                # What callers make up must not become a label.
                resource = request.match_info.route.resource
                endpoint = resource.canonical if resource is not None else _ELSEWHERE
                self._requests.add(1, {"endpoint": endpoint, "code": str(code)})
                self._duration.record(time.monotonic() - began, {"endpoint": endpoint})

        return counted

    def alert(self, rule: str | None, result: Result) -> None:
        """An alert was dealt with, by the rule that matched it."""
        self._alerts.add(1, {"rule": rule or "", "result": result.value})

    def signal(self, cluster: str, action: SteerAction) -> None:
        """A cluster took a signal."""
        self._signals.add(1, {"cluster": cluster, "action": action.value})


OFF = ServeMetrics(MetricMeter.noop)
"""Where nobody asks."""
