"""From whatever goes wrong on the way to a member cluster to a typed failure: one table.

What API servers answer was measured on kube-apiserver 1.36; two answers differ from what their codes suggest. A
server-side apply whose `metadata.uid` is not that of the live object gets 422 (409 where there is no object), and
one that does not fit the schema gets 500 without a reason.
"""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from argosy.errors import (
    Absent,
    ArgosyError,
    Conflict,
    Expired,
    Forbidden,
    Immutable,
    NamespaceMissing,
    NotEstablished,
    Raced,
    Rejected,
    Terminating,
    Throttled,
    Transient,
    Unauthorized,
    Unreachable,
)

UNAUTHORIZED_DELAY = 30.0
"""Seconds until credentials that a server does not know are tried again; rotating them takes a person or a cron."""
THROTTLED_DELAY = 1.0
"""Seconds to wait where a server asks for patience and does not say how much."""
TERMINATING_DELAY = 2.0
"""Seconds until a namespace or object that is being deleted is looked at again."""
_MAX_TEXT = 500
_WITHHELD = "the values of a Secret are not repeated here"
# As the API servers put it for a Job, a Service, a StatefulSet and a PersistentVolumeClaim.
_IMMUTABLE = re.compile(r"immutable|may not change once set|for fields other than .* are forbidden")
_DENIED = re.compile(
    r'User "(?P<user>[^"]*)" cannot (?P<verb>\S+) (?:path "(?P<path>[^"]*)"|'
    r'resource "(?P<resource>[^"]*)" in API group "(?P<group>[^"]*)"'
    r'(?: in the namespace "(?P<namespace>[^"]*)")?)'
)
# Kubernetes 1.22 for Services, and perhaps API servers of other makes; elsewhere the object comes into being.
_WANTS_NO_VERSION = re.compile(r"resourceVersion should not be set on objects to be created")
# Server-side apply reports a manifest that it cannot read as an internal error.
_UNREADABLE = re.compile(
    r"failed to create typed patch object|failed to convert new object|error decoding from json"
)


@dataclass(frozen=True)
class Answer:
    """An HTTP answer of 400 and above, and what was asked for.

    Attributes:
        what: what was being done, such as `apply Deployment default/web`.
        path: the URL path that was asked.
        secret: the object is a Secret, so the server's text, which may quote it, is not repeated.
    """

    status: int
    body: bytes
    headers: Mapping[str, str]
    cluster: str
    what: str
    path: str = ""
    secret: bool = False

    @property
    def where(self) -> str:
        return f"{self.cluster}: {self.what}"

    @property
    def retry_after(self) -> float | None:
        """Seconds, where the server gives them as a number."""
        value = self.headers.get("Retry-After", "")
        return float(value) if value.isdigit() else None


def from_answer(answer: Answer) -> ArgosyError:
    """The typed failure for an answer of 400 and above."""
    details = _Details.read(answer)
    where, text = answer.where, details.text
    match answer.status:
        case 401:
            return Unauthorized(
                f"{where}: the credentials are expired or unknown; renew those of the cluster's kubeconfig",
                retry_after=UNAUTHORIZED_DELAY,
            )
        case 403:
            return _forbidden(answer, details)
        case 404:
            return _not_found(answer, details)
        case 409:
            return _conflict(answer, details)
        case 410:
            return Expired(f"{where}: the position asked for is too old; it is read anew")
        case 413:
            return Rejected(f"{where}: the object is too large for the cluster; make it smaller")
        case 429:
            return Throttled(
                f"{where}: the server asks for patience; it is tried again",
                retry_after=answer.retry_after or THROTTLED_DELAY,
            )
        case 500 if _UNREADABLE.search(details.message):
            return _rejected(answer, details)
        case 500 if _WANTS_NO_VERSION.search(details.message):
            return Raced(f"{where}: the server creates nothing that has a version; it is looked at again")
        case status if status >= 500:
            return Transient(
                f"{where}: the server failed with {status} ({text}); it is tried again",
                retry_after=answer.retry_after,
            )
        case 407:
            return Unreachable(
                f"{where}: the proxy refuses the connection; correct proxy-url in the kubeconfig"
            )
        case _:
            return _rejected(answer, details)


def from_exception(error: BaseException, *, cluster: str, server: str, what: str) -> ArgosyError:
    """The typed failure for a request that got no answer, or none that an API server gives."""
    where = f"{cluster}: {what}"
    match error:
        case aiohttp.ClientConnectorCertificateError() | ssl.SSLError() | aiohttp.ClientSSLError():
            return Unreachable(
                f"{where}: TLS with {server} fails ({_brief(error)}); check the CA in the kubeconfig"
            )
        case TimeoutError():
            return Unreachable(
                f"{where}: {server} does not answer in time; check that it runs and can be reached"
            )
        case aiohttp.ClientConnectorDNSError():
            return Unreachable(
                f"{where}: the name of {server} does not resolve; check the server in the kubeconfig"
            )
        case aiohttp.ClientHttpProxyError() | aiohttp.ClientProxyConnectionError():
            return Unreachable(
                f"{where}: the proxy to {server} does not answer; check proxy-url in the kubeconfig"
            )
        case aiohttp.ClientConnectorError():
            reason = error.os_error.strerror or _brief(error)
            return Unreachable(
                f"{where}: {server} refuses connections ({reason}); check that it runs and can be reached"
            )
        case ValueError():
            return Unreachable(
                f"{where}: {server} does not answer as an API server does; check the server in the kubeconfig"
            )
        case _:
            return Unreachable(
                f"{where}: the connection to {server} broke ({_brief(error)}); it is tried again"
            )


@dataclass(frozen=True)
class _Details:
    """What an API server says in the Status object of its refusal."""

    message: str
    reason: str
    kind: str
    name: str
    causes: tuple[Mapping[str, Any], ...]
    secret: bool

    @classmethod
    def read(cls, answer: Answer) -> _Details:
        try:
            status = json.loads(answer.body)
        except ValueError:
            status = None
        if not isinstance(status, dict) or status.get("kind") != "Status":
            plain = answer.body.decode("utf-8", "replace")
            return cls(_flat(plain), "", "", "", (), answer.secret)
        details = status.get("details") or {}
        return cls(
            message=_flat(str(status.get("message") or "")),
            reason=status.get("reason") or "",
            kind=details.get("kind") or "",
            name=details.get("name") or "",
            causes=tuple(details.get("causes") or ()),
            secret=answer.secret,
        )

    @property
    def text(self) -> str:
        """What may be shown of it: causes by field where there are any, otherwise the message."""
        if self.secret:
            fields = _unique(str(cause["field"]) for cause in self.causes if cause.get("field"))
            return f"{', '.join(fields)}: {_WITHHELD}" if fields else _WITHHELD
        causes = _unique(
            f"{cause['field']}: {_flat(str(cause.get('message', '')))}"
            for cause in self.causes
            if cause.get("field")
        )
        return ("; ".join(causes) or self.message or "no reason given")[:_MAX_TEXT]

    def immutable(self) -> list[str]:
        """The fields that the server refuses to change on an existing object."""
        return _unique(
            str(cause["field"])
            for cause in self.causes
            if cause.get("field") and _IMMUTABLE.search(str(cause.get("message", "")))
        )


def _forbidden(answer: Answer, details: _Details) -> ArgosyError:
    where = answer.where
    if any(cause.get("reason") == "NamespaceTerminating" for cause in details.causes):
        return Terminating(
            f"{where}: its namespace is being deleted; it is tried again when that is done",
            retry_after=TERMINATING_DELAY,
        )
    denied = _DENIED.search(details.message)
    if denied is None:
        # Quotas, pod security and webhooks refuse with the same code; it is the object that they judge.
        return Rejected(
            f"{where}: refused by the cluster's admission ({details.text}); satisfy or change that rule"
        )
    user, verb, path, resource, group, namespace = denied.group(
        "user", "verb", "path", "resource", "group", "namespace"
    )
    target = path or (f"{resource}.{group}" if group else resource)
    scope = f" in namespace {namespace}" if namespace else ""
    return Forbidden(
        f"{where}: user {user} may not {verb} {target}{scope}; grant that in the RBAC rules of {answer.cluster}"
    )


def _not_found(answer: Answer, details: _Details) -> ArgosyError:
    if details.kind == "namespaces" and f"/namespaces/{details.name}/" in answer.path:
        return NamespaceMissing(
            f"{answer.where}: namespace {details.name} does not exist there; create or propagate it"
        )
    if details.name:
        return Absent(f"{answer.where}: it does not exist there; apply it first")
    return NotEstablished(f"{answer.where}: the kind is not served there yet; install or propagate its CRD")


def _conflict(answer: Answer, details: _Details) -> ArgosyError:
    if any(cause.get("reason") == "FieldManagerConflict" for cause in details.causes):
        return Conflict(f"{answer.where}: {details.text}; let one of the two leave the field out")
    if details.reason == "AlreadyExists":
        return Conflict(f"{answer.where}: it exists already; choose another name or delete it")
    return Raced(f"{answer.where}: another writer was faster ({details.text}); it is tried again")


def _rejected(answer: Answer, details: _Details) -> ArgosyError:
    immutable = details.immutable()
    if "metadata.uid" in immutable:
        return Raced(f"{answer.where}: another object has taken its place; it is looked at again")
    if immutable:
        return Immutable(
            f"{answer.where}: {', '.join(immutable)} cannot be changed on an existing object; restore the old value, "
            'or set the annotation `argosy.dev/replace: "true"` on the template to have it deleted and created anew'
        )
    return Rejected(
        f"{answer.where}: {details.text}; correct the template or the overrides for {answer.cluster}"
    )


def _unique(items: Any) -> list[str]:
    return list(dict.fromkeys(items))


def _flat(text: str) -> str:
    return " ".join(text.split())[:_MAX_TEXT]


def _brief(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
