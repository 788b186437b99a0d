"""A session with an API server under certain credentials, closed when its last user is done."""

from __future__ import annotations

import ssl
import tempfile
from asyncio.sslproto import SSLProtocol
from pathlib import Path
from typing import Any

import aiohttp
from kubernetes.aio.client import Configuration
from kubernetes.aio.client.rest import RESTClientObject
from multidict import CIMultiDict

from argosy import __version__
from argosy.errors import InvalidInput
from argosy.kube.kubeconfig import Access
from argosy.kube.service_account import Source

CONNECTIONS = 64
"""Sockets to one cluster at most."""
TLS_BUFFER = 64 * 1024
"""Bytes that every TLS connection of this process keeps for reading; a record of TLS has 16 KiB at most.

By default they are 256 KiB, which with a thousand clusters and their watches is most of a worker's memory.
"""
SSLProtocol.max_size = TLS_BUFFER


class Transport:
    """A session with certain credentials; a retired one is closed when its last user is done."""

    def __init__(self, access: Access, source: Source) -> None:
        self.access = access
        self.users = 0
        self.closed = False
        self._retired = False
        self._rest = _rest_client(access, source)

    async def request(
        self, method: str, url: str, *, headers: CIMultiDict[str], body: Any, timeout: aiohttp.ClientTimeout
    ) -> aiohttp.ClientResponse:
        headers["User-Agent"] = f"argosy/{__version__}"
        if self.access.authorization:
            headers["Authorization"] = self.access.authorization
        answer = await self._rest.request(  # type: ignore[no-untyped-call] # the library has no types
            method, self.access.server + url, headers=headers, body=body, _request_timeout=timeout
        )
        response: aiohttp.ClientResponse = answer.response
        return response

    async def returned(self) -> None:
        self.users -= 1
        await self._close_if_idle()

    async def retire(self) -> None:
        self._retired = True
        await self._close_if_idle()

    async def _close_if_idle(self) -> None:
        if self._retired and not self.users and not self.closed:
            self.closed = True
            await self._rest.close()


def _rest_client(access: Access, source: Source) -> RESTClientObject:
    configuration = Configuration()
    configuration.ca_cert_data = access.ca
    configuration.verify_ssl = access.verify
    # Like kubectl: authorities without the extensions that newer Python versions insist on are accepted.
    configuration.disable_strict_ssl_verification = True
    configuration.tls_server_name = access.server_name
    configuration.proxy = access.proxy
    configuration.connection_pool_maxsize = CONNECTIONS
    # The proxy is settled above; a .netrc has no say here, and reading it would cost every call a thread.
    configuration.client_session_kwargs = {"trust_env": False, "cookie_jar": aiohttp.DummyCookieJar()}
    try:
        if access.certificate is None:
            return RESTClientObject(configuration)
        # Certificates can be loaded from files only; these exist for as long as that takes.
        with tempfile.TemporaryDirectory(prefix="argosy-") as directory:
            certificate, key = Path(directory, "certificate"), Path(directory, "key")
            certificate.write_bytes(access.certificate[0])
            key.write_bytes(access.certificate[1])
            configuration.cert_file, configuration.key_file = str(certificate), str(key)
            return RESTClientObject(configuration)
    except ssl.SSLError as error:
        raise InvalidInput(
            f"{source}: the CA or the client certificate and key cannot be used ({error.reason or error}); "
            "correct them in the kubeconfig"
        ) from error
