"""What both services need of HTTP: bounded bodies, and answers that give nothing away."""

from __future__ import annotations

import asyncio

from aiohttp import web

from argosy.errors import InvalidInput

BODY_SECONDS = 15.0
"""Seconds that a caller has to send its body."""


async def body_of(request: web.Request, *, most: int) -> bytes:
    """The body of a request, of `most` bytes at most.

    Raises:
        HTTPRequestEntityTooLarge, HTTPRequestTimeout: it is larger, or does not come.
    """
    if request.content_length is not None and request.content_length > most:
        raise web.HTTPRequestEntityTooLarge(most, request.content_length)
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > most:
                    raise web.HTTPRequestEntityTooLarge(most, len(body))
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    return bytes(body)


def address_of(listen: str) -> tuple[str, int]:
    """Host and port of `host:port`; an IPv6 address is in brackets.

    Raises:
        InvalidInput: it is no such address.
    """
    host, _, port = listen.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdigit() or int(port) > 65535:
        raise InvalidInput(f"--listen {listen!r} is not host:port; write for example 127.0.0.1:8484")
    return host, int(port)
