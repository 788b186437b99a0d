"""Connections to member clusters: one session each, one attempt a call, credentials renewed as they change."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp
from multidict import CIMultiDict
from pydantic_core import from_json, to_json

from argosy.api.access import AccessRules
from argosy.errors import ArgosyError, NotEstablished, Transient
from argosy.kube.catalog import Catalog
from argosy.kube.errors import Answer, from_answer, from_exception
from argosy.kube.kubeconfig import Access, read_access
from argosy.kube.service_account import Source
from argosy.kube.transport import Transport

TIMEOUT = 4.0
"""Seconds that one request may take, its answer included."""
IDLE_STREAM = 90.0
"""Seconds without a line after which a stream is taken for dead; API servers send a bookmark every minute."""
_LOOK_EVERY = 1.0
_RENEW_EVERY = 5.0

Headers = Iterable[tuple[str, str]]
"""Names and values; a name may come more than once."""
Opened = Callable[[], None] | None
"""Called when the server has accepted a watch, which may then be silent for a minute."""
JSON = "application/json"
# With the parameter, which servers pass over, the client library sends bytes as they are.
APPLY = "application/apply-patch+yaml; charset=utf-8"
MERGE = "application/merge-patch+json"
# Servers that cannot give the short form give the whole object, whose metadata is the same.
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"


@dataclass(frozen=True)
class Response:
    """An HTTP answer of any status."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Member:
    """An open connection to one member cluster; see `connect`.

    Attributes:
        name: the cluster's name, for messages.
        catalog: what the cluster serves, as last read by `argosy.kube.discovery`.
        discovering: held while the catalog is read.
        access: the rules for objects of propagations, kept by `argosy.kube.objects`; None permits everything.
    """

    def __init__(
        self,
        name: str,
        source: Source,
        access: Access,
        *,
        allow_exec: bool,
        timeout: float = TIMEOUT,
        access_rules: AccessRules | None = None,
    ) -> None:
        self.name = name
        self.access = access_rules
        self.timeout = timeout
        self.catalog: Catalog | None = None
        self.discovering = asyncio.Lock()
        self._source = source
        self._allow_exec = allow_exec
        self._transport = Transport(access, source)
        self._renewing = asyncio.Lock()
        self._looked = self._renewed = time.monotonic()

    @property
    def server(self) -> str:
        """URL of the API server."""
        return self._transport.access.server

    async def request(
        self,
        method: str,
        path: str,
        *,
        what: str,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = JSON,
        accept: str = JSON,
        headers: Headers = (),
        timeout: float | None = None,
        secret: bool = False,
    ) -> dict[str, Any]:
        """One request; the answer as an object.

        Args:
            what: what is being done, for error messages.
            timeout: seconds for the whole request, instead of the connection's own.
            secret: the object is a Secret; errors then do not repeat the server's text.

        Raises:
            ArgosyError: typed by what went wrong; see `argosy.kube.errors`.
        """
        response = await self.send(
            method,
            path,
            what=what,
            query=query,
            body=body,
            content_type=content_type,
            accept=accept,
            headers=headers,
            timeout=timeout,
        )
        self.check(response, what=what, path=path, secret=secret)
        return self.parsed(response, what=what)

    async def send(
        self,
        method: str,
        path: str,
        *,
        what: str,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = JSON,
        accept: str = JSON,
        headers: Headers = (),
        timeout: float | None = None,
    ) -> Response:
        """One request; the answer as it is, whatever its status.

        Where the server does not know the credentials (401) and they can be renewed, it is sent again with the new
        ones: the first had no effect.

        Raises:
            Unreachable: there was no answer in time.
        """
        await self._look()
        url = f"{path}?{urlencode(query)}" if query else path
        sent = CIMultiDict([("Content-Type", content_type), ("Accept", accept), *headers])
        # Several times faster than the library's way, which counts where a template goes to a thousand clusters.
        content = to_json(body) if content_type == APPLY else body
        limit = aiohttp.ClientTimeout(total=self.timeout if timeout is None else timeout)
        for _ in range(2):
            async with self._borrowed(what) as transport:
                raw = await transport.request(method, url, headers=sent.copy(), body=content, timeout=limit)
                response = Response(raw.status, raw.headers, await raw.read())
            if response.status != 401 or not await self._renew(transport):
                break
        return response

    async def stream(
        self, path: str, *, what: str, query: Mapping[str, str], accept: str = JSON, on_open: Opened = None
    ) -> AsyncGenerator[dict[str, Any]]:
        """A streamed answer, a JSON object a line, until the server ends it or falls silent; raises as `request`."""
        await self._look()
        endless = aiohttp.ClientTimeout(total=None, sock_connect=self.timeout, sock_read=IDLE_STREAM)
        async with self._borrowed(what) as transport:
            async with asyncio.timeout(self.timeout):
                raw = await transport.request(
                    "GET",
                    f"{path}?{urlencode(query)}",
                    headers=CIMultiDict({"Accept": accept}),
                    body=None,
                    timeout=endless,
                )
            try:
                if raw.status >= 400:
                    refused = Response(raw.status, raw.headers, await raw.read())
                    if raw.status == 401:
                        # The next attempt has the new credentials.
                        await self._renew(transport)
                    self.check(refused, what=what, path=path)
                if on_open is not None:
                    on_open()
                async for line in raw.content:
                    if line.strip():
                        yield self._decoded(line, what=what)
            except aiohttp.SocketTimeoutError:
                return
            finally:
                raw.close()

    def check(self, response: Response, *, what: str, path: str = "", secret: bool = False) -> None:
        """Raise the typed failure for a response of 400 and above."""
        if response.status < 400:
            return
        error = from_answer(
            Answer(
                status=response.status,
                body=response.body,
                headers=response.headers,
                cluster=self.name,
                what=what,
                path=path,
                secret=secret,
            )
        )
        if isinstance(error, NotEstablished):
            # The path came from the catalog, so that is out of date.
            self.catalog = None
        raise error

    def parsed(self, response: Response, *, what: str) -> dict[str, Any]:
        """The object in a response.

        Raises:
            Unreachable: whoever answered is no API server.
        """
        content = self._decoded(response.body, what=what)
        return content if isinstance(content, dict) else {}

    def _decoded(self, text: bytes, *, what: str) -> Any:
        try:
            # A third faster than the standard library, which matters for every event of every watch.
            return from_json(text)
        except ValueError as error:
            raise from_exception(error, cluster=self.name, server=self.server, what=what) from error

    async def close(self) -> None:
        """Close the connection's sockets as soon as nobody uses them any more."""
        await self._transport.retire()

    @asynccontextmanager
    async def _borrowed(self, what: str) -> AsyncIterator[Transport]:
        transport = self._transport
        if transport.closed:
            # Whoever still holds this connection gets the one that took its place by asking the pool again.
            raise Transient(f"{self.name}: {what}: the connection was replaced; it is tried again")
        transport.users += 1
        try:
            yield transport
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise from_exception(error, cluster=self.name, server=self.server, what=what) from error
        finally:
            await transport.returned()

    async def _look(self) -> None:
        """Read the credentials again where they have expired or their files have changed."""
        now = time.monotonic()
        if now - self._looked > _LOOK_EVERY:
            self._looked = now
            transport = self._transport
            if transport.access.expired() or transport.access.changed():
                await self._renew(transport)

    async def _renew(self, used: Transport) -> bool:
        """Whether there are other credentials now than the ones that were used."""
        async with self._renewing:
            if self._transport is not used:
                return True
            now = time.monotonic()
            # Many calls at once may find the credentials refused, and a plugin costs a process each time.
            if now - self._renewed < _RENEW_EVERY and not used.access.changed():
                return False
            self._renewed = now
            try:
                access = await read_access(self._source, allow_exec=self._allow_exec)
                if access == used.access:
                    used.access = access
                    return False
                self._transport = Transport(access, self._source)
            except ArgosyError:
                # What is open goes on working; should the server refuse it, that is what gets reported.
                return False
            await used.retire()
            return True


class Members:
    """Open connections by cluster name, opened on first use and reopened when its source changes."""

    def __init__(
        self, *, allow_exec: bool, timeout: float = TIMEOUT, access_rules: AccessRules | None = None
    ) -> None:
        self._allow_exec = allow_exec
        self._timeout = timeout
        self._access_rules = access_rules
        self._open: dict[str, tuple[Source, Member]] = {}
        self._opening: dict[str, asyncio.Lock] = {}

    async def get(self, name: str, source: Source) -> Member:
        """The connection to a cluster.

        Raises:
            InvalidInput, Refused, Unauthorized: as `connect`.
        """
        known = self._open.get(name)
        if known is not None and known[0] == source:
            return known[1]
        async with self._opening.setdefault(name, asyncio.Lock()):
            known = self._open.get(name)
            if known is not None and known[0] == source:
                return known[1]
            return await self._reopen(name, source)

    async def renewed(self, name: str, source: Source) -> Member:
        """A connection that was opened just now, whatever there was before.

        Raises:
            InvalidInput, Refused, Unauthorized: as `connect`.
        """
        async with self._opening.setdefault(name, asyncio.Lock()):
            return await self._reopen(name, source)

    async def close(self) -> None:
        """Close every connection."""
        for _, member in self._open.values():
            await member.close()
        self._open.clear()

    async def _reopen(self, name: str, source: Source) -> Member:
        member = await connect(
            name,
            source,
            allow_exec=self._allow_exec,
            timeout=self._timeout,
            access_rules=self._access_rules,
        )
        known = self._open.get(name)
        self._open[name] = (source, member)
        if known is not None:
            await known[1].close()
        return member


async def connect(
    name: str,
    source: Source,
    *,
    allow_exec: bool,
    timeout: float = TIMEOUT,
    access_rules: AccessRules | None = None,
) -> Member:
    """Read credentials on this machine and prepare a connection; nothing is sent yet.

    Args:
        name: the cluster's name, for messages.
        allow_exec: whether the kubeconfig may run an `exec` plugin on this machine.
        timeout: seconds that one request may take.
        access_rules: what objects may be touched, and as whom; None permits everything.

    Raises:
        InvalidInput: a file is missing, unreadable or malformed, or there is no such context.
        Refused: the kubeconfig asks for something that is not allowed or not supported.
        Unauthorized: its plugin gave no credentials.
    """
    access = await read_access(source, allow_exec=allow_exec)
    return Member(name, source, access, allow_exec=allow_exec, timeout=timeout, access_rules=access_rules)
