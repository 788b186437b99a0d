"""What observers tell propagations, noted on its way."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from temporalio.client import Interceptor, OutboundInterceptor, SignalWorkflowInput

from argosy.api.observation import Observed


class Sent(Interceptor):
    """Every signal that a client sends, and when."""

    def __init__(self) -> None:
        self.signals: list[tuple[float, str, Observed]] = []

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:  # noqa: A002 - the SDK's name
        return _Noting(next, self)


class _Noting(OutboundInterceptor):
    def __init__(self, following: OutboundInterceptor, sent: Sent) -> None:
        super().__init__(following)
        self._sent = sent

    async def signal_workflow(self, input: SignalWorkflowInput) -> None:  # noqa: A002 - the SDK's name
        self._sent.signals.append((time.monotonic(), input.id, input.args[0]))
        await super().signal_workflow(input)


async def until(holds: Any, seconds: float) -> None:
    """Wait until something holds, for so many seconds at most."""
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.02)
