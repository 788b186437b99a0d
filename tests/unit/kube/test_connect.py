"""Connections against servers that misbehave, over real sockets, and the pool of connections."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from argosy.api.cluster_connection import ConnectionReference
from argosy.errors import InvalidInput, Transient, Unauthorized, Unreachable
from argosy.kube import connect as connect_module
from argosy.kube.connect import Members, connect
from devcluster import certificates

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def kubeconfig(
    path: Path, server: str, *, token: str = "t", cluster: dict[str, Any] | None = None
) -> ConnectionReference:
    user: dict[str, Any] = {"token": token}
    content = {
        "current-context": "x",
        "clusters": [{"name": "x", "cluster": {"server": server, **(cluster or {})}}],
        "users": [{"name": "x", "user": user}],
        "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
    }
    path.write_text(json.dumps(content), encoding="utf-8")
    return ConnectionReference(kubeconfig=str(path))


@asynccontextmanager
async def listening(handler: Handler) -> AsyncIterator[int]:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handler(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def answering(status: str, body: bytes) -> Handler:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.write(
            f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        )
        await writer.drain()

    return answer


async def black_hole(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def drop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")


async def ask(reference: ConnectionReference) -> dict[str, Any]:
    member = await connect("m1", reference, allow_exec=False, timeout=0.5)
    try:
        return await member.request("GET", "/version", what="read its version")
    finally:
        await member.close()


@pytest.mark.parametrize(
    ("scheme", "handler", "says"),
    [
        ("http", black_hole, "does not answer in time"),
        ("https", black_hole, "does not answer in time"),
        ("http", drop, "broke"),
        ("https", answering("400 Bad Request", b""), "TLS with"),
        ("http", answering("200 OK", b"<html>login</html>"), "does not answer as an API server does"),
        ("http", answering("200 OK", b""), "does not answer as an API server does"),
    ],
)
async def test_whoever_is_no_api_server_is_unreachable(
    tmp_path: Path, scheme: str, handler: Handler, says: str
) -> None:
    async with listening(handler) as port:
        reference = kubeconfig(tmp_path / "config", f"{scheme}://127.0.0.1:{port}")
        with pytest.raises(Unreachable, match=says):
            await ask(reference)


async def test_nobody_listens(tmp_path: Path) -> None:
    async with listening(drop) as port:
        pass
    with pytest.raises(Unreachable, match="refuses connections"):
        await ask(kubeconfig(tmp_path / "config", f"https://127.0.0.1:{port}"))


async def test_a_name_that_does_not_resolve(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match=r"does not resolve|in time"):
        await ask(kubeconfig(tmp_path / "config", "https://no-such-host.invalid"))


async def test_a_proxy_that_is_not_there(tmp_path: Path) -> None:
    async with listening(drop) as port:
        pass
    proxy = {"proxy-url": f"http://127.0.0.1:{port}"}
    with pytest.raises(Unreachable, match="proxy"):
        await ask(kubeconfig(tmp_path / "config", "https://10.255.255.1:6443", cluster=proxy))


async def test_a_proxy_passes_requests_on(tmp_path: Path) -> None:
    async with listening(answering("200 OK", b'{"via": "proxy"}')) as port:
        proxy = {"proxy-url": f"http://127.0.0.1:{port}"}
        answer = await ask(kubeconfig(tmp_path / "config", "http://10.255.255.1", cluster=proxy))
    assert answer == {"via": "proxy"}


@pytest.mark.parametrize(
    "data",
    ["bm9uc2Vuc2U=", "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCkFBQUEKLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQ=="],
)
async def test_a_ca_that_is_none(tmp_path: Path, data: str) -> None:
    cluster = {"certificate-authority-data": data}
    with pytest.raises(InvalidInput, match="CA or the client certificate"):
        await connect(
            "m1", kubeconfig(tmp_path / "config", "https://host", cluster=cluster), allow_exec=False
        )


async def test_private_keys_do_not_stay_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    files = certificates.create(tmp_path / "pki", name="m1")
    reference = kubeconfig(tmp_path / "config", "https://127.0.0.1:1")
    content = json.loads((tmp_path / "config").read_text(encoding="utf-8"))
    content["users"][0]["user"] = {
        "client-certificate": str(files.client_certificate),
        "client-key": str(files.client_key),
    }
    (tmp_path / "config").write_text(json.dumps(content), encoding="utf-8")
    member = await connect("m1", reference, allow_exec=False)
    assert list(temporary.iterdir()) == []
    await member.close()


class Guarded:
    """A server that knows one token, and counts what it is asked."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.asked: list[str] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        given = head.partition("Authorization: Bearer ")[2].partition("\r\n")[0]
        self.asked.append(given)
        status, body = ("200 OK", b'{"ok": true}') if given == self.token else ("401 Unauthorized", b"")
        text = f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(text.encode() + body)
        await writer.drain()


async def test_credentials_are_read_again_when_they_are_refused(tmp_path: Path) -> None:
    server = Guarded("old")
    async with listening(server) as port:
        url = f"http://127.0.0.1:{port}"
        member = await connect("m1", kubeconfig(tmp_path / "config", url, token="old"), allow_exec=False)
        await member.request("GET", "/", what="look")
        server.token = "new"
        kubeconfig(tmp_path / "config", url, token="new")
        answers = await asyncio.gather(*(member.request("GET", "/", what="look") for _ in range(5)))
        assert answers == [{"ok": True}] * 5
        assert server.asked.count("old") <= 1 + 5
        await member.close()


async def test_refused_credentials_that_stay_the_same_are_tried_once(tmp_path: Path) -> None:
    server = Guarded("other")
    async with listening(server) as port:
        reference = kubeconfig(tmp_path / "config", f"http://127.0.0.1:{port}", token="mine")
        with pytest.raises(Unauthorized, match="renew") as caught:
            await ask(reference)
    assert server.asked == ["mine"]
    assert caught.value.retryable
    assert "mine" not in str(caught.value)


async def test_a_broken_kubeconfig_does_not_end_what_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connect_module, "_LOOK_EVERY", 0.0)
    server = Guarded("mine")
    async with listening(server) as port:
        reference = kubeconfig(tmp_path / "config", f"http://127.0.0.1:{port}", token="mine")
        member = await connect("m1", reference, allow_exec=False)
        for content in ("{", "", "contexts: []"):
            (tmp_path / "config").write_text(content, encoding="utf-8")
            assert await member.request("GET", "/", what="look") == {"ok": True}
        await member.close()


async def test_renewal_waits_for_those_who_are_under_way(tmp_path: Path) -> None:
    """A slow request with the old credentials is not cut off by a fast one that renews them."""
    release, started = asyncio.Event(), asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        if "/slow" in head:
            started.set()
            await release.wait()
        body = b'{"old": true}' if "Bearer old" in head else b'{"old": false}'
        status = "401 Unauthorized" if "Bearer old" in head and "/fast" in head else "200 OK"
        text = f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(text.encode() + body)
        await writer.drain()

    async with listening(slow) as port:
        url = f"http://127.0.0.1:{port}"
        member = await connect("m1", kubeconfig(tmp_path / "config", url, token="old"), allow_exec=False)
        first = asyncio.create_task(member.request("GET", "/slow", what="look"))
        await started.wait()
        kubeconfig(tmp_path / "config", url, token="new")
        assert await member.request("GET", "/fast", what="look") == {"old": False}
        release.set()
        assert await first == {"old": True}
        await member.close()


class TestPool:
    async def test_one_connection_for_each_cluster(self, tmp_path: Path) -> None:
        members = Members(allow_exec=False)
        one = kubeconfig(tmp_path / "one", "https://one")
        two = kubeconfig(tmp_path / "two", "https://two")
        opened = await asyncio.gather(*(members.get("m1", one) for _ in range(5)))
        assert len(set(opened)) == 1
        assert await members.get("m2", two) is not opened[0]
        assert (await members.get("m1", two)).server == "https://two"
        assert await members.renewed("m1", two) is not await members.get("m2", two)
        await members.close()

    async def test_renewed_opens_anew(self, tmp_path: Path) -> None:
        members = Members(allow_exec=False)
        reference = kubeconfig(tmp_path / "one", "https://one")
        first = await members.get("m1", reference)
        second = await members.renewed("m1", reference)
        assert first is not second
        with pytest.raises(Transient, match="replaced"):
            await first.request("GET", "/", what="look")
        assert await members.get("m1", reference) is second
        await members.close()

    async def test_a_failure_to_open_is_not_kept(self, tmp_path: Path) -> None:
        members = Members(allow_exec=False)
        reference = ConnectionReference(kubeconfig=str(tmp_path / "config"))
        with pytest.raises(InvalidInput):
            await members.get("m1", reference)
        kubeconfig(tmp_path / "config", "https://one")
        assert (await members.get("m1", reference)).server == "https://one"
        await members.close()
