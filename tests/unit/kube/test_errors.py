"""One table: what a server answers or a connection suffers, and what that means."""

from __future__ import annotations

import errno
import json
import ssl
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey
from hypothesis import given
from hypothesis import strategies as st

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
from argosy.kube.errors import Answer, from_answer, from_exception

OBJECT = "/apis/apps/v1/namespaces/shop/deployments/web"


def status(message: str = "", reason: str = "", **details: Any) -> bytes:
    return json.dumps({"kind": "Status", "message": message, "reason": reason, "details": details}).encode()


def failure(
    code: int,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    *,
    path: str = OBJECT,
    secret: bool = False,
) -> ArgosyError:
    return from_answer(
        Answer(
            status=code,
            body=body,
            headers=headers or {},
            cluster="m1",
            what="apply Deployment shop/web",
            path=path,
            secret=secret,
        )
    )


FORBIDDEN = (
    'deployments.apps "web" is forbidden: User "bob" cannot patch resource "deployments" in API group "apps" '
    'in the namespace "shop"'
)
IMMUTABLE = {"field": "spec.selector", "message": "Invalid value: {}: field is immutable"}
OTHER_UID = {"field": "metadata.uid", "message": 'Invalid value: "1": field is immutable'}

TABLE: list[tuple[str, int, bytes, type[ArgosyError], str]] = [
    ("credentials", 401, status("Unauthorized", "Unauthorized"), Unauthorized, "renew"),
    (
        "rbac",
        403,
        status(FORBIDDEN, "Forbidden", name="web", kind="deployments"),
        Forbidden,
        "user bob may not patch deployments.apps in namespace shop",
    ),
    (
        "rbac, core group, whole cluster",
        403,
        status(
            'nodes is forbidden: User "bob" cannot list resource "nodes" in API group "" at the cluster scope'
        ),
        Forbidden,
        "user bob may not list nodes;",
    ),
    (
        "rbac, path",
        403,
        status('forbidden: User "system:anonymous" cannot get path "/apis"'),
        Forbidden,
        "user system:anonymous may not get /apis;",
    ),
    (
        "admission",
        403,
        status('pods "web" is forbidden: violates PodSecurity "restricted:latest"', "Forbidden"),
        Rejected,
        "violates PodSecurity",
    ),
    (
        "namespace goes",
        403,
        status("being terminated", "Forbidden", causes=[{"reason": "NamespaceTerminating"}]),
        Terminating,
        "namespace is being deleted",
    ),
    (
        "object",
        404,
        status('"web" not found', "NotFound", name="web", kind="deployments"),
        Absent,
        "not exist",
    ),
    (
        "namespace",
        404,
        status('namespaces "shop" not found', "NotFound", name="shop", kind="namespaces"),
        NamespaceMissing,
        "namespace shop does not exist",
    ),
    ("resource", 404, status("the server could not find the requested resource"), NotEstablished, "CRD"),
    ("group", 404, b"404 page not found\n", NotEstablished, "CRD"),
    ("exists", 409, status('"web" already exists', "AlreadyExists", name="web"), Conflict, "exists already"),
    (
        "field owner",
        409,
        status("", "Conflict", causes=[{"reason": "FieldManagerConflict", "field": ".spec", "message": "x"}]),
        Conflict,
        ".spec: x",
    ),
    ("modified", 409, status("the object has been modified", "Conflict", name="web"), Raced, "faster"),
    (
        "absent, with UID",
        409,
        status("uid mismatch: ... no existing object", "Conflict"),
        Raced,
        "uid mismatch",
    ),
    ("old list", 410, status("too old resource version", "Expired"), Expired, "anew"),
    ("size", 413, b"", Rejected, "too large"),
    (
        "schema",
        422,
        status("", "Invalid", causes=[{"field": "spec.replicas", "message": "bad"}]),
        Rejected,
        "bad",
    ),
    (
        "immutable",
        422,
        status("", "Invalid", causes=[IMMUTABLE]),
        Immutable,
        "spec.selector cannot be changed",
    ),
    ("other UID", 422, status("", "Invalid", causes=[OTHER_UID, OTHER_UID]), Raced, "taken its place"),
    ("no JSON", 400, status("invalid object type", "BadRequest"), Rejected, "invalid object type"),
    ("media type", 415, status("unsupported media type"), Rejected, "correct the template"),
    ("proxy", 407, b"", Unreachable, "proxy"),
    ("patience", 429, status("too many requests"), Throttled, "patience"),
    ("bug", 500, status("etcdserver: leader changed"), Transient, "leader changed"),
    (
        "unreadable",
        500,
        status(
            "failed to create typed patch object (d/w; apps/v1): .spec.replica: field not declared in schema"
        ),
        Rejected,
        ".spec.replica: field not declared",
    ),
    (
        "no version",
        500,
        status("resourceVersion should not be set on objects to be created"),
        Raced,
        "looked at again",
    ),
    ("starting", 503, b"", Transient, "no reason given"),
    ("etcd", 504, status("Timeout"), Transient, "504"),
]


@pytest.mark.parametrize(
    ("code", "body", "kind", "says"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_an_answer_has_one_meaning(code: int, body: bytes, kind: type[ArgosyError], says: str) -> None:
    error = failure(code, body)
    assert type(error) is kind
    assert says in str(error)
    assert str(error).startswith("m1: apply Deployment shop/web: ")
    assert "; " in str(error), "a sentence ends with the remedy"


def test_a_missing_namespace_object_is_not_a_missing_surrounding() -> None:
    body = status('namespaces "shop" not found', "NotFound", name="shop", kind="namespaces")
    assert type(failure(404, body, path="/api/v1/namespaces/shop")) is Absent


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [({"Retry-After": "7"}, 7.0), ({}, 1.0), ({"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"}, 1.0)],
)
def test_the_server_says_how_long_to_wait(headers: dict[str, str], seconds: float) -> None:
    error = failure(429, headers=headers)
    assert isinstance(error, Throttled)
    assert error.retry_after == seconds


SECRET_BODIES = [
    status("", "Invalid", causes=[{"field": "data[key]", "message": "Invalid value: hunter2"}]),
    status("failed to convert new object (default/s): hunter2"),
    status("something with hunter2"),
    b"hunter2",
]


@pytest.mark.parametrize("code", [400, 409, 413, 415, 422, 429, 500, 503])
@pytest.mark.parametrize("body", SECRET_BODIES)
def test_values_of_a_secret_are_never_repeated(code: int, body: bytes) -> None:
    assert "hunter2" not in str(failure(code, body, secret=True))


def test_the_fields_of_a_secret_are_named() -> None:
    assert "data[key]" in str(failure(422, SECRET_BODIES[0], secret=True))


@given(code=st.integers(400, 599), body=st.binary(max_size=2000), secret=st.booleans())
def test_whatever_is_answered_becomes_one_bounded_sentence(code: int, body: bytes, secret: bool) -> None:
    text = str(failure(code, body, secret=secret))
    assert "\n" not in text
    assert len(text) < 800


KEY = ConnectionKey("m1.example", 6443, True, True, None, None, None)


def unreachable(error: BaseException) -> str:
    mapped = from_exception(error, cluster="m1", server="https://m1.example:6443", what="probe")
    assert type(mapped) is Unreachable
    assert "; " in str(mapped)
    return str(mapped)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (
            aiohttp.ClientConnectorError(KEY, OSError(errno.ECONNREFUSED, "refused")),
            "refuses connections (refused)",
        ),
        (aiohttp.ClientConnectorDNSError(KEY, OSError(-2, "Name or service not known")), "does not resolve"),
        (aiohttp.ClientConnectorSSLError(KEY, OSError(1, "wrong version number")), "TLS with"),
        (aiohttp.ClientConnectorCertificateError(KEY, ssl.SSLError(1, "unknown CA")), "CA"),
        (ssl.SSLError(1, "bad record"), "TLS with"),
        (TimeoutError(), "in time"),
        (aiohttp.ConnectionTimeoutError(), "in time"),
        (aiohttp.SocketTimeoutError(), "in time"),
        (aiohttp.ClientProxyConnectionError(KEY, OSError(errno.ECONNREFUSED, "refused")), "proxy-url"),
        (
            aiohttp.ClientHttpProxyError(
                cast("Any", SimpleNamespace(real_url="http://proxy")), (), status=407, message="no"
            ),
            "proxy-url",
        ),
        (aiohttp.ServerDisconnectedError(), "broke"),
        (ConnectionResetError(errno.ECONNRESET, "reset"), "broke"),
        (json.JSONDecodeError("Expecting value", "<html>", 0), "as an API server does"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_no_answer_is_unreachable_and_says_why(error: BaseException, says: str) -> None:
    assert says in unreachable(error)
