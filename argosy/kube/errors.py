"""From whatever goes wrong on the way to a member cluster to a typed failure: one table."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Mapping
from typing import Any

import aiohttp

from argosy.errors import (
    Absent,
    ArgosyError,
    Conflict,
    Forbidden,
    NamespaceMissing,
    NotEstablished,
    Rejected,
    Throttled,
    Transient,
    Unauthorized,
    Unreachable,
)

_MAX_TEXT = 500
_UNAUTHORIZED_DELAY = 30.0


def from_status(
    status: int, body: bytes, *, cluster: str, what: str, headers: Mapping[str, str], secret: bool = False
) -> ArgosyError:
    """The typed failure for an HTTP answer of 400 and above.

    Args:
        what: what was being done, such as `apply Deployment default/web`.
        secret: the object is a Secret, so the server's text, which may quote it, is not repeated.
    """
    answer = _status_object(body)
    text = "the server's reason is withheld for a Secret" if secret else _text(answer, body)
    where = f"{cluster}: {what}"
    match status:
        case 401:
            return Unauthorized(
                f"{where}: the credentials are expired or unknown; renew them in the cluster's kubeconfig",
                retry_after=_UNAUTHORIZED_DELAY,
            )
        case 403:
            if _names_missing_namespace(answer):
                return NamespaceMissing(f"{where}: {text}")
            return Forbidden(f"{where}: not permitted ({text}); grant it to the credentials of {cluster}")
        case 404:
            return _not_found(answer, where=where, text=text)
        case 409:
            return Conflict(f"{where}: {text}")
        case 410:
            return Absent(f"{where}: the version asked for is gone")
        case 413:
            return Rejected(f"{where}: the object is too large for the cluster; make it smaller")
        case 400 | 405 | 406 | 415 | 422:
            return Rejected(f"{where}: {text}; correct the template or the overrides for {cluster}")
        case 429:
            return Throttled(f"{where}: {text}", retry_after=_retry_after(headers) or 1.0)
        case _ if status >= 500:
            return Transient(
                f"{where}: the server failed with {status}: {text}", retry_after=_retry_after(headers)
            )
        case _:
            return Rejected(f"{where}: unexpected answer {status}: {text}")


def from_exception(error: BaseException, *, cluster: str, server: str, what: str) -> ArgosyError:
    """The typed failure for a request that got no answer."""
    where = f"{cluster}: {what}"
    match error:
        case aiohttp.ClientConnectorCertificateError() | ssl.SSLError() | aiohttp.ClientSSLError():
            return Unreachable(
                f"{where}: TLS with {server} fails ({_brief(error)}); check the kubeconfig's CA"
            )
        case asyncio.TimeoutError():
            return Unreachable(f"{where}: {server} does not answer in time")
        case aiohttp.ClientConnectorDNSError():
            return Unreachable(f"{where}: the name of {server} does not resolve")
        case aiohttp.ClientConnectorError():
            return Unreachable(
                f"{where}: {server} refuses connections ({error.os_error.strerror or _brief(error)})"
            )
        case _:
            return Unreachable(f"{where}: the connection to {server} broke ({_brief(error)})")


def _not_found(answer: Mapping[str, Any], *, where: str, text: str) -> ArgosyError:
    if _names_missing_namespace(answer):
        return NamespaceMissing(f"{where}: {text}")
    if (answer.get("details") or {}).get("name"):
        return Absent(f"{where}: not found")
    return NotEstablished(f"{where}: the kind is not served there yet; is its CRD installed or propagated?")


def _names_missing_namespace(answer: Mapping[str, Any]) -> bool:
    details = answer.get("details") or {}
    return answer.get("reason") == "NotFound" and details.get("kind") == "namespaces"


def _status_object(body: bytes) -> Mapping[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) and answer.get("kind") == "Status" else {}


def _text(answer: Mapping[str, Any], body: bytes) -> str:
    message = answer.get("message") or body.decode("utf-8", "replace").strip() or "no reason given"
    return " ".join(str(message).split())[:_MAX_TEXT]


def _retry_after(headers: Mapping[str, str]) -> float | None:
    value = headers.get("Retry-After", "")
    return float(value) if value.isdigit() else None


def _brief(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
