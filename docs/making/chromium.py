"""Pictures of web pages, by a Chromium without a window that is told what to do over its debugging socket."""

from __future__ import annotations

import asyncio
import base64
import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

WIDTH, HEIGHT = 1500, 900
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_SECONDS = 30.0
_POLL = 0.5
_TEXT = """[document, ...[...document.querySelectorAll('iframe')].map(frame => frame.contentDocument)]
    .map(one => one?.body?.innerText ?? '').join(' ')"""
"""JavaScript for what a page says, with what is embedded in it."""


class Browser:
    """One page of a running Chromium."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._calls = 0

    async def show(self, url: str, *, tab: str, until: str, prepare: str) -> None:
        """Open a page, and wait until its text has all that is expected.

        Args:
            tab: the end of the address of a link that is followed then; empty is none.
            until: texts, separated by `|`.
            prepare: JavaScript that runs before the page's own.

        Raises:
            TimeoutError: it did not come within half a minute; says what was there instead.
        """
        await self._call("Page.addScriptToEvaluateOnNewDocument", source=prepare)
        await self._call(
            "Emulation.setDeviceMetricsOverride",
            width=WIDTH,
            height=HEIGHT,
            deviceScaleFactor=1,
            mobile=False,
        )
        await self._call("Page.navigate", url=url)
        deadline = asyncio.get_running_loop().time() + _SECONDS
        text = ""
        while not all(part in text for part in until.split("|")):
            if asyncio.get_running_loop().time() > deadline:
                raise TimeoutError(f"{url} does not show {until!r}, but: {text[:2000]}")
            await asyncio.sleep(_POLL)
            if tab and not str(await self._evaluate("location.pathname")).endswith(tab):
                await self._evaluate(f"document.querySelector('a[href$=\"/{tab}\"]')?.click()")
            text = str(await self._evaluate(_TEXT))
        await asyncio.sleep(1)  # fonts and icons are drawn a moment later

    async def picture(self) -> bytes:
        """What is seen, as a PNG."""
        answer = await self._call("Page.captureScreenshot", format="png")
        return base64.b64decode(answer["data"])

    async def _evaluate(self, script: str) -> Any:
        """The value of a JavaScript expression in the page."""
        answer = await self._call("Runtime.evaluate", expression=script)
        return answer["result"].get("value")

    async def _call(self, method: str, **params: Any) -> Any:
        self._calls += 1
        await self._socket.send_json({"id": self._calls, "method": method, "params": params})
        async with asyncio.timeout(_SECONDS):
            while True:
                answer = await self._socket.receive_json()
                if answer.get("id") == self._calls:
                    return answer["result"]


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    """Start Chromium, and end it.

    Raises:
        FileNotFoundError: none is installed.
    """
    binary = next(filter(None, map(shutil.which, _NAMES)), None)
    if binary is None:
        raise FileNotFoundError(f"no browser is installed; install one of {', '.join(_NAMES)}")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = [
            "--headless=new",
            "--disable-gpu",
            "--remote-debugging-port=0",
            f"--user-data-dir={profile}",
        ]
        options += [f"--window-size={WIDTH},{HEIGHT}", "--force-device-scale-factor=1", "--hide-scrollbars"]
        options += ["--no-sandbox"] if os.geteuid() == 0 else []
        process = await asyncio.create_subprocess_exec(
            binary,
            *options,
            "about:blank",
            stderr=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
        )
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.ws_connect(await _page(session, await _port(process)), max_msg_size=0) as socket,
            ):
                found = Browser(socket)
                await found._call("Page.enable")  # noqa: SLF001 - its maker
                yield found
        finally:
            process.terminate()
            await process.wait()


async def _port(process: asyncio.subprocess.Process) -> int:
    assert process.stderr is not None
    async with asyncio.timeout(_SECONDS):
        async for line in process.stderr:
            found = re.search(rb"DevTools listening on ws://[^:]+:(\d+)/", line)
            if found:
                return int(found[1])
    raise ConnectionError("the browser ended at once")


async def _page(session: aiohttp.ClientSession, port: int) -> str:
    async with session.get(f"http://127.0.0.1:{port}/json/list") as response:
        pages = [page for page in await response.json() if page["type"] == "page"]
        return str(pages[0]["webSocketDebuggerUrl"])
