"""Reading a kubeconfig: from a file and a context to what a connection needs, and nothing is guessed.

What kubectl would act upon and Argosy does not is refused, never skipped: a connection with other rights than the
file says is worse than none.
"""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from argosy.api.cluster_connection import ConnectionReference
from argosy.errors import InvalidInput, Refused
from argosy.kube.exec_plugin import ExecPlugin, run_plugin
from argosy.kube.service_account import ServiceAccount, Source

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# A certificate or token that ends within this many seconds is renewed first.
_EXPIRY_MARGIN = 10.0


@dataclass(frozen=True)
class FileStamp:
    """A file as it was when it was read; a rotated one differs, also behind a symbolic link."""

    path: Path
    mark: tuple[int, int, int]

    @classmethod
    def of(cls, path: Path) -> FileStamp:
        """Raises OSError where there is no such file."""
        status = path.stat()
        return cls(path, (status.st_mtime_ns, status.st_ino, status.st_size))

    def changed(self) -> bool:
        """Whether there is another content now; a file that is missing for a moment has not changed."""
        try:
            return FileStamp.of(self.path) != self
        except OSError:
            return False


@dataclass(frozen=True)
class Access:
    """How to reach an API server, and as whom; held in memory only.

    Attributes:
        authorization: value of the HTTP header, if any.
        certificate: client certificate chain and key, PEM.
        expires: seconds since the epoch after which the credentials are of no use, where that is known.
        files: everything that was read, to notice when it changes.
    """

    server: str
    ca: str | None = field(default=None, repr=False)
    verify: bool = True
    server_name: str | None = None
    proxy: str | None = field(default=None, repr=False)
    authorization: str | None = field(default=None, repr=False)
    certificate: tuple[bytes, bytes] | None = field(default=None, repr=False)
    expires: float | None = field(default=None, compare=False)
    files: tuple[FileStamp, ...] = field(default=(), compare=False, repr=False)

    def expired(self) -> bool:
        """Whether the credentials are known to be of no use any more."""
        return self.expires is not None and time.time() > self.expires - _EXPIRY_MARGIN

    def changed(self) -> bool:
        """Whether a file that was read has another content now."""
        return any(stamp.changed() for stamp in self.files)


async def read_access(source: Source, *, allow_exec: bool) -> Access:
    """Read a kubeconfig and the files that it names, or a pod's account; runs the plugin where there is one.

    Args:
        allow_exec: whether a program that the kubeconfig names may be run on this machine.

    Raises:
        InvalidInput: a file is missing, unreadable or malformed, or there is no such context.
        Refused: it wants to run a program and that is not allowed.
    """
    if isinstance(source, ServiceAccount):
        return _of_pod(source)
    path, config = _load(source)
    context_name, context = _context(config, source, path)
    cluster = _named(config.clusters, context.cluster, what="cluster", path=path).cluster
    user = _named(config.users, context.user, what="user", path=path).user if context.user else _User()
    reader = _Reader(path)
    try:
        access = _reach(cluster, reader)
        return await _authenticate(access, user, reader, context=context_name, allow_exec=allow_exec)
    except OSError as error:
        raise InvalidInput(
            f"{path}: {error.filename} cannot be read ({error.strerror}); correct the path or its permissions"
        ) from error


def _of_pod(account: ServiceAccount) -> Access:
    token, authority = account.directory / "token", account.directory / "ca.crt"
    try:
        files = (FileStamp.of(token), FileStamp.of(authority))
        content, ca = token.read_text(encoding="utf-8").strip(), authority.read_text(encoding="ascii")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise InvalidInput(
            f"{account} cannot be read: {reason}; mount it (automountServiceAccountToken), "
            "or name a kubeconfig with --kubeconfig"
        ) from error
    return Access(server=account.server, ca=ca, authorization=f"Bearer {content}", files=files)


def _reach(cluster: _Cluster, reader: _Reader) -> Access:
    path, parts = reader.path, urlsplit(cluster.server)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise InvalidInput(f"{path}: server {cluster.server!r} is not a URL; write it like https://host:6443")
    ca = reader.content(cluster.certificate_authority_data, cluster.certificate_authority, what="CA")
    if ca and cluster.insecure_skip_tls_verify:
        raise InvalidInput(
            f"{path}: insecure-skip-tls-verify and a CA exclude each other; remove one of them"
        )
    proxy = cluster.proxy_url or _environment_proxy(parts.scheme, parts.hostname)
    if proxy and urlsplit(proxy).scheme not in {"http", "https"}:
        raise InvalidInput(f"{path}: only http and https proxies are supported; correct proxy-url")
    return Access(
        server=cluster.server.rstrip("/"),
        ca=ca.decode("ascii", "replace") if ca else None,
        verify=not cluster.insecure_skip_tls_verify,
        server_name=cluster.tls_server_name or None,
        proxy=proxy,
    )


async def _authenticate(
    access: Access, user: _User, reader: _Reader, *, context: str, allow_exec: bool
) -> Access:
    path = reader.path
    if user.auth_provider is not None:
        raise Refused(f"{path}: auth-provider is not supported any more; use a token, a certificate or exec")
    if user.impersonate:
        raise Refused(f"{path}: impersonation (as) is not supported; give the credentials of that user")
    certificate = _pair(
        reader.content(user.client_certificate_data, user.client_certificate, what="client certificate"),
        reader.content(user.client_key_data, user.client_key, what="client key"),
        path=path,
    )
    authorization, expires = _static_authorization(user, reader), None
    if user.exec is not None and authorization is None:
        if not allow_exec:
            raise Refused(
                f"{path}: context {context} runs a program ({user.exec.command}); allow it on the worker with "
                "ARGOSY_KUBECONFIG_EXEC=true, or use a token or a certificate"
            )
        given = await run_plugin(user.exec, kubeconfig=path, server=access.server, ca=access.ca)
        authorization, expires = given.authorization, given.expires
        certificate = given.certificate or certificate
    return Access(
        server=access.server,
        ca=access.ca,
        verify=access.verify,
        server_name=access.server_name,
        proxy=access.proxy,
        authorization=authorization,
        certificate=certificate,
        expires=expires,
        files=tuple(reader.stamps),
    )


def _static_authorization(user: _User, reader: _Reader) -> str | None:
    # As for kubectl, the file wins over the token beside it.
    if user.token_file:
        token = reader.file(user.token_file).decode("utf-8", "replace").strip()
        if not token or not token.isprintable():
            raise InvalidInput(
                f"{reader.path}: tokenFile {user.token_file} holds no token; write one into it"
            )
        return f"Bearer {token}"
    if user.token:
        return f"Bearer {user.token.strip()}"
    if user.username:
        pair = f"{user.username}:{user.password or ''}".encode()
        return f"Basic {base64.b64encode(pair).decode()}"
    return None


def _pair(certificate: bytes | None, key: bytes | None, *, path: Path) -> tuple[bytes, bytes] | None:
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise InvalidInput(f"{path}: client-certificate and client-key belong together; give both")
    if b"ENCRYPTED" in key:
        # TLS libraries would stop and ask for the passphrase on a terminal.
        raise InvalidInput(f"{path}: the client key is encrypted; give one without a passphrase")
    return certificate, key


def _environment_proxy(scheme: str, host: str) -> str | None:
    """The proxy that the worker's environment asks for (HTTPS_PROXY, NO_PROXY), never for this very machine."""
    try:
        local = ip_address(host).is_loopback
    except ValueError:
        local = host == "localhost"
    return None if local or proxy_bypass(host) else getproxies().get(scheme)


class _Reader:
    """Reads what a kubeconfig refers to, relative to it, and remembers what was read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.stamps = [FileStamp.of(path)]

    def file(self, name: str) -> bytes:
        path = self.path.parent / name
        self.stamps.append(FileStamp.of(path))
        return path.read_bytes()

    def content(self, data: str | None, name: str | None, *, what: str) -> bytes | None:
        """Inline data (base64), which wins, or the content of a file."""
        if not data:
            return self.file(name) if name else None
        try:
            return base64.b64decode("".join(data.split()), validate=True)
        except (binascii.Error, ValueError):
            raise InvalidInput(f"{self.path}: the data of the {what} is not base64; correct it") from None


# -- the file's shape -------------------------------------------------------------------------------------


class _Part(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        alias_generator=lambda name: name.replace("_", "-"),
        populate_by_name=True,
        hide_input_in_errors=True,
    )


class _Cluster(_Part):
    server: str = ""
    certificate_authority: str | None = None
    certificate_authority_data: str | None = None
    insecure_skip_tls_verify: bool = False
    tls_server_name: str | None = None
    proxy_url: str | None = None


class _User(_Part):
    token: str | None = None
    token_file: str | None = Field(default=None, alias="tokenFile")
    client_certificate: str | None = None
    client_certificate_data: str | None = None
    client_key: str | None = None
    client_key_data: str | None = None
    username: str | None = None
    password: str | None = None
    impersonate: str | None = Field(default=None, alias="as")
    auth_provider: dict[str, Any] | None = None
    exec: ExecPlugin | None = None


class _Context(_Part):
    cluster: str = ""
    user: str = ""


class _NamedCluster(_Part):
    name: str
    cluster: _Cluster


class _NamedUser(_Part):
    name: str
    user: _User


class _NamedContext(_Part):
    name: str
    context: _Context


class _Config(_Part):
    clusters: tuple[_NamedCluster, ...] | None = None
    users: tuple[_NamedUser, ...] | None = None
    contexts: tuple[_NamedContext, ...] | None = None
    current_context: str | None = None


_Entry = TypeVar("_Entry", _NamedCluster, _NamedUser, _NamedContext)


def _context(config: _Config, reference: ConnectionReference, path: Path) -> tuple[str, _Context]:
    wanted = reference.context or config.current_context
    if not wanted:
        names = ", ".join(sorted(entry.name for entry in config.contexts or ())) or "none"
        raise InvalidInput(f"{path} has no current context; name one of its contexts: {names}")
    return wanted, _named(config.contexts, wanted, what="context", path=path).context


def _named(entries: Sequence[_Entry] | None, name: str, *, what: str, path: Path) -> _Entry:
    found = [entry for entry in entries or () if entry.name == name]
    if len(found) == 1:
        return found[0]
    if found:
        raise InvalidInput(f"{path} has {what} {name!r} {len(found)} times; remove all but one")
    names = ", ".join(sorted(entry.name for entry in entries or ())) or "none"
    raise InvalidInput(f"{path} has no {what} {name!r}; it has: {names}")


def _load(reference: ConnectionReference) -> tuple[Path, _Config]:
    path = Path(reference.kubeconfig).expanduser()
    try:
        return path, _parsed(FileStamp.of(path))
    except FileNotFoundError:
        raise InvalidInput(
            f"kubeconfig {path} does not exist on the worker; the worker reads it, so give a path that is valid there"
        ) from None
    except OSError as error:
        raise InvalidInput(
            f"kubeconfig {path} cannot be read ({error.strerror}); correct the path or its permissions"
        ) from error


# Many clusters may live in one large file; it is parsed once.
@lru_cache(maxsize=8)
def _parsed(stamp: FileStamp) -> _Config:
    path = stamp.path
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 - a safe loader
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" (line {mark.line + 1})" if mark else ""
        # The parser's own words may quote a credential.
        raise InvalidInput(f"{path} is not YAML{line}; give a kubeconfig") from None
    if not isinstance(content, dict):
        raise InvalidInput(f"{path} is not a kubeconfig; give the path of one")
    try:
        return _Config.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InvalidInput(f"{path}: {where}: {first['msg']}; correct the kubeconfig") from None
