"""A TCP relay in front of a local member, which can be told to fail as networks do.

It runs in a thread of its own, so that it serves whatever the program around it does, and its methods may be
called from any thread.
"""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Coroutine
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from devcluster.ports import LOOPBACK, free_port
from devcluster.records import write_private

CHUNK = 65536
ANSWER = 5.0
"""Seconds within which the relay's own thread has to carry out what it is told."""

Mode = Literal["forward", "black hole", "refuse"]
T = TypeVar("T")


class Relay:
    """One listening port in front of one other port of this machine.

    What is on its way when packets begin to be dropped is delivered when they no longer are, as TCP does by sending
    again: also what a client has sent that has given up meanwhile.

    Args:
        target: the port of what is behind.
        port: where to listen; 0 finds one that is free.
    """

    def __init__(self, target: int, *, port: int = 0) -> None:
        self.target = target
        self.port = port or free_port()
        self._mode: Mode = "forward"
        self._delay = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._open = asyncio.Event()
        self._listener: socket.socket | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._serve, name=f"relay-{self.port}", daemon=True)

    @property
    def mode(self) -> Mode:
        """What it does at present."""
        return self._mode

    def start(self) -> Self:
        """Begin to listen.

        Raises:
            OSError: another process has the port.
        """
        self._loop = asyncio.new_event_loop()
        self._thread.start()
        self._do(self._forward())
        return self

    def forward(self, *, delay: float = 0.0) -> None:
        """Pass everything on, what was held back first.

        Args:
            delay: seconds that each piece takes longer, either way.
        """
        self._delay = delay
        self._do(self._forward())

    def black_hole(self) -> None:
        """Drop packets: connections stay open, new ones are taken, and nothing comes through either way."""
        self._do(self._black_hole())

    def refuse(self) -> None:
        """Break off every connection, and refuse new ones."""
        self._do(self._refuse())

    def close(self) -> None:
        """End everything; does nothing where it has not started, or has ended."""
        if self._loop is None or not self._thread.is_alive():
            return
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- in the relay's own thread ------------------------------------------------------------------------

    def _serve(self) -> None:
        if self._loop is None:
            raise RuntimeError("the loop is made before the thread")
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            self._loop.close()

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        if self._loop is None:
            work.close()
            raise RuntimeError("a relay is started before it is told anything")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(ANSWER)

    async def _forward(self) -> None:
        await self._listen()
        self._mode = "forward"
        self._open.set()

    async def _black_hole(self) -> None:
        await self._listen()
        self._mode = "black hole"
        self._open.clear()

    async def _refuse(self) -> None:
        self._mode = "refuse"
        await self._end()

    async def _listen(self) -> None:
        if self._listener is None:
            self._listener = listener = socket.create_server((LOOPBACK, self.port))
            listener.setblocking(False)
            asyncio.get_running_loop().add_reader(listener, self._accept, listener)

    async def _end(self) -> None:
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
            self._listener = None
        tasks = list(self._connections)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _accept(self, listener: socket.socket) -> None:
        """Take a connection, at once: a task that is cancelled in the wrong moment loses the one it has taken."""
        try:
            connection, _ = listener.accept()
        except (BlockingIOError, ConnectionError):
            # Whoever called has given up already.
            return
        connection.setblocking(False)
        task = asyncio.get_running_loop().create_task(self._connect(connection))
        self._connections.add(task)
        task.add_done_callback(partial(self._over, connection))

    def _over(self, connection: socket.socket, task: asyncio.Task[None]) -> None:
        self._connections.discard(task)
        # One that was cancelled before its first step has not let go of it.
        connection.close()

    async def _connect(self, connection: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=connection)
        behind: asyncio.StreamWriter | None = None
        try:
            # A connection that begins while packets are dropped gets no further than this.
            await self._open.wait()
            answers, behind = await asyncio.open_connection(LOOPBACK, self.target)
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pass_on(reader, behind))
                both.create_task(self._pass_on(answers, writer))
        except* OSError:
            # One side was broken off, so the other is.
            pass
        finally:
            for one in (writer, behind):
                if one is not None:
                    # A reset where something is left, not an orderly end.
                    one.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            data = await reader.read(CHUNK)
            if self._delay:
                await asyncio.sleep(self._delay)
            await self._open.wait()
            if not data:
                break
            writer.write(data)
            await writer.drain()
        with suppress(OSError):
            writer.write_eof()


def kubeconfig_through(relay: Relay, *, kubeconfig: Path, to: Path) -> Path:
    """A local member's kubeconfig that leads through a relay; written to `to`, which only its owner can read."""
    config = json.loads(kubeconfig.read_text(encoding="utf-8"))
    for entry in config["clusters"]:
        entry["cluster"]["server"] = f"https://{LOOPBACK}:{relay.port}"
    write_private(to, json.dumps(config, indent=1).encode())
    return to
