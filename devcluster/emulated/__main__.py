"""`python -m devcluster.emulated DIRECTORY PORT COUNT`: serve emulated clusters until a signal comes."""

from __future__ import annotations

import argparse
import asyncio
import gc
import signal
import ssl
import sys
from asyncio.sslproto import SSLProtocol
from pathlib import Path

from aiohttp import web

from devcluster.certificates import Credentials
from devcluster.emulated.cluster import Cluster
from devcluster.emulated.fleet import NOTICE, names
from devcluster.emulated.server import Server
from devcluster.ports import LOOPBACK

BACKLOG = 4096
# Of each connection; the default of 256 KiB would be most of what a thousand clusters take.
SSLProtocol.max_size = 64 * 1024


def main() -> None:
    """Entry point of the process."""
    parser = argparse.ArgumentParser(prog="python -m devcluster.emulated", description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("port", type=int)
    parser.add_argument("count", type=int)
    arguments = parser.parse_args()
    sys.stderr.write(f"{NOTICE}\n")
    sys.stderr.flush()
    asyncio.run(serve(Credentials(arguments.directory / "pki"), arguments.port, arguments.count))


async def serve(credentials: Credentials, port: int, count: int) -> None:
    """Serve until SIGTERM or SIGINT."""
    token = credentials.admin_token
    clusters = {name: Cluster(name, seed=token) for name in names(count)}
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(credentials.serving_certificate, credentials.serving_key)
    runner = web.ServerRunner(web.Server(Server(clusters, token=token).answer, access_log=None))
    await runner.setup()
    # A full collection would walk what a thousand clusters begin with.
    gc.collect()
    gc.freeze()
    await web.TCPSite(
        runner, LOOPBACK, port, ssl_context=context, backlog=BACKLOG, shutdown_timeout=1
    ).start()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()


if __name__ == "__main__":
    main()
