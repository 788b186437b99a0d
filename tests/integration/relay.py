"""TLS that demands client certificates, in front of a server that speaks none: as a gateway or a mesh would be."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from devcluster.certificates import Credentials
from devcluster.ports import LOOPBACK


@contextmanager
def tls_in_front_of(address: str, credentials: Credentials) -> Iterator[str]:
    """Relay to `address`, for callers with a certificate of the credentials' CA only; where it listens."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(credentials.serving_certificate, credentials.serving_key)
    context.load_verify_locations(credentials.ca)
    context.verify_mode = ssl.CERT_REQUIRED
    context.set_alpn_protocols(["h2"])
    host, _, port = address.rpartition(":")

    relaying: set[asyncio.Task[None]] = set()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        relaying.add(task)
        inner_reader, inner_writer = await asyncio.open_connection(host, int(port))
        with suppress(OSError):
            await asyncio.gather(_copy(reader, inner_writer), _copy(inner_reader, writer))

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def listen() -> asyncio.Server:
        return await asyncio.start_server(relay, LOOPBACK, 0, ssl=context)

    server = asyncio.run_coroutine_threadsafe(listen(), loop).result(10)
    yield f"{LOOPBACK}:{server.sockets[0].getsockname()[1]}"

    async def end() -> None:
        server.close()
        for task in relaying:
            task.cancel()
        await asyncio.gather(*relaying, return_exceptions=True)

    asyncio.run_coroutine_threadsafe(end(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while content := await reader.read(65536):
            writer.write(content)
            await writer.drain()
    finally:
        writer.close()
