"""The worker's health endpoint: `GET /healthz` for liveness and `/readyz` for polling."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from argosy.errors import InvalidInput


@asynccontextmanager
async def serve_health(listen: str, *, ready: Callable[[], bool]) -> AsyncIterator[None]:
    """Serve while the block runs; an empty `listen` serves nothing.

    Args:
        listen: host:port.
        ready: whether the worker polls.

    Raises:
        InvalidInput: `listen` is no address, or it is taken.
    """
    if not listen:
        yield
        return
    host, _, port = listen.rpartition(":")
    if not host or not port.isdigit():
        raise InvalidInput(
            f"ARGOSY_HEALTH_LISTEN={listen!r} is not host:port; write for example 127.0.0.1:8080"
        )

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n") if ready() else web.Response(status=503, text="not polling\n")

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz)])
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, int(port)).start()
    except OSError as error:
        await runner.cleanup()
        raise InvalidInput(f"ARGOSY_HEALTH_LISTEN={listen}: {error.strerror}; choose another port") from error
    try:
        yield
    finally:
        await runner.cleanup()
