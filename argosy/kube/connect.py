"""Connections to member clusters, from kubeconfig files that stay where they are."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import yaml
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.config import ConfigException
from kubernetes.aio.config.kube_config import KubeConfigLoader

from argosy.api.cluster_connection import ConnectionReference
from argosy.errors import InvalidInput, Refused
from argosy.kube.errors import from_exception, from_status

TIMEOUT = 4.0
CONNECTIONS = 64

JSON = "application/json"
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


class Member:
    """An open connection to one member cluster; one attempt per call, no retries of its own."""

    def __init__(self, name: str, configuration: Configuration, *, read: tuple[Path, int]) -> None:
        self.name = name
        self.server = str(configuration.host)
        self.kubeconfig = read
        self._authorization = configuration.api_key.get("BearerToken")
        self._client = ApiClient(configuration)

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
        timeout: float = TIMEOUT,
        secret: bool = False,
    ) -> dict[str, Any]:
        """One request; the answer as an object.

        Args:
            what: what is being done, for error messages.
            secret: the object is a Secret; errors then do not repeat the server's text.

        Raises:
            ArgosyError: typed by what went wrong; see `argosy.kube.errors`.
        """
        status, headers, content = await self._send(
            method,
            path,
            what=what,
            query=query,
            body=body,
            content_type=content_type,
            accept=accept,
            timeout=timeout,
        )  # fmt: skip - one call
        if status >= 400:
            raise from_status(status, content, cluster=self.name, what=what, headers=headers, secret=secret)
        return json.loads(content) if content else {}

    async def text(self, path: str, *, what: str, timeout: float = TIMEOUT) -> tuple[int, str]:
        """One GET; the status and the raw text, whatever the status.

        Raises:
            Unreachable: there was no answer.
        """
        status, _, content = await self._send("GET", path, what=what, timeout=timeout, accept="*/*")
        return status, content.decode("utf-8", "replace")

    async def lines(self, path: str, *, what: str, query: Mapping[str, str]) -> AsyncIterator[dict[str, Any]]:
        """A streamed answer, one JSON object a line, until the server ends it.

        Raises:
            ArgosyError: as for `request`.
        """
        url = f"{self.server}{path}?{urlencode(query)}"
        unlimited = aiohttp.ClientTimeout(total=None, sock_connect=TIMEOUT)
        try:
            response = await self._client.rest_client.request(  # type: ignore[no-untyped-call] # untyped library
                "GET", url, headers=self._headers(JSON, METADATA), _request_timeout=unlimited
            )
            if response.status >= 400:
                raise from_status(
                    response.status,
                    await response.read(),
                    cluster=self.name,
                    what=what,
                    headers=response.headers,
                )  # fmt: skip - one call
            async for line in response.response.content:
                if line.strip():
                    yield json.loads(line)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise from_exception(error, cluster=self.name, server=self.server, what=what) from error

    async def close(self) -> None:
        """Close the connection's sockets."""
        await self._client.close()  # type: ignore[no-untyped-call] # untyped library

    async def _send(
        self,
        method: str,
        path: str,
        *,
        what: str,
        timeout: float,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = JSON,
        accept: str = JSON,
    ) -> tuple[int, Mapping[str, str], bytes]:
        url = f"{self.server}{path}" + (f"?{urlencode(query)}" if query else "")
        try:
            async with asyncio.timeout(timeout):
                response = await self._client.rest_client.request(  # type: ignore[no-untyped-call] # untyped library
                    method, url, headers=self._headers(content_type, accept), body=body
                )
                return response.status, response.headers, await response.read()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise from_exception(error, cluster=self.name, server=self.server, what=what) from error

    def _headers(self, content_type: str, accept: str) -> dict[str, str]:
        headers = {"Content-Type": content_type, "Accept": accept, "User-Agent": "argosy"}
        if self._authorization:
            headers["Authorization"] = self._authorization
        return headers


async def connect(name: str, reference: ConnectionReference, *, allow_exec: bool) -> Member:
    """Read a kubeconfig and prepare a connection; nothing is sent yet.

    Args:
        allow_exec: whether the kubeconfig may run an `exec` plugin on this machine.

    Raises:
        InvalidInput: the file is missing, unreadable or malformed, or has no such context.
        Refused: it wants to run a program and that is not allowed.
    """
    path = _path_of(reference)
    config = _parsed(path)
    user = _checked_context(config, reference, path)
    if "auth-provider" in user:
        raise InvalidInput(f"{path}: auth-provider is no longer supported; use a token, certificate or exec")
    if "exec" in user and not allow_exec:
        raise Refused(
            f"{path}: the user of {reference.context or 'the current context'} runs a program (exec); allow it on "
            "the worker with ARGOSY_KUBECONFIG_EXEC=true, or use a token or certificate"
        )
    configuration = Configuration()
    try:
        loader = KubeConfigLoader(  # type: ignore[no-untyped-call] # untyped library
            config_dict=config, active_context=reference.context, config_base_path=str(path.parent)
        )
        await loader.load_and_set(configuration)  # type: ignore[no-untyped-call] # untyped library
        if "exec" in user and "BearerToken" not in configuration.api_key and not configuration.cert_file:
            raise InvalidInput(f"{path}: the exec plugin gave no credentials; run it by hand to see why")
        configuration.connection_pool_maxsize = CONNECTIONS
        return Member(name, configuration, read=(path, path.stat().st_mtime_ns))
    except ConfigException as error:
        raise InvalidInput(f"{path}: {error}; correct the kubeconfig") from error
    except OSError as error:
        raise InvalidInput(
            f"{path}: {error.filename or ''} {error.strerror or error}; correct the kubeconfig"
        ) from error


class Members:
    """Open connections by cluster name, reopened when the reference or the kubeconfig changes."""

    def __init__(self, *, allow_exec: bool) -> None:
        self._allow_exec = allow_exec
        self._open: dict[str, tuple[ConnectionReference, Member]] = {}

    async def get(self, name: str, reference: ConnectionReference) -> Member:
        """The connection to a cluster; opened on first use.

        Raises:
            InvalidInput, Refused: as `connect`.
        """
        known = self._open.get(name)
        if known is not None and known[0] == reference and not _changed(known[1].kubeconfig):
            return known[1]
        member = await connect(name, reference, allow_exec=self._allow_exec)
        self._open[name] = (reference, member)
        if known is not None:
            await known[1].close()
        return member

    async def renewed(self, name: str, reference: ConnectionReference) -> Member:
        """The connection with its credentials read again, for a server that does not know them any more."""
        known = self._open.pop(name, None)
        if known is not None:
            await known[1].close()
        return await self.get(name, reference)

    async def close(self) -> None:
        """Close every connection."""
        for _, member in self._open.values():
            await member.close()
        self._open.clear()


def _changed(read: tuple[Path, int]) -> bool:
    path, modified = read
    try:
        return path.stat().st_mtime_ns != modified
    except OSError:
        # What is open goes on working; a missing file is reported when it is next needed.
        return False


def _path_of(reference: ConnectionReference) -> Path:
    return Path(reference.kubeconfig).expanduser()


def _parsed(path: Path) -> dict[str, Any]:
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InvalidInput(
            f"kubeconfig {path} does not exist on the worker; the worker reads it, so give a path that is valid there"
        ) from None
    except OSError as error:
        raise InvalidInput(
            f"kubeconfig {path} cannot be read: {error.strerror}; correct its permissions"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} is not YAML ({str(error).splitlines()[0]}); give a kubeconfig") from None
    if not isinstance(config, dict) or not isinstance(config.get("contexts"), list):
        raise InvalidInput(f"{path} is not a kubeconfig: it has no list of contexts")
    return config


def _checked_context(config: dict[str, Any], reference: ConnectionReference, path: Path) -> dict[str, Any]:
    names = [str(entry.get("name")) for entry in config["contexts"] if isinstance(entry, dict)]
    wanted = reference.context or config.get("current-context")
    if wanted not in names:
        asked = f"context {wanted!r}" if wanted else "a current context"
        raise InvalidInput(f"{path} has not {asked}; it has: {', '.join(names) or 'none'}")
    entry = next(entry for entry in config["contexts"] if entry.get("name") == wanted)
    user_name = (entry.get("context") or {}).get("user")
    users = [
        user for user in config.get("users") or [] if isinstance(user, dict) and user.get("name") == user_name
    ]
    user = users[0].get("user") if users else {}
    return user if isinstance(user, dict) else {}
