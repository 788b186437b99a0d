"""`POST /decode` and `/encode`: payloads made readable for Temporal's UI and command line.

Whoever may decode may read every manifest, so this is guarded by a token of its own, answers for its own namespace
only, and masks the values of Secrets unless it is told to show them.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection

from aiohttp import web
from google.protobuf.json_format import MessageToJson, Parse, ParseError
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.converter import PayloadCodec

from argosy.api.redact import MASK
from argosy.api.redact_nested import redacted_json
from argosy.errors import InvalidInput
from serve.access import Bearer, Unauthenticated
from serve.http import body_of

logger = logging.getLogger("argosy.serve.codec")

LARGEST_BODY = 16 * 2**20
"""Bytes; the UI sends all payloads of an event together, four bytes for three."""
_PREFLIGHT_SECONDS = "600"
_HEADERS = "authorization, content-type, x-namespace"
_READABLE = (b"json/plain", b"json/protobuf")
_MASKED = json.dumps(MASK).encode()
_HARMLESS = (b"binary/null",)


class CodecServer:
    """The two calls and the questions that browsers ask before them.

    Args:
        origins: of the UIs whose pages may call, exactly as browsers name them.
        show_secrets: leave values of Secrets readable.
        allow_encode: answer `/encode` too.
    """

    def __init__(
        self,
        codec: PayloadCodec,
        *,
        namespace: str,
        bearer: Bearer | None,
        origins: Collection[str] = (),
        show_secrets: bool = False,
        allow_encode: bool = False,
    ) -> None:
        self._codec = codec
        self._namespace = namespace
        self._bearer = bearer
        self._origins = frozenset(origins)
        self._show_secrets = show_secrets
        self._allow_encode = allow_encode

    def routes(self) -> list[web.RouteDef]:
        """Where it is called."""
        routes = [web.post("/decode", self._decode), web.options("/decode", self._preflight)]
        if self._allow_encode:
            routes += [web.post("/encode", self._encode), web.options("/encode", self._preflight)]
        return routes

    async def _preflight(self, request: web.Request) -> web.Response:
        if request.headers.get("Origin") not in self._origins:
            return web.Response(status=403)
        headers = {
            "Access-Control-Allow-Methods": "POST",
            "Access-Control-Allow-Headers": _HEADERS,
            "Access-Control-Max-Age": _PREFLIGHT_SECONDS,
        }
        return self._shared(request, web.Response(status=204, headers=headers))

    async def _decode(self, request: web.Request) -> web.Response:
        payloads = await self._received(request)
        if isinstance(payloads, web.Response):
            return payloads
        try:
            decoded = await self._codec.decode(payloads.payloads)
        except InvalidInput as error:
            return self._refused(request, 400, str(error))
        except Exception:  # noqa: BLE001 - whatever is sent may be cut off or made up
            return self._refused(request, 400, "a payload is damaged; it cannot be decoded")
        shown = decoded if self._show_secrets else [masked(payload) for payload in decoded]
        return self._answer(request, shown)

    async def _encode(self, request: web.Request) -> web.Response:
        payloads = await self._received(request)
        if isinstance(payloads, web.Response):
            return payloads
        if any(f'"{MASK}"' in _unescaped(payload) for payload in payloads.payloads):
            return self._refused(
                request, 400, f"a value is {MASK}, which stands for one that is not shown; write the real one"
            )
        return self._answer(request, await self._codec.encode(payloads.payloads))

    async def _received(self, request: web.Request) -> Payloads | web.Response:
        """The payloads, or the answer where there are none for this caller."""
        if self._bearer is not None:
            try:
                self._bearer.check(request.headers)
            except Unauthenticated as error:
                logger.warning("refused %s from %s: %s", request.path, request.remote, error)
                return self._refused(request, 401, "unauthorized")
        asked = request.headers.get("X-Namespace", self._namespace)
        if asked != self._namespace:
            return self._refused(
                request, 403, f"this codec server is for namespace {self._namespace}; ask that of {asked!r}"
            )
        if request.content_type != "application/json":
            return self._refused(request, 415, "send application/json")
        try:
            return Parse(await body_of(request, most=LARGEST_BODY), Payloads())
        except (ParseError, UnicodeDecodeError, RecursionError):
            return self._refused(request, 400, 'the body is not {"payloads": [...]} as Temporal writes it')

    def _answer(self, request: web.Request, payloads: Collection[Payload]) -> web.Response:
        text = MessageToJson(Payloads(payloads=payloads), indent=None)
        return self._shared(request, web.Response(text=text, content_type="application/json"))

    def _refused(self, request: web.Request, status: int, why: str) -> web.Response:
        """An answer in words: the UI and the command line show it as it is."""
        headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
        return self._shared(request, web.Response(status=status, text=f"{why}\n", headers=headers))

    def _shared(self, request: web.Request, response: web.Response) -> web.Response:
        origin = request.headers.get("Origin")
        response.headers["Vary"] = "Origin"
        response.headers["Cache-Control"] = "no-store"
        if origin in self._origins:
            response.headers["Access-Control-Allow-Origin"] = origin
        return response


def masked(payload: Payload) -> Payload:
    """The same payload with values of Secrets masked; what cannot be looked through is masked as a whole."""
    encoding = payload.metadata.get("encoding", b"")
    if encoding in _HARMLESS:
        return payload
    if encoding not in _READABLE:
        return Payload(metadata={"encoding": b"json/plain"}, data=_MASKED)
    try:
        data = redacted_json(payload.data.decode()).encode()
    except UnicodeDecodeError:
        data = _MASKED
    return Payload(metadata=payload.metadata, data=data)


def _unescaped(payload: Payload) -> str:
    """The text of a payload as if no JSON in it were inside other JSON."""
    return payload.data.decode(errors="replace").replace("\\", "")
